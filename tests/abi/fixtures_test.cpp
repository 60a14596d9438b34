// Plugins of other releases, and broken ones, in the real host: the first work, each of the second is one sentence, and
// the plugin beside it goes on.
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <memory>
#include <string>

#include "core/plugin/plugin_host.hpp"
#include "gantry/abi.pb.h"
#include "gantry/abi/controller.h"
#include "gantry/abi/network.h"
#include "gantry/abi/runtime.h"
#include "gantry/bytes.hpp"

namespace gantry::plugin {
namespace {

namespace fs = std::filesystem;

class Fixtures : public testing::Test {
 protected:
  void SetUp() override {
    dir_ = fs::temp_directory_path() / ("gantry-abi-fixtures-" + std::to_string(::getpid()) + "-" +
                                        testing::UnitTest::GetInstance()->current_test_info()->name());
    PluginHostOptions options;
    options.clock = &clock_;
    options.timers = &timers_;
    options.tasks = &pool_;
    options.log = [this](std::string_view who, int32_t, std::string_view text) {
      log_ += std::string(who) + ": " + std::string(text) + "\n";
    };
    options.run_dir = dir_ / "run";
    options.data_dir = dir_ / "data";
    host_ = std::make_unique<PluginHost>(std::move(options));
  }
  void TearDown() override {
    host_.reset();
    fs::remove_all(dir_);
  }

  static std::string file(const std::string& name) { return std::string(FIXTURES) + "/" + name + ".so"; }
  static PluginSettings settings(const std::string& name, const std::string& path) {
    PluginSettings made;
    made.name = name;
    made.path = path;
    return made;
  }
  static gantry_code reconcile(Plugin& plugin, std::string_view name) {
    const auto call = plugin.enter();
    const auto* controller = call.table<gantry_controller>(GANTRY_CONTROLLER_ID);
    if (controller == nullptr) return -1;
    Buffer result, error;
    return controller->reconcile(call.instance(), to_slice("ns"), to_slice(name), result.out(), error.out());
  }
  void expect_works(const std::string& name) {
    const auto plugin = host_->load(settings(name, file(name)));
    ASSERT_TRUE(plugin) << plugin.error().message();
    EXPECT_EQ(reconcile(**plugin, "moin"), 0);
    EXPECT_NE(log_.find(name + ": moin\n"), std::string::npos) << log_;
    EXPECT_EQ((*plugin)->info().phase, PluginPhase::kRunning);
  }
  // Exactly this sentence, as the answer and as the only line logged; and the plugin beside it works before and after.
  void expect_refused(const std::string& name, const std::string& why) {
    const auto beside = host_->load(settings("frozen", file("frozen")));
    ASSERT_TRUE(beside) << beside.error().message();
    EXPECT_EQ(reconcile(**beside, "before"), 0);
    log_.clear();
    const auto refused = host_->load(settings(name, file(name)));
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().message(), why);
    EXPECT_EQ(log_, ": plugin " + name + " was not loaded: " + why + "\n");
    EXPECT_EQ(host_->find(name), nullptr);
    ASSERT_NE(host_->find_any(name), nullptr);
    EXPECT_EQ(host_->find_any(name)->info().phase, PluginPhase::kFailed);
    EXPECT_EQ(host_->find_any(name)->info().message, why);
    EXPECT_EQ(reconcile(**beside, "after"), 0);
    EXPECT_EQ(host_->with_interface(GANTRY_CONTROLLER_ID).size(), 1u);
  }

  fs::path dir_;
  SystemClock clock_;
  Timers timers_{clock_};
  WorkerPool pool_{"tasks", 1};
  std::string log_;
  std::unique_ptr<PluginHost> host_;
};

std::string version(uint32_t major, uint32_t minor) { return std::to_string(major) + "." + std::to_string(minor); }

TEST_F(Fixtures, BuiltAgainstTheFirstReleaseWorks) {
  expect_works("frozen");
  const auto plugin = host_->find("frozen");
  ASSERT_NE(plugin, nullptr);
  EXPECT_EQ(plugin->info().image.abi_minor, 0u);
  const auto call = plugin->enter();
  Buffer spec, error, response;
  ASSERT_EQ(call.table<gantry_controller>(GANTRY_CONTROLLER_ID)->describe(call.instance(), spec.out(), error.out()), 0);
  gantry::abi::ControllerSpec parsed;
  ASSERT_TRUE(parsed.ParseFromArray(spec.view().data(), static_cast<int>(spec.view().size())));
  EXPECT_EQ(parsed.name(), "frozen");
  const auto* runtime = call.table<gantry_runtime>(GANTRY_RUNTIME_ID);
  ASSERT_NE(runtime, nullptr);
  uint64_t exec_id = 0;
  EXPECT_EQ(runtime->exec(call.instance(), to_slice(""), -1, -1, -1, nullptr, nullptr, &exec_id, error.out()), 0);
  EXPECT_EQ(exec_id, 1u);
  const auto* network = call.table<gantry_network>(GANTRY_NETWORK_ID);
  ASSERT_NE(network, nullptr);
  EXPECT_EQ(network->gc(call.instance(), to_slice(""), response.out(), error.out()), 0);
}

TEST_F(Fixtures, BuiltAgainstTheFirstReleaseIsReloaded) {
  expect_works("frozen");
  ASSERT_TRUE(host_->reload(settings("frozen", file("frozen"))).ok()) << log_;
  EXPECT_NE(log_.find("frozen: restored one\n"), std::string::npos) << log_;
  EXPECT_EQ(reconcile(*host_->find("frozen"), "again"), 0);
}

TEST_F(Fixtures, FunctionsAndInterfacesThatTheHostDoesNotKnowDoNotMatter) {
  expect_works("newer");
  EXPECT_TRUE(host_->find("newer")->has_interface("gantry.unheard-of/1"));
  ASSERT_TRUE(host_->reload(settings("newer", file("newer"))).ok()) << log_;
}

TEST_F(Fixtures, AHigherMinorIsRefused) {
  expect_refused("minor-ahead", "it was built for ABI " + version(GANTRY_ABI_MAJOR, GANTRY_ABI_MINOR + 1) +
                                    ", this daemon speaks " + version(GANTRY_ABI_MAJOR, GANTRY_ABI_MINOR) +
                                    "; rebuild it with this release's SDK");
}

// No release ever had a shorter table: whoever builds one has other headers.
TEST_F(Fixtures, ATableShorterThanTheFirstReleasesIsRefused) {
  expect_refused("short-runtime", "interface gantry.runtime/1 has size 184, at least 208 is needed");
}

TEST_F(Fixtures, WithoutTheSymbol) {
  expect_refused("no-symbol", file("no-symbol") +
                                  " has no symbol \"gantry_plugin\": it is not a Gantry plugin "
                                  "(GANTRY_PLUGIN exports it)");
}

TEST_F(Fixtures, WithoutItsDependency) {
  expect_refused("no-dependency", file("no-dependency") +
                                      " is not a loadable shared object: libgantry-fixture-dependency.so: cannot open "
                                      "shared object file: No such file or directory");
}

TEST_F(Fixtures, AConstructorThatThrows) { expect_refused("throws", "create failed: no table could be reserved"); }

TEST_F(Fixtures, AConstructorThatThrowsNoException) {
  expect_refused("throws-int", "create failed: unknown exception");
}

TEST_F(Fixtures, TwoOfOneName) {
  const auto first = host_->load(settings("frozen", file("frozen")));
  ASSERT_TRUE(first) << first.error().message();
  log_.clear();
  const auto second = host_->load(settings("frozen", file("same-name")));
  ASSERT_FALSE(second);
  const std::string why = "a plugin of this name is already loaded from " + file("frozen");
  EXPECT_EQ(second.error().message(), why);
  EXPECT_EQ(log_, ": plugin frozen was not loaded: " + why + "\n");
  // The one that has the name is not blamed.
  EXPECT_EQ((*first)->info().phase, PluginPhase::kRunning);
  EXPECT_EQ((*first)->info().message, "");
  EXPECT_EQ(reconcile(**first, "after"), 0);
}

// The file's name decides how it is asked for; what is inside must agree, or two files could be one plugin.
TEST_F(Fixtures, TwoFilesOfOneName) {
  expect_refused("same-name", "it calls itself \"frozen\"; the file must then be frozen.so");
}

}  // namespace
}  // namespace gantry::plugin
