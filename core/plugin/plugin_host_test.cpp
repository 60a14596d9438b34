// The plugin host against real shared objects: a good plugin works, each broken one is one state and one log line.
#include "core/plugin/plugin_host.hpp"

#include <gtest/gtest.h>
#include <unistd.h>

#include <fstream>
#include <optional>

#include "core/plugin/library.hpp"
#include "core/plugin/metrics_registry.hpp"
#include "gantry/abi/controller.h"
#include "gantry/abi/log.h"
#include "gantry/bytes.hpp"

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
    host_ = std::make_unique<PluginHost>(std::move(options));
  }
  void TearDown() override {
    host_.reset();
    fs::remove_all(dir_);
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
  const auto* controller = (*plugin)->interface<gantry_controller>(GANTRY_CONTROLLER_ID);
  ASSERT_NE(controller, nullptr);
  Buffer result, error;
  EXPECT_EQ(controller->reconcile((*plugin)->instance(), to_slice("ns"), to_slice("cm"), result.out(), error.out()),
            0);
  EXPECT_NE(log_.find("reconcile cm"), std::string::npos);
  EXPECT_EQ(host_->list()[0].version, "1.2.3");
}

TEST_F(PluginHostTest, OverwritingTheFileDoesNotTouchTheLoadedImage) {
  const auto wanted = settings("good", "good");
  const auto plugin = host_->load(wanted);
  ASSERT_TRUE(plugin.ok());
  std::ofstream(wanted.path, std::ios::trunc) << "garbage";
  Buffer result, error;
  EXPECT_EQ((*plugin)->interface<gantry_controller>(GANTRY_CONTROLLER_ID)
                ->reconcile((*plugin)->instance(), to_slice(""), to_slice("x"), result.out(), error.out()),
            0);
}

TEST_F(PluginHostTest, RefusesBrokenPlugins) {
  expect_refused(settings("wrong_major", "wrong-major"), "built for ABI 2.0, this daemon speaks 1.0");
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
TEST_F(PluginHostTest, RefusesABadName) {
  expect_refused(settings("bad_name", "bad-name"), "is not a DNS-1123 label");
}
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
  EXPECT_EQ(host_->list()[0].phase, PluginPhase::kLoaded);
}

TEST_F(PluginHostTest, RefusesTheSameNameTwice) {
  const auto wanted = settings("good", "good");
  ASSERT_TRUE(host_->load(wanted).ok());
  const auto again = host_->load(wanted);
  ASSERT_FALSE(again.ok());
  EXPECT_NE(again.error().message().find("already loaded"), std::string::npos);
  EXPECT_EQ(host_->with_interface(GANTRY_CONTROLLER_ID).size(), 1u);
}

TEST_F(PluginHostTest, ShutdownUnmapsTheImage) {
  ASSERT_TRUE(host_->load(settings("good", "good")).ok());
  host_->shutdown();
#ifndef GANTRY_SANITIZED
  std::ifstream maps("/proc/self/maps");
  const std::string all((std::istreambuf_iterator<char>(maps)), {});
  EXPECT_EQ(all.find("good.1.so"), std::string::npos);
#endif
  EXPECT_TRUE(fs::is_empty(dir_ / "run" / "plugins"));
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
}

}  // namespace
}  // namespace gantry::plugin
