// The first load of an image happens in a process of its own: what would end the daemon ends that, and is refused.
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <memory>
#include <string>

#include "core/isolation/isolated_library.hpp"
#include "core/plugin/plugin_host.hpp"

namespace gantry::isolation {
namespace {

namespace fs = std::filesystem;

class TrialTest : public testing::Test {
 protected:
  void SetUp() override {
    std::string folder = (fs::temp_directory_path() / "gantry-trial-XXXXXX").string();
    ASSERT_NE(::mkdtemp(folder.data()), nullptr);
    dir_ = folder;
    fs::permissions(dir_, fs::perms::owner_all);
    start();
  }
  void TearDown() override {
    host_.reset();
    fs::remove_all(dir_);
  }
  void start() {
    host_.reset();
    host_ = std::make_unique<plugin::PluginHost>(options(PLUGIN_HOST));
  }
  plugin::PluginHostOptions options(const fs::path& program) {
    plugin::PluginHostOptions options;
    options.clock = &clock_;
    options.timers = &timers_;
    options.tasks = &tasks_;
    options.log = [](std::string_view, int32_t, std::string_view) {};
    options.run_dir = dir_ / "run";
    options.data_dir = dir_ / "data";
    options.open_isolated = [this, program](const plugin::PluginSettings& settings, const fs::path& copy,
                                            std::function<void(const std::string&)> on_exit) {
      ++processes_;
      IsolationOptions process;
      process.name = settings.name;
      process.copy = copy;
      process.host = program;
      process.call_deadline = deadline_;
      process.on_exit = std::move(on_exit);
      return open_isolated(std::move(process));
    };
    return options;
  }
  fs::path put(const std::string& flavour) {
    auto file = dir_ / "untried.so";
    fs::remove(file);
    fs::copy_file(fs::path(TEST_PLUGINS) / ("untried_" + flavour + ".so"), file);
    return file;
  }
  plugin::PluginSettings settings() const {
    plugin::PluginSettings wanted;
    wanted.name = "untried";
    wanted.path = dir_ / "untried.so";
    return wanted;
  }
  void expect_refused(const std::string& flavour, const std::string& cause) {
    const auto file = put(flavour);
    const auto loaded = host_->load(settings());
    ASSERT_FALSE(loaded);
    EXPECT_EQ(loaded.error().message(), file.string() + " ended the process that tried it first: " + cause);
    EXPECT_EQ(host_->find_any("untried")->info().phase, plugin::PluginPhase::kFailed);
    EXPECT_TRUE(fs::is_empty(dir_ / "run" / "plugins")) << "a copy was left";
    // And it is tried again, not remembered as a good one.
    const auto before = processes_;
    EXPECT_FALSE(host_->reload(settings()).ok());
    EXPECT_EQ(processes_, before + 1);
  }

  fs::path dir_;
  int processes_ = 0;
  std::chrono::milliseconds deadline_{30'000};
  plugin::SystemClock clock_;
  plugin::Timers timers_{clock_};
  plugin::WorkerPool tasks_{"trial-tasks", 1};
  std::unique_ptr<plugin::PluginHost> host_;
};

TEST_F(TrialTest, AStaticConstructorThatThrows) { expect_refused("static_throws", "killed by SIGABRT"); }
TEST_F(TrialTest, AStaticConstructorThatExits) { expect_refused("static_exits", "exited with status 3"); }
TEST_F(TrialTest, AConstructorThatExits) { expect_refused("create_exits", "exited with status 4"); }
TEST_F(TrialTest, AConstructorThatCrashes) { expect_refused("create_crashes", "killed by SIGABRT"); }

TEST_F(TrialTest, AConstructorThatNeverReturns) {
  deadline_ = std::chrono::milliseconds(300);
  start();
  expect_refused("create_hangs", "did not answer create within 300 ms and was killed");
}

TEST_F(TrialTest, WhatIsMerelyRefusedSaysSoItself) {
  put("create_refuses");
  const auto loaded = host_->load(settings());
  ASSERT_FALSE(loaded);
  EXPECT_EQ(loaded.error().message(), "create failed: not today");
}

TEST_F(TrialTest, AnImageIsTriedOnce) {
  put("good");
  ASSERT_TRUE(host_->load(settings()));
  EXPECT_EQ(processes_, 1);
  ASSERT_TRUE(host_->reload(settings()).ok());
  EXPECT_EQ(processes_, 1);
  start();
  ASSERT_TRUE(host_->load(settings()));
  EXPECT_EQ(processes_, 1) << "another daemon on the same data folder";
}

TEST_F(TrialTest, AnotherFileInItsPlaceIsTriedAndTheRunningOneGoesOn) {
  put("good");
  ASSERT_TRUE(host_->load(settings()));
  put("create_exits");
  EXPECT_FALSE(host_->reload(settings()).ok());
  EXPECT_EQ(processes_, 2);
  const auto info = host_->find("untried")->info();
  EXPECT_EQ(info.phase, plugin::PluginPhase::kRunning);
  EXPECT_EQ(info.failed_reloads, 1u);
  EXPECT_NE(info.message.find("exited with status 4"), std::string::npos) << info.message;
}

TEST_F(TrialTest, WithoutAProgramForItTheLoadGoesOn) {
  put("good");
  plugin::PluginHost host(options("/nowhere/gantry-plugin-host"));
  EXPECT_TRUE(host.load(settings()));
}

TEST(TriedImages, HalfALineIsNobodysAndTheFileIsBounded) {
  const auto file = fs::temp_directory_path() / ("gantry-tried-" + std::to_string(::getpid()));
  const auto digest = [](size_t i) {
    auto text = std::to_string(i);
    return std::string(64 - text.size(), '0') + text;
  };
  {
    plugin::TriedImages tried(file);
    for (size_t i = 0; i <= plugin::TriedImages::kMost; ++i) tried.add(digest(i));
    EXPECT_TRUE(tried.contains(digest(plugin::TriedImages::kMost)));
    EXPECT_FALSE(tried.contains(digest(0)));
  }
  EXPECT_EQ(fs::file_size(file), 65u);
  fs::resize_file(file, 30);
  plugin::TriedImages tried(file);
  EXPECT_FALSE(tried.contains(digest(plugin::TriedImages::kMost)));
  fs::remove(file);
}

}  // namespace
}  // namespace gantry::isolation
