// Watches calls into plugins that have a deadline, reconciles above all, and says which is over it and where it is.
//
// Owned by the PluginHost. A call publishes when it is to be looked at; one thread sleeps until the earliest such
// moment, and for good when nothing runs: a call costs one coarse look at the clock and two atomic writes, and wakes
// nobody unless the thread would sleep beyond its moment, so at most once a deadline. Time is the machine's, also where
// a cluster runs on simulated time: what is watched are threads.
#pragma once

#include <sys/types.h>

#include <array>
#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

namespace gantry::plugin {

class Instance;

// [plugin.NAME] reconcile_deadline_ms, watchdog_strikes, watchdog.
struct WatchLimits {
  int64_t deadline_ms = 10'000;  // 0: not watched
  uint32_t strikes = 3;
  bool isolate = false;  // after so many strikes the plugin moves to a process of its own
};

class Watchdog {
 public:
  // A call that is over its deadline; again at twice, four times ... the deadline.
  struct Overdue {
    Instance& instance;
    std::string what;  // "reconcile of default/web"
    int64_t ran_ms = 0;
    bool again = false;
    std::vector<std::string> stack;  // innermost first; empty when the thread could not be asked
  };
  // Both must not block. overdue: on the watchdog's thread, while the call can not end. ended: on the thread of a call
  // that was overdue, just before its instance is let go.
  struct Listener {
    std::function<void(const Overdue&)> overdue;
    std::function<void(Instance&, const std::string& what, int64_t ran_ms)> ended;
  };

  explicit Watchdog(Listener listener);
  ~Watchdog();  // stop()
  Watchdog(const Watchdog&) = delete;
  Watchdog& operator=(const Watchdog&) = delete;
  void stop();

  // One call on this thread, from here to the end of the scope. What it refers to must outlive it.
  class Watch {
   public:
    // `act`, a literal, and the names say what runs. `noted`, when given, is called with each report, on the watchdog's
    // thread. Nothing is watched when the deadline is 0, or when more calls run than there are slots.
    Watch(Watchdog& dog, Instance& instance, int64_t deadline_ms, std::string_view ns, std::string_view name,
          std::function<void()> noted = nullptr, const char* act = "reconcile");
    ~Watch();
    Watch(const Watch&) = delete;
    Watch& operator=(const Watch&) = delete;

   private:
    friend class Watchdog;
    std::string what() const;
    Watchdog& dog_;
    Instance& instance_;
    const std::string_view ns_, name_;
    const std::function<void()> noted_;
    const char* const act_;
    int64_t begin_ns_ = 0, limit_ns_ = 0;
    pid_t thread_ = 0;
    bool reported_ = false;  // written while the slot is held
    size_t slot_;
  };

  // Calls that have been running for at least so long: "plugin slow: reconcile of default/web, for 31 s".
  std::vector<std::string> running_for(int64_t ms);

 private:
  static constexpr size_t kSlots = 128;
  // look_ns: when to look at the call; or one of these.
  static constexpr int64_t kFree = 0, kTaken = -1, kHeld = -2;
  struct alignas(64) Slot {
    std::atomic<int64_t> look_ns{kFree};
    Watch* watch = nullptr;
  };
  void begin(Watch& watch);
  void end(Watch& watch);
  void wake(int64_t look_ns);
  void run();
  int64_t look_at_all();
  int64_t look(Slot& slot, int64_t seen, int64_t now);
  bool hold(Slot& slot, int64_t seen) { return slot.look_ns.compare_exchange_strong(seen, kHeld); }
  void release(Slot& slot, int64_t look_ns);

  const Listener listener_;
  std::array<Slot, kSlots> slots_;
  std::atomic<int64_t> wake_at_{0};  // the thread looks at all calls then, or before
  std::mutex mutex_;
  std::condition_variable wake_, released_;
  int64_t wanted_ns_ = INT64_MAX;  // asked for by wake()
  bool stopped_ = false;
  std::thread thread_;
};

}  // namespace gantry::plugin
