// Does for a plugin's process what it asks of its host: decodes the frame, calls the real host interface, answers.
//
// Any thread. attach() when the plugin gets its host, detach() before the host goes: no host function is called
// afterwards.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <shared_mutex>
#include <string>
#include <string_view>
#include <vector>

#include "core/isolation/frame.hpp"
#include "core/isolation/payload.hpp"
#include "gantry/abi/cache.h"
#include "gantry/abi/client.h"
#include "gantry/abi/log.h"
#include "gantry/abi/runtime.h"
#include "gantry/abi/timer.h"

namespace gantry::isolation {

class HostBridge {
 public:
  using Answer = std::function<void(const Frame&)>;
  // Sends on the control connection; `callback`: the process will say when it is done with it. False: not sent, a large
  // one while too much waits.
  using Tell = std::function<bool(const Frame&, bool callback)>;

  explicit HostBridge(Tell tell) : tell_(std::move(tell)) {}
  // Whoever must be alive for `tell`; host calls in flight ask it.
  void set_owner(std::weak_ptr<void> owner) { owner_ = std::move(owner); }

  void attach(const gantry_host* host);
  void detach();
  uint64_t offered() const;    // bit n: the n-th interface of the table is there for the process
  uint8_t log_levels() const;  // bit n: level n is kept

  // A line in the plugin's name.
  void log(int32_t level, std::string_view text) const;

  // Does what a frame asks. `may_block` when the thread waits for the process anyway. A complaint when the frame makes
  // no sense, else empty.
  std::string serve(const Frame& frame, const Answer& answer, bool may_block);

  // Exec sessions and runtime events, which the process tells of.
  uint64_t add_exec(gantry_exec_exit exited, void* context);
  bool drop_exec(uint64_t token);  // false: its end was told already
  void set_sink(gantry_runtime_event sink, void* context);

  // The process is gone: execs end with this meta.v1.Status.
  void end(const std::string& error);

 private:
  struct Timer {
    HostBridge* bridge;
    uint64_t id, host_id;
  };
  struct Async {
    std::weak_ptr<void> owner;
    HostBridge* bridge;
    uint64_t id;
  };
  struct Exec {
    gantry_exec_exit exited;
    void* context;
  };

  // The host and its interfaces, in the order of the table of interfaces; those with functions that cross by hand also
  // by name.
  struct Host {
    const gantry_host* host = nullptr;
    std::vector<const void*> tables;
    const gantry_log* log = nullptr;
    const gantry_timer* timer = nullptr;
    const gantry_client* client = nullptr;
    const gantry_cache* cache = nullptr;
  };
  bool serve_member(const Frame& frame, const Answer& answer, bool may_block);
  bool serve_by_hand(const Frame& frame, PayloadReader& in, const Answer& answer);
  bool serve_log(const Frame& frame, PayloadReader& in);
  bool serve_timer(const Frame& frame, PayloadReader& in);
  bool serve_call_async(const Frame& frame, PayloadReader& in);
  bool serve_cache(const Frame& frame, PayloadReader& in, const Answer& answer);
  bool serve_runtime(const Frame& frame, PayloadReader& in);
  void start_timer(uint64_t id, int64_t delay_ms);
  void cancel_timer(uint64_t id);
  void cancel_all_timers(const gantry_timer& timer, const gantry_host* host);
  void fired(uint64_t id);
  static void async_done(void* context, gantry_code code, gantry_slice response, gantry_slice error);

  Tell tell_;
  std::weak_ptr<void> owner_;
  mutable std::shared_mutex host_mutex_;  // shared while a host function runs
  Host host_;
  std::mutex timers_mutex_;
  std::map<uint64_t, std::unique_ptr<Timer>> timers_;
  std::mutex execs_mutex_;
  std::map<uint64_t, Exec> execs_;
  uint64_t last_exec_ = 0;
  std::mutex sink_mutex_;
  gantry_runtime_event sink_ = nullptr;
  void* sink_context_ = nullptr;
};

}  // namespace gantry::isolation
