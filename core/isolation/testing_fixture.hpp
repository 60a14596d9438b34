// Opens the test plugins in processes, and looks afterwards whether anything was left behind.
#pragma once

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <filesystem>
#include <future>
#include <optional>
#include <thread>

#include "core/isolation/isolated_library.hpp"
#include "core/isolation/testing_host.hpp"
#include "gantry/abi/controller.h"
#include "gantry/abi/network.h"
#include "gantry/abi/reload.h"
#include "gantry/abi/runtime.h"

namespace gantry::isolation {

namespace fs = std::filesystem;

class IsolationTest : public testing::Test {
 protected:
  struct Answer {
    Status status;
    int64_t number = 0;
  };

  void SetUp() override {
    dir_ = fs::temp_directory_path() / ("gantry-isolation-" + std::to_string(::getpid()));
    fs::create_directories(dir_);
    descriptors_ = count("/proc/self/fd");
    threads_ = count("/proc/self/task");
  }
  void TearDown() override {
    close();
    // A thread is joined a moment before the kernel forgets it; a host's thread that still answers has the session.
    EXPECT_TRUE(comes_back_to("/proc/self/fd", descriptors_)) << "descriptors were left";
    EXPECT_TRUE(comes_back_to("/proc/self/task", threads_)) << "threads were left";
    EXPECT_EQ(::waitpid(-1, nullptr, WNOHANG), -1) << "a process was left";
    EXPECT_EQ(errno, ECHILD);
    EXPECT_TRUE(fs::is_empty(dir_)) << "the image's copy was left";
    fs::remove_all(dir_);
  }

  static size_t count(const char* dir) {
    return static_cast<size_t>(std::distance(fs::directory_iterator(dir), fs::directory_iterator()));
  }

  static bool comes_back_to(const char* dir, size_t before) {
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(30);
    while (count(dir) != before && std::chrono::steady_clock::now() < deadline) {
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
    return count(dir) == before;
  }

  IsolationOptions options(const std::string& plugin) {
    IsolationOptions options;
    options.name = plugin;
    // A name for each: writing over an image that a process has mapped would crash it.
    options.copy = dir_ / ("copy-" + std::to_string(++copies_) + ".so");
    fs::copy_file(fs::path(TEST_PLUGINS) / ("isolation_" + plugin + ".so"), options.copy);
    options.host = PLUGIN_HOST;
    options.on_exit = [this](const std::string& cause) {
      exits_.push_back(cause);
      exited_.set_value();
    };
    return options;
  }
  Status open(IsolationOptions options) {
    auto library = open_isolated(std::move(options));
    if (!library) return std::move(library).error();
    library_ = std::move(*library);
    return {};
  }
  Status create() {
    Buffer error;
    const auto code = library_->api().create(&host_.host, &instance_, error.out());
    return status_of(code, error.view());
  }
  void start(IsolationOptions options) {
    const auto opened = open(std::move(options));
    ASSERT_TRUE(opened.ok()) << opened.message();
    const auto created = create();
    ASSERT_TRUE(created.ok()) << created.message();
  }
  void start(const std::string& plugin) { start(options(plugin)); }
  void close() {
    if (instance_ != nullptr) library_->api().destroy(instance_);
    instance_ = nullptr;
    library_.reset();
  }

  template <typename Table>
  const Table& table(const char* id) {
    return *static_cast<const Table*>(library_->api().get_interface(instance_, id));
  }
  Answer reconcile(const std::string& name, const std::string& argument = {}) {
    Buffer result, error;
    const auto code = table<gantry_controller>(GANTRY_CONTROLLER_ID)
                          .reconcile(instance_, to_slice(argument), to_slice(name), result.out(), error.out());
    abi::ReconcileResult message;
    message.ParseFromArray(result.view().data(), static_cast<int>(result.view().size()));
    return {status_of(code, error.view()), message.requeue_after_ms()};
  }
  // The end's cause, once told.
  std::string cause() {
    exited_.get_future().wait();
    return exits_.front();
  }

  fs::path dir_;
  size_t descriptors_ = 0, threads_ = 0, copies_ = 0;
  TestingHost host_;
  std::unique_ptr<plugin::LoadedLibrary> library_;
  void* instance_ = nullptr;
  std::vector<std::string> exits_;
  std::promise<void> exited_;
};

}  // namespace gantry::isolation
