// Watches processes end: one thread of its own, which sleeps until one of them does.
//
// Made by the runtime; watch() from any thread; `ended` runs on the monitor's thread and must be short. The destructor
// waits for it.
#pragma once

#include <functional>
#include <map>
#include <mutex>
#include <string>
#include <thread>

#include "files.hpp"

namespace gantry::oci {

class Monitor {
 public:
  explicit Monitor(std::function<void(const std::string& key)> ended);
  ~Monitor();
  // Tells `key` once when the process of `pidfd` has ended.
  void watch(std::string key, Fd pidfd);

 private:
  void run();
  const std::function<void(const std::string&)> ended_;
  Fd epoll_, stop_;
  std::mutex mutex_;  // watched_
  std::map<int, std::pair<Fd, std::string>> watched_;
  std::thread thread_;
};

}  // namespace gantry::oci
