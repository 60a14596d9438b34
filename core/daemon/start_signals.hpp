// The signals that the daemon hears: those that end it while it starts (what starts can't be asked to stop, but must
// not be waited for either), then one after the other while it runs.
//
// An Asio io_context over a signalfd, and not a signal_set: that one's handler would run in a child between fork and
// exec, too, and write the child's signals into the daemon's pipe. They must be blocked in all threads. Used by main.
#pragma once

#include <chrono>
#include <functional>
#include <initializer_list>
#include <memory>
#include <thread>

namespace gantry::daemon {

// Reads signals on the thread that waits.
class Signals {
 public:
  // Throws std::system_error, or Boost's, where no descriptor is left.
  explicit Signals(std::initializer_list<int> heard);
  ~Signals();
  // Waits for the next one.
  int next();

 private:
  friend class StartSignals;
  struct Impl;
  const std::unique_ptr<Impl> impl_;
};

// Lives for the time of the start, on the thread that starts. SIGTERM and SIGINT.
class StartSignals {
 public:
  // `overdue`: called on another thread when the start is not over that long after a signal.
  StartSignals(std::chrono::milliseconds grace, std::function<void(int signal)> overdue);
  ~StartSignals();
  StartSignals(const StartSignals&) = delete;
  StartSignals& operator=(const StartSignals&) = delete;

  // The start is over. The signal that came meanwhile; 0: none.
  int end();

 private:
  void run();

  const std::chrono::milliseconds grace_;
  const std::function<void(int)> overdue_;
  Signals signals_;
  int signal_ = 0;
  std::thread thread_;
};

}  // namespace gantry::daemon
