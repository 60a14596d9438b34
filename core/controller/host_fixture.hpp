// A ControllerHost with its plugins, in the daemon's process or in their own, and a log that tests read. For tests.
#pragma once

#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <condition_variable>
#include <filesystem>
#include <fstream>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "core/controller/controller_host.hpp"
#include "core/controller/played_api.hpp"
#include "core/isolation/isolated_library.hpp"
#include "core/limits/notices.hpp"
#include "gantry/abi/network.h"
#include "gantry/bytes.hpp"
#include "gantry/status_proto.hpp"

namespace gantry::controller {

// Plugins of test_plugins, the scripted one above all, against an API that the test plays.
class ControllerHostTest : public testing::Test {
 protected:
  void SetUp() override {
    dir_ = std::filesystem::temp_directory_path() / ("gantry-controller-test-" + std::to_string(::getpid()));
    std::filesystem::create_directories(folder());
    plugin::PluginHostOptions options;
    options.clock = &clock_;
    options.timers = &timers_;
    options.tasks = &tasks_;
    options.log = [this](std::string_view who, int32_t, std::string_view text) { note(who, text); };
    options.run_dir = dir_ / "run";
    options.data_dir = dir_;
    options.try_images = false;
    notices_ = std::make_unique<limits::Notices>(
        limits::Notices::Hooks{[this](std::string_view who, int32_t, std::string_view text) { note(who, text); },
                               nullptr, [this] { return clock_.monotonic_ns(); }});
    options.notices = notices_.get();
    options.open_isolated =
        [this](const plugin::PluginSettings& settings, const std::filesystem::path& copy,
               std::function<void(const std::string&)> on_exit) -> Expected<std::unique_ptr<plugin::LoadedLibrary>> {
      if (!may_start_) return Status::unavailable("no process today");
      isolation::IsolationOptions process;
      process.name = settings.name;
      process.copy = copy;
      process.host = PLUGIN_HOST;
      process.on_exit = std::move(on_exit);
      return isolation::open_isolated(std::move(process));
    };
    plugins_ = std::make_unique<plugin::PluginHost>(std::move(options));
    watcher_ = api_.client();
    ControllerHostOptions run;
    run.plugins = plugins_.get();
    run.timers = &timers_;
    run.make_client = [this](const std::string& who) {
      note("client", who);
      return api_.client();
    };
    run.record_event = [this](const std::string& who, std::string_view, std::string_view type, std::string_view reason,
                              std::string_view text) {
      note(who, std::string(type) + " " + std::string(reason) + " " + std::string(text));
    };
    run.client = watcher_.get();
    run.log = [this](int32_t, std::string_view text) { note("controllers", text); };
    controllers_ = std::make_unique<ControllerHost>(std::move(run));
  }
  void TearDown() override {
    go();
    plugins_->begin_stop();
    api_.answer_reads();
    controllers_.reset();
    plugins_.reset();
    std::filesystem::remove_all(dir_);
  }
  enum class In : uint8_t { kDaemon, kProcess };
  void start(In in, bool with_other = false) {
    load("scripted", "scripted.so", in);
    if (with_other) load("good", "test_plugin_good.so", In::kDaemon);
    controllers_->start();
  }
  void load(const std::string& name, const std::string& file, In in) {
    const auto loaded = plugins_->reload(settings(name, file, in));
    ASSERT_TRUE(loaded.ok()) << loaded.message();
  }
  plugin::PluginSettings settings(const std::string& name, const std::string& file, In in) const {
    plugin::PluginSettings made{name, std::filesystem::path(TEST_PLUGINS) / file, "", false, nullptr};
    made.isolation.process = in == In::kProcess;
    made.watch.deadline_ms = deadline_ms_;
    return made;
  }
  // set_node of a network plugin, for a node of this name: the mac that it answers, or what it says instead.
  std::string ask_node(const std::string& plugin, const std::string& node) {
    abi::NetworkNode request;
    request.set_name(node);
    const auto call = plugins_->find(plugin)->enter();
    Buffer answer, error;
    const auto code = call.table<gantry_network>(GANTRY_NETWORK_ID)
                          ->set_node(call.instance(), to_slice(request.SerializeAsString()), answer.out(), error.out());
    abi::NetworkResult result;
    EXPECT_TRUE(result.ParseFromString(std::string(answer.view())));
    return code == 0 ? result.mac() : status_of(code, error.view()).message();
  }
  std::filesystem::path folder() const { return dir_ / "plugins" / "scripted"; }
  void go() { std::ofstream(folder() / "go") << "go"; }

  void note(std::string_view who, std::string_view text) {
    const std::lock_guard lock(mutex_);
    lines_.push_back(std::string(who) + ": " + std::string(text));
    noted_.notify_all();
  }
  size_t count_locked(const std::string& text) const {
    return static_cast<size_t>(std::count_if(
        lines_.begin(), lines_.end(), [&](const std::string& line) { return line.find(text) != std::string::npos; }));
  }
  bool logged(const std::string& text, size_t times = 1) {
    std::unique_lock lock(mutex_);
    return noted_.wait_for(lock, std::chrono::seconds(90), [&] { return count_locked(text) >= times; });
  }
  size_t count(const std::string& text) {
    const std::lock_guard lock(mutex_);
    return count_locked(text);
  }

  std::filesystem::path dir_;
  plugin::SystemClock clock_;
  plugin::Timers timers_{clock_};
  plugin::WorkerPool tasks_{"test", 2};
  std::mutex mutex_;
  std::condition_variable noted_;
  std::vector<std::string> lines_;
  std::atomic<bool> may_start_ = true;
  int64_t deadline_ms_ = 10'000;
  std::unique_ptr<limits::Notices> notices_;
  PlayedApi api_;
  std::unique_ptr<client::Client> watcher_;
  std::unique_ptr<plugin::PluginHost> plugins_;
  std::unique_ptr<ControllerHost> controllers_;
};

}  // namespace gantry::controller
