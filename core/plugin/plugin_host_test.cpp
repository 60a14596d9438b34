// The plugin host against real shared objects: a good plugin works, each broken one is one state and one log line.
#include "core/plugin/plugin_host.hpp"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <fstream>
#include <optional>

#include "core/plugin/library.hpp"
#include "core/plugin/metrics_registry.hpp"
#include "gantry/abi/controller.h"
#include "gantry/abi/log.h"
#include "gantry/bytes.hpp"
#include "gantry/status_proto.hpp"
#include "gantry/text.hpp"

namespace gantry::plugin {
namespace {

namespace fs = std::filesystem;

class FakeTable : public ConfigTable {
 public:
  std::map<std::string, std::string> values;
  std::vector<std::string> unknown;
  Expected<std::optional<std::string>> get_string(std::string_view key) override {
    const auto it = values.find(std::string(key));
    if (it == values.end()) return std::optional<std::string>();
    return std::optional(it->second);
  }
  Expected<std::optional<int64_t>> get_int(std::string_view) override { return std::optional<int64_t>(); }
  Expected<std::optional<bool>> get_bool(std::string_view) override { return std::optional<bool>(); }
  Expected<std::optional<std::vector<std::string>>> get_strings(std::string_view) override {
    return std::optional<std::vector<std::string>>();
  }
  std::vector<std::string> unknown_keys() const override { return unknown; }
};

class PluginHostTest : public testing::Test {
 protected:
  void SetUp() override {
    ::umask(022);  // the host refuses folders that others can write
    dir_ = fs::temp_directory_path() / ("gantry-plugin-test-" + std::to_string(getpid()) + "-" +
                                        testing::UnitTest::GetInstance()->current_test_info()->name());
    fs::create_directories(dir_ / "so");
    PluginHostOptions options;
    options.clock = &clock_;
    options.timers = &timers_;
    options.tasks = &pool_;
    options.log = [this](std::string_view plugin, int32_t level, std::string_view text) {
      log_ += std::string(plugin) + "|" + std::to_string(level) + "|" + std::string(text) + "\n";
    };
    options.run_dir = dir_ / "run";
    options.data_dir = dir_ / "data";
    options.drain_ms = 200;
    host_ = std::make_unique<PluginHost>(std::move(options));
  }
  void TearDown() override {
    host_.reset();
    fs::remove_all(dir_);
  }
  static gantry_code reconcile(Plugin& plugin, std::string_view name) {
    const auto call = plugin.enter();
    const auto* controller = call.table<gantry_controller>(GANTRY_CONTROLLER_ID);
    if (controller == nullptr) return -1;
    Buffer result, error;
    return controller->reconcile(call.instance(), to_slice("ns"), to_slice(name), result.out(), error.out());
  }
  // Puts the built flavour under the name its file must have.
  PluginSettings settings(const std::string& flavour, const std::string& name) {
    const auto path = dir_ / "so" / (name + ".so");
    fs::copy_file(fs::path(TEST_PLUGINS) / ("test_plugin_" + flavour + ".so"), path,
                  fs::copy_options::overwrite_existing);
    return {name, path, "", false, nullptr};
  }
  void expect_refused(const PluginSettings& wanted, std::string_view why) {
    const auto plugin = host_->load(wanted);
    ASSERT_FALSE(plugin.ok());
    EXPECT_NE(plugin.error().message().find(why), std::string::npos) << plugin.error().message();
    ASSERT_EQ(host_->list().size(), 1u);
    EXPECT_EQ(host_->list()[0].phase, PluginPhase::kFailed);
    EXPECT_NE(log_.find("plugin " + wanted.name + " was not loaded"), std::string::npos) << log_;
    EXPECT_TRUE(host_->with_interface(GANTRY_CONTROLLER_ID).empty());
  }

  fs::path dir_;
  SystemClock clock_;
  Timers timers_{clock_};
  WorkerPool pool_{"test", 2};
  std::string log_;
  std::unique_ptr<PluginHost> host_;
};

TEST_F(PluginHostTest, LoadsAndCallsAGoodPlugin) {
  auto wanted = settings("good", "good");
  auto table = std::make_shared<FakeTable>();
  table->values["greeting"] = "moin";
  wanted.config = table;
  const auto plugin = host_->load(wanted);
  ASSERT_TRUE(plugin.ok()) << plugin.error().message();
  EXPECT_NE(log_.find("good|1|greeting moin"), std::string::npos) << log_;
  EXPECT_EQ(reconcile(**plugin, "cm"), 0);
  EXPECT_NE(log_.find("reconcile cm"), std::string::npos);
  EXPECT_EQ(host_->list()[0].image.version, "1.2.3");
}

TEST_F(PluginHostTest, OverwritingTheFileDoesNotTouchTheLoadedImage) {
  const auto wanted = settings("good", "good");
  const auto plugin = host_->load(wanted);
  ASSERT_TRUE(plugin.ok());
  std::ofstream(wanted.path, std::ios::trunc) << "garbage";
  EXPECT_EQ(reconcile(**plugin, "x"), 0);
}

TEST_F(PluginHostTest, RefusesBrokenPlugins) {
  expect_refused(settings("wrong_major", "wrong-major"), "built for ABI 2.0, this daemon speaks 1.0");
}
TEST_F(PluginHostTest, OnePluginAsksAnotherWhileThatIsExchanged) {
  const auto asks = host_->load(settings("good", "good"));
  ASSERT_TRUE(asks.ok());
  EXPECT_EQ(reconcile(**asks, "ask-stateful"), 404);
  const auto other = settings("stateful", "stateful");
  ASSERT_TRUE(host_->load(other).ok());
  for (int i = 0; i < 5; ++i) {
    EXPECT_EQ(reconcile(**asks, "ask-stateful"), 0);
    ASSERT_TRUE(host_->reload(other).ok());
  }
  EXPECT_NE(log_.find("stateful|1|count 5"), std::string::npos) << log_;
  EXPECT_EQ(reconcile(**asks, "ask-good"), 400);
  ASSERT_TRUE(host_->disable("stateful").ok());
  EXPECT_EQ(reconcile(**asks, "ask-stateful"), 503);
}

TEST_F(PluginHostTest, ExceptionsOutOfEntryPointsAreSentences) {
  expect_refused(settings("throws", "throws"), "its get_interface threw: nobody knows this");
  EXPECT_NE(log_.find("plugin throws: its destroy threw: the end is not nigh"), std::string::npos) << log_;
}
TEST_F(PluginHostTest, RefusesASmallTable) {
  expect_refused(settings("small_table", "small-table"), "has size 8, at least");
}
TEST_F(PluginHostTest, RefusesAMissingFunction) {
  expect_refused(settings("no_reconcile", "no-reconcile"), "lacks its function reconcile");
}
TEST_F(PluginHostTest, ReportsAFailingCreate) {
  expect_refused(settings("create_fails", "create-fails"), "create failed: this flavour never starts");
}
TEST_F(PluginHostTest, RefusesABadName) { expect_refused(settings("bad_name", "bad-name"), "is not a DNS-1123 label"); }
TEST_F(PluginHostTest, RefusesAnotherName) {
  expect_refused(settings("good", "other"), "the file must then be good.so");
}
TEST_F(PluginHostTest, RefusesWhatIsNoLibrary) {
  std::ofstream(dir_ / "so" / "text.so") << "not an ELF file";
  expect_refused({"text", dir_ / "so" / "text.so", "", false, nullptr}, "is not a loadable shared object");
}
TEST_F(PluginHostTest, RefusesAMissingFile) {
  expect_refused({"gone", dir_ / "so" / "gone.so", "", false, nullptr}, "gone.so");
}
TEST_F(PluginHostTest, RefusesUnknownKeys) {
  auto wanted = settings("good", "good");
  auto table = std::make_shared<FakeTable>();
  table->unknown = {"gantry.toml:3:1: unknown key plugin.good.colour"};
  wanted.config = table;
  expect_refused(wanted, "unknown key plugin.good.colour");
}

TEST_F(PluginHostTest, PinsBySha256) {
  auto wanted = settings("good", "good");
  wanted.sha256 = std::string(64, '0');
  expect_refused(wanted, "the configuration pins 0000");
  wanted.sha256 = *sha256_of(wanted.path);
  EXPECT_TRUE(host_->load(wanted).ok());
  EXPECT_EQ(host_->list()[0].phase, PluginPhase::kRunning);
}

TEST_F(PluginHostTest, RefusesTheSameNameTwice) {
  const auto wanted = settings("good", "good");
  ASSERT_TRUE(host_->load(wanted).ok());
  const auto again = host_->load(wanted);
  ASSERT_FALSE(again.ok());
  EXPECT_NE(again.error().message().find("already loaded"), std::string::npos);
  EXPECT_EQ(host_->with_interface(GANTRY_CONTROLLER_ID).size(), 1u);
}

// Sanitizers keep images mapped.
bool mapped(const std::string& image) {
#ifdef GANTRY_SANITIZED
  (void)image;
  return false;
#else
  std::ifstream maps("/proc/self/maps");
  const std::string all((std::istreambuf_iterator<char>(maps)), {});
  return all.find(image) != std::string::npos;
#endif
}

TEST_F(PluginHostTest, ShutdownUnmapsTheImage) {
  ASSERT_TRUE(host_->load(settings("good", "good")).ok());
  host_->shutdown();
  EXPECT_FALSE(mapped("good.1.so"));
  EXPECT_TRUE(fs::is_empty(dir_ / "run" / "plugins"));
}

TEST_F(PluginHostTest, AReloadExchangesTheInstanceAndUnmapsTheOldImage) {
  const auto wanted = settings("stateful", "stateful");
  const auto plugin = host_->load(wanted);
  ASSERT_TRUE(plugin.ok()) << plugin.error().message();
  EXPECT_EQ(reconcile(**plugin, "a"), 0);
  ASSERT_TRUE(host_->reload(wanted).ok()) << log_;
  EXPECT_EQ(reconcile(**plugin, "a"), 0);
  EXPECT_NE(log_.find("count 2"), std::string::npos) << log_;
  EXPECT_FALSE(mapped("stateful.1.so"));
  const auto info = (*plugin)->info();
  EXPECT_EQ(info.reloads, 1u);
  EXPECT_GT(info.last_pause_ns, 0);
  EXPECT_EQ(info.phase, PluginPhase::kRunning);
}

TEST_F(PluginHostTest, AFailedReloadLeavesTheOldInstanceAtWork) {
  const auto wanted = settings("stateful", "stateful");
  const auto plugin = host_->load(wanted);
  ASSERT_TRUE(plugin.ok());
  EXPECT_EQ(reconcile(**plugin, "a"), 0);
  std::ofstream(wanted.path, std::ios::trunc) << "garbage";
  EXPECT_FALSE(host_->reload(wanted).ok());
  EXPECT_NE((*plugin)->info().message.find("is not a loadable shared object"), std::string::npos);
  settings("forgetful", "stateful");
  const auto refused = host_->reload(wanted);
  ASSERT_FALSE(refused.ok());
  EXPECT_NE(refused.message().find("does not take over the state of the old one: this version knows no counts"),
            std::string::npos)
      << refused.message();
  EXPECT_FALSE(mapped("stateful.3.so"));
  EXPECT_EQ(reconcile(**plugin, "a"), 0);
  EXPECT_NE(log_.find("count 2"), std::string::npos) << log_;
  const auto info = (*plugin)->info();
  EXPECT_EQ(info.phase, PluginPhase::kRunning);
  EXPECT_EQ(info.failed_reloads, 2u);
  EXPECT_EQ(info.reloads, 0u);
}

TEST_F(PluginHostTest, ALongCallEndsOnTheInstanceThatBeganIt) {
  const auto wanted = settings("good", "good");
  const auto plugin = host_->load(wanted);
  ASSERT_TRUE(plugin.ok());
  auto call = (*plugin)->enter(CallKind::kLong);
  void* const begun = call.instance();
  ASSERT_TRUE(host_->reload(wanted).ok());
  EXPECT_NE((*plugin)->enter().instance(), begun);
  Buffer result, error;
  EXPECT_EQ(call.table<gantry_controller>(GANTRY_CONTROLLER_ID)
                ->reconcile(call.instance(), to_slice(""), to_slice("late"), result.out(), error.out()),
            0);
  call = {};
  ASSERT_TRUE(host_->reload(wanted).ok());  // whatever the reaper has not done yet, this has
  EXPECT_FALSE(mapped("good.1.so"));
  EXPECT_FALSE(mapped("good.2.so"));
}

TEST_F(PluginHostTest, OfAControllerTwoInstancesMayWorkSideBySide) {
  const auto wanted = settings("good", "good");
  const auto plugin = host_->load(wanted);
  ASSERT_TRUE(plugin.ok());
  auto call = (*plugin)->enter();
  ASSERT_TRUE(host_->reload(wanted).ok());
  EXPECT_NE((*plugin)->enter().instance(), call.instance());
  call = {};
  ASSERT_TRUE(host_->reload(wanted).ok());
  EXPECT_FALSE(mapped("good.1.so"));
}

TEST_F(PluginHostTest, AReloadGivesUpWhenCallsDoNotEnd) {
  const auto wanted = settings("stateful", "stateful");
  const auto plugin = host_->load(wanted);
  ASSERT_TRUE(plugin.ok());
  const auto call = (*plugin)->enter();
  const auto refused = host_->reload(wanted);
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.message(), "calls into it did not end within 200 ms");
  EXPECT_EQ((*plugin)->enter().instance(), call.instance());
}

TEST_F(PluginHostTest, OffAndOn) {
  const auto wanted = settings("good", "good");
  const auto plugin = host_->load(wanted);
  ASSERT_TRUE(plugin.ok());
  ASSERT_TRUE(host_->disable("good").ok());
  ASSERT_TRUE(host_->disable("good").ok());
  EXPECT_FALSE((*plugin)->enter());
  EXPECT_EQ(host_->find("good"), nullptr);
  EXPECT_EQ(host_->list()[0].phase, PluginPhase::kDisabled);
  EXPECT_FALSE(mapped("good.1.so"));
  ASSERT_TRUE(host_->reload(wanted).ok());
  EXPECT_EQ(reconcile(**plugin, "x"), 0);
  EXPECT_EQ((*plugin)->info().reloads, 0u);
}

class StubbornUser : public PluginUser {
 public:
  Status pause(Plugin&, int64_t) override { return steps("pause"); }
  Status adopt(Plugin&, Instance* next) override {
    adopted = next;
    return steps("adopt");
  }
  void resume(Plugin&) override { said += "resume "; }
  Status steps(const std::string& step) {
    said += step + " ";
    return step == fails ? Status::internal("no " + step) : Status();
  }
  std::string said, fails;
  Instance* adopted = nullptr;
};

TEST_F(PluginHostTest, UsersAreAskedInOrderAndGivenTheOldOneBack) {
  const auto wanted = settings("good", "good");
  const auto plugin = host_->load(wanted);
  ASSERT_TRUE(plugin.ok());
  Instance* const before = &(*plugin)->enter().pinned();
  StubbornUser first, second;
  host_->add_user(&first);
  host_->add_user(&second);
  second.fails = "pause";
  EXPECT_EQ(host_->reload(wanted).message(), "no pause");
  EXPECT_EQ(first.said, "pause resume ");
  first.said.clear();
  second.fails = "adopt";
  EXPECT_EQ(host_->reload(wanted).message(), "no adopt");
  EXPECT_EQ(first.said, "pause adopt adopt resume ");
  EXPECT_EQ(first.adopted, before);
  EXPECT_EQ(&(*plugin)->enter().pinned(), before);
  host_->remove_user(&second);
  EXPECT_TRUE(host_->reload(wanted).ok());
  EXPECT_NE(first.adopted, before);
  host_->remove_user(&first);
}

// What a plugin says of itself stands in lists and objects beside what others say.
TEST(ReadDescriptor, ItsTextsAreText) {
  const auto said = [](const std::string& version, const std::string& vendor, const std::string& description,
                       const std::vector<const char*>& ids) {
    auto interfaces = ids;
    interfaces.push_back(nullptr);
    const gantry_plugin_descriptor descriptor = {sizeof descriptor,   "sample",         version.c_str(), vendor.c_str(),
                                                 description.c_str(), interfaces.data()};
    gantry_plugin_api api{};
    api.size = sizeof api;
    api.abi_major = GANTRY_ABI_MAJOR;
    api.descriptor = &descriptor;
    api.create = [](const gantry_host*, void**, gantry_buffer*) -> gantry_code { return 0; };
    api.destroy = [](void*) {};
    api.get_interface = [](void*, const char*) -> const void* { return nullptr; };
    ImageInfo image;
    return read_descriptor(api, "sample", image).message();
  };
  EXPECT_EQ(said("1.0\xC3\xA9", std::string(256, 'v'), std::string(4'096, 'd'), {"a/1"}), "");
  const std::string end = " bytes at most, without control characters";
  for (const char* wrong : {"\xff", "a\nb", "\x1b[31m", "\x7f"}) {
    EXPECT_EQ(said(wrong, "v", "d", {}),
              "its descriptor has a text that is refused: its version must be UTF-8 of 256" + end);
    EXPECT_NE(said("1", wrong, "d", {}).find("its vendor must be"), std::string::npos);
    EXPECT_NE(said("1", "v", wrong, {}).find("its description must be"), std::string::npos);
    EXPECT_NE(said("1", "v", "d", {wrong}).find("its interface must be"), std::string::npos);
  }
  EXPECT_NE(said(std::string(257, '1'), "v", "d", {}), "");
  EXPECT_NE(said("1", "v", std::string(4'097, 'd'), {}), "");
  EXPECT_EQ(said("1", "v", "d", std::vector<const char*>(64, "a/1")), "");
  EXPECT_EQ(said("1", "v", "d", std::vector<const char*>(65, "a/1")), "its descriptor lists more than 64 interfaces");
}

TEST(StatusOf, WhatIsNoHttpErrorIsInternal) {
  for (const gantry_code code : {-1, 1, 200, 399, 600, INT32_MIN, INT32_MAX}) {
    EXPECT_EQ(status_of(code, "").code(), 500) << code;
    EXPECT_EQ(status_of(code, to_proto(Status::conflict("why")).SerializeAsString()).code(), 500) << code;
  }
  EXPECT_EQ(status_of(-7, "").message(), "failed with code -7 and no message");
  EXPECT_EQ(status_of(400, "").code(), 400);
  EXPECT_EQ(status_of(599, "").code(), 599);
  EXPECT_TRUE(status_of(0, "").ok());
}

TEST(MetricsRegistry, CountsWithLabels) {
  MetricsRegistry registry;
  const auto id = registry.declare("p", 0, "things_total", "Things", "kind=\"x\"");
  ASSERT_NE(id, 0u);
  EXPECT_EQ(registry.declare("p", 0, "things_total", "Things", "kind=\"x\""), id);
  registry.record(id, 2);
  registry.record(id, -5);
  EXPECT_NE(registry.text().find("things_total{kind=\"x\",plugin=\"p\"} 2"), std::string::npos) << registry.text();
  EXPECT_EQ(registry.declare("p", 0, "bad name", "", ""), 0u);
  EXPECT_EQ(registry.declare("p", 0, "things", "", "kind="), 0u);
  const std::string most(4'096, 'x');
  EXPECT_NE(registry.declare("p", 0, "things", most, ""), 0u);
  EXPECT_EQ(registry.declare("p", 0, "others", most + "x", ""), 0u);
  EXPECT_EQ(registry.declare("p", 0, "others", "", "kind=\"" + most + "\""), 0u);
}

TEST(MetricsRegistry, NoTextMakesALineOfItsOwn) {
  MetricsRegistry registry;
  ASSERT_NE(registry.declare("p", 1, "things", "a\nup{} 1\\", "kind=\"x\nup{} 2\\\""), 0u);
  ASSERT_NE(registry.declare("p", 1, "bytes", "\xff", "kind=\"\xff\""), 0u);
  const auto text = registry.text();
  EXPECT_NE(text.find("# HELP things a\\nup{} 1\\\\\n"), std::string::npos) << text;
  EXPECT_NE(text.find("things{kind=\"x\\nup{} 2\\\\\",plugin=\"p\"} 0"), std::string::npos) << text;
  EXPECT_EQ(text.find("\nup{}"), std::string::npos) << text;
  EXPECT_TRUE(is_utf8(text));
}

TEST(MetricsRegistry, ANameIsOneThing) {
  MetricsRegistry registry;
  ASSERT_NE(registry.declare("", 1, "own_total", "Own", ""), 0u);
  EXPECT_EQ(registry.declare("p", 1, "own_total", "Own", ""), 0u) << "the daemon's";
  EXPECT_EQ(registry.declare("p", 1, "kubelet_runtime_operations_total", "", ""), 0u) << "the daemon's, later";
  ASSERT_NE(registry.declare("p", 1, "shared", "Shared", ""), 0u);
  EXPECT_NE(registry.declare("q", 1, "shared", "Shared", ""), 0u);
  EXPECT_EQ(registry.declare("q", 0, "shared", "Shared", "kind=\"x\""), 0u);
  EXPECT_EQ(registry.declare("q", 1, "shared", "Else", "kind=\"x\""), 0u);
  for (const char* label : {"plugin", "le", "quantile"}) {
    EXPECT_EQ(registry.declare("p", 1, "labelled", "", std::string(label) + "=\"x\""), 0u) << label;
  }
}

}  // namespace
}  // namespace gantry::plugin
