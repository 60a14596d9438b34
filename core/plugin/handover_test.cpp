// A plugin takes another's place: its state, its callers, and the way back.
#include <gtest/gtest.h>
#include <unistd.h>

#include "core/plugin/plugin_host.hpp"
#include "gantry/abi/controller.h"
#include "gantry/bytes.hpp"

namespace gantry::plugin {
namespace {

namespace fs = std::filesystem;

class HandoverTest : public testing::Test {
 protected:
  void SetUp() override {
    dir_ = fs::temp_directory_path() / ("gantry-handover-test-" + std::to_string(::getpid()));
    fs::create_directories(dir_ / "so");
    fs::permissions(dir_ / "so", fs::perms::owner_all);
    PluginHostOptions options;
    options.clock = &clock_;
    options.timers = &timers_;
    options.tasks = &pool_;
    options.log = [this](std::string_view plugin, int32_t, std::string_view text) {
      log_ += std::string(plugin) + "|" + std::string(text) + "\n";
    };
    options.run_dir = dir_ / "run";
    options.data_dir = dir_ / "data";
    options.drain_ms = 200;
    host_ = std::make_unique<PluginHost>(std::move(options));
    const auto loaded = host_->load(settings("stateful", "stateful"));
    ASSERT_TRUE(loaded.ok());
    old_ = *loaded;
    EXPECT_EQ(reconcile(), 0);
    EXPECT_EQ(reconcile(), 0);
  }
  void TearDown() override {
    old_.reset();  // no plugin outlives its host
    host_.reset();
    fs::remove_all(dir_);
  }
  PluginSettings settings(const std::string& flavour, const std::string& name) {
    const auto path = dir_ / "so" / (name + ".so");
    fs::copy_file(fs::path(TEST_PLUGINS) / ("test_plugin_" + flavour + ".so"), path,
                  fs::copy_options::overwrite_existing);
    PluginSettings wanted{name, path, "", false, nullptr};
    if (name == "successor") wanted.replaces = "stateful";
    return wanted;
  }
  // By the old one's place, as whoever has known it would call.
  gantry_code reconcile() {
    const auto call = old_->enter();
    const auto* table = call.table<gantry_controller>(GANTRY_CONTROLLER_ID);
    if (table == nullptr) return -1;
    Buffer result, error;
    return table->reconcile(call.instance(), to_slice("ns"), to_slice("name"), result.out(), error.out());
  }
  PluginPhase phase(const std::string& name) { return host_->find_any(name)->info().phase; }
  bool logged(const std::string& text) const { return log_.find(text) != std::string::npos; }

  fs::path dir_;
  SystemClock clock_;
  Timers timers_{clock_};
  WorkerPool pool_{"test", 2};
  std::string log_;
  std::unique_ptr<PluginHost> host_;
  std::shared_ptr<Plugin> old_;
};

TEST_F(HandoverTest, TakesOverStateAndCallers) {
  const auto done = host_->reload(settings("successor", "successor"));
  ASSERT_TRUE(done.ok()) << done.message();
  EXPECT_TRUE(logged("took 2 from stateful 1.0.0")) << log_;
  EXPECT_EQ(phase("stateful"), PluginPhase::kReplaced);
  EXPECT_EQ(old_->info().message, "replaced by successor");
  EXPECT_EQ(phase("successor"), PluginPhase::kRunning);
  EXPECT_EQ(reconcile(), 0);
  EXPECT_TRUE(logged("successor|count 3")) << log_;
  EXPECT_EQ(&old_->acting(), host_->find("successor").get());
  EXPECT_NE(host_->find("stateful"), nullptr) << "its job is done";
  EXPECT_EQ(host_->with_interface(GANTRY_CONTROLLER_ID).size(), 1u);
  EXPECT_FALSE(host_->reload(settings("stateful", "stateful")).ok());
  EXPECT_TRUE(host_->disable("stateful").ok());
  EXPECT_EQ(phase("stateful"), PluginPhase::kReplaced);
}

TEST_F(HandoverTest, ARefusalLeavesTheOldOneAtWork) {
  const auto done = host_->reload(settings("demanding", "successor"));
  ASSERT_FALSE(done.ok());
  EXPECT_NE(done.message().find("it needs the state of version 2.0.0"), std::string::npos) << done.message();
  EXPECT_EQ(phase("stateful"), PluginPhase::kRunning);
  EXPECT_EQ(phase("successor"), PluginPhase::kFailed);
  EXPECT_EQ(reconcile(), 0);
  EXPECT_TRUE(logged("stateful|count 3")) << log_;
}

TEST_F(HandoverTest, WhoIsBusyIsNotReplaced) {
  const auto call = old_->enter();
  const auto done = host_->reload(settings("successor", "successor"));
  ASSERT_FALSE(done.ok());
  EXPECT_NE(done.message().find("did not end within 200 ms"), std::string::npos) << done.message();
  EXPECT_EQ(phase("stateful"), PluginPhase::kRunning);
}

TEST_F(HandoverTest, TheOldOneComesBackWhenTheSuccessorIsSwitchedOff) {
  ASSERT_TRUE(host_->reload(settings("successor", "successor")).ok());
  ASSERT_TRUE(host_->disable("successor").ok());
  EXPECT_EQ(phase("stateful"), PluginPhase::kDisabled);
  EXPECT_EQ(reconcile(), -1);
  ASSERT_TRUE(host_->reload(settings("stateful", "stateful")).ok());
  EXPECT_EQ(reconcile(), 0);
  EXPECT_TRUE(logged("stateful|count 1"));
  // And once more; then without "replaces", which gives the place back.
  ASSERT_TRUE(host_->reload(settings("successor", "successor")).ok());
  auto alone = settings("successor", "successor");
  alone.replaces.clear();
  ASSERT_TRUE(host_->reload(alone).ok());
  EXPECT_EQ(phase("stateful"), PluginPhase::kDisabled);
  EXPECT_TRUE(host_->reload(settings("stateful", "stateful")).ok());
}

TEST_F(HandoverTest, WhoRunsAlreadyTakesThePlaceToo) {
  auto alone = settings("successor", "successor");
  alone.replaces.clear();
  ASSERT_TRUE(host_->reload(alone).ok());
  EXPECT_EQ(phase("stateful"), PluginPhase::kRunning);
  ASSERT_TRUE(host_->reload(settings("successor", "successor")).ok());
  EXPECT_EQ(phase("stateful"), PluginPhase::kReplaced);
  EXPECT_EQ(reconcile(), 0);
  EXPECT_TRUE(logged("successor|count 1")) << log_;
}

}  // namespace
}  // namespace gantry::plugin
