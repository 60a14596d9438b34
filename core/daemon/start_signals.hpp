// Hears the signals that end the daemon while it starts: what starts can't be asked to stop, but must not be waited for
// either.
//
// Lives for the time of the start, on the thread that starts. SIGTERM and SIGINT must be blocked in all threads.
#pragma once

#include <chrono>
#include <functional>
#include <thread>

#include "core/files/unique_fd.hpp"

namespace gantry::daemon {

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
  const io::UniqueFd signals_, over_;
  int signal_ = 0;
  std::thread thread_;
};

}  // namespace gantry::daemon
