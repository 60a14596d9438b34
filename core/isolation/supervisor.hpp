// The thread that minds one plugin's process: starts it, reads and writes the control connection, and notices its end.
//
// Everything that ends the process goes through here, so that there is one cause, told once. Any thread, but for the
// constructor and close().
#pragma once

#include <chrono>
#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <thread>

#include "core/isolation/child_process.hpp"
#include "core/isolation/fd.hpp"
#include "core/isolation/frame.hpp"

namespace gantry::isolation {

// When the time of a call is over that is answered on the control connection, and which that is.
struct CallLimit {
  std::chrono::steady_clock::time_point at;
  const char* what = "";
  std::chrono::milliseconds allowed{0};
};

struct SupervisorOptions {
  std::string name;
  std::filesystem::path host, cgroup_dir;
  uint64_t memory_limit = 0;
  size_t max_frame = 0;
  std::chrono::milliseconds deadline{0}, stop_deadline{0};
  std::function<bool()> busy;  // calls that began before hurry() are under way; on any thread, quick
  std::function<std::optional<CallLimit>()> limit;  // the first there is; on the supervisor's thread, quick
  // All three on the supervisor's thread. on_frame gives a complaint, or nothing; on_end comes with the process gone,
  // before `on_exit`.
  std::function<std::string(Frame&)> on_frame;
  std::function<void(const std::string& cause)> on_end;
  std::function<void(const std::string& cause)> on_exit;
};

class Supervisor {
 public:
  explicit Supervisor(SupervisorOptions options);
  ~Supervisor();  // close()
  Supervisor(const Supervisor&) = delete;
  Supervisor& operator=(const Supervisor&) = delete;

  // Starts the process; `main_end` is its end of the main lane. Whether its memory is limited by the kernel is
  // *limited.
  Status start(Fd main_end, bool* limited);
  // From here on the process may end without on_exit being told.
  void begin_close();
  // Asks the process to end, kills it when it doesn't, joins the thread. Not from the callbacks.
  void close();

  // The daemon stops: should calls of before be under way when the stop's deadline is over, the process is killed.
  void hurry();

  // Puts a frame on the control connection, never waiting; dropped when the process is gone. A callback is watched: the
  // process must say within the deadline that it returned. False, and not taken: a large callback, and so much waits
  // already that memory would pay for a process that doesn't read.
  bool send(const Frame& frame, Fd descriptor = Fd(), bool callback = false);
  // The process said that a callback returned; false when none was under way.
  bool callback_returned();

  // Kills the process for this cause, unless there is one already.
  void fail(std::string cause);
  // A connection broke: waits until it is known why. The cause.
  std::string broken();
  bool ended() const;

 private:
  using Clock = std::chrono::steady_clock;
  struct Message {
    std::string bytes;
    size_t sent = 0;
    Fd descriptor;
  };

  Status spawn(Fd main_end, bool* limited);
  void run();
  void wait_and_serve(bool* gone);
  bool full() const;
  bool read_control();
  bool serve_frames();
  void flush();
  bool send_some(Message& message);
  void check_deadlines();
  int poll_timeout() const;
  void finish();
  void wake() const;

  SupervisorOptions options_;
  Fd control_, wake_;
  FrameReader reader_;
  std::optional<ChildProcess> process_;  // supervisor's thread only
  bool control_open_ = true;             // supervisor's thread only
  bool unserved_ = false;                // supervisor's thread only: frames wait in the reader

  mutable std::mutex mutex_;
  std::condition_variable known_;
  std::string cause_;
  bool closing_ = false, kill_ = false;
  std::optional<Clock::time_point> broken_since_, closing_since_, hurried_since_;
  std::deque<Message> outbox_;
  size_t outbox_bytes_ = 0;
  Clock::time_point progress_;
  std::deque<Clock::time_point> callbacks_;  // started when, oldest first
  std::thread thread_;
};

}  // namespace gantry::isolation
