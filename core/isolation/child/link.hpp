// The plugin's process towards the daemon: calls of the host, and what the host tells in return.
//
// A thread that works on a call of the daemon asks on that call's lane (LaneScope); every other thread asks over the
// control connection, whose reader also runs the callbacks: timers, and answers to call_async. When the daemon is gone,
// so is the process.
#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <limits>
#include <map>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "core/isolation/channel.hpp"
#include "core/isolation/payload.hpp"
#include "gantry/abi/client.h"
#include "gantry/status.hpp"

namespace gantry::isolation {

// The lane whose call this thread works on.
class LaneScope {
 public:
  explicit LaneScope(Channel& lane);
  ~LaneScope();
  LaneScope(const LaneScope&) = delete;
  LaneScope& operator=(const LaneScope&) = delete;
};

class Link {
 public:
  explicit Link(Fd control);

  // Starts the reader; on a thread of its own each, `serve_lane` is called for every lane that the daemon opens, and
  // `serve_call` for every call that comes over the control connection.
  void start(std::function<void(Channel)> serve_lane, std::function<Reply(Frame&)> serve_call);

  // Payloads may have so many bytes. Before start().
  void set_max_payload(size_t size) { max_payload_ = size; }
  // Success, or 413 with the sentence why.
  Status fits(Op op, std::string_view payload) const;

  // Asks and waits: the answer's payload. `parts` gets what came before it. What is asked must fit.
  std::string call(Op op, std::string_view payload, std::vector<std::string>* parts = nullptr);
  // What does not fit is dropped, with a line in the log.
  void post(Op op, uint64_t id, std::string_view payload);

  // 0: too many wait.
  uint64_t start_timer(int64_t delay_ms, void (*callback)(void*), void* context);
  void cancel_timer(uint64_t id);
  void call_async(std::string_view request, gantry_call_done done, void* context);
  // gantry_client.call on a thread that works on no call of the daemon: one of call_async that is waited for.
  Reply call_elsewhere(std::string_view request);
  static bool on_lane();

 private:
  struct Waiter {
    std::vector<std::string>* parts;
    std::string answer;
    bool done = false;
  };
  struct Timer {
    void (*fire)(void*);
    void* context;
  };
  struct Async {
    gantry_call_done done;
    void* context;
  };

  bool on_reader() const { return std::this_thread::get_id() == reader_; }
  std::string call_on_lane(Op op, std::string_view payload, std::vector<std::string>* parts);
  std::string call_on_control(Op op, std::string_view payload, std::vector<std::string>* parts);
  void send_control(const Frame& frame, std::string_view payload);
  // Reads until the waiter is served; for ever when there is none.
  void read_until(const Waiter* waiter);
  void take(Frame frame, bool nested);
  void serve_apart(Frame frame);
  void answer(const Frame& call, const Reply& reply);
  void deliver(Frame frame);
  void run_callback(const Frame& frame);
  void fire(uint64_t id);
  void finish_async(const Frame& frame);

  size_t max_payload_ = std::numeric_limits<uint32_t>::max();
  Channel control_;
  std::function<void(Channel)> serve_lane_;
  std::function<Reply(Frame&)> serve_call_;
  std::thread::id reader_;
  std::mutex send_mutex_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::map<uint64_t, Waiter*> waiters_;
  std::map<uint64_t, Timer> timers_;
  std::map<uint64_t, Async> asyncs_;
  uint64_t last_id_ = 0, running_timer_ = 0;
  std::deque<Frame> deferred_;  // callbacks that came while the reader waited for an answer itself
};

// A connection is gone (no reason), or the daemon makes no sense: nothing is left to do.
[[noreturn]] void leave(const char* why);

}  // namespace gantry::isolation
