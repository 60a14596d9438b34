// A plugin by name: the place in which instances follow one another.
//
// Lives as long as the PluginHost, so that queues, caches, clients and whoever else depends on a plugin hold this and
// never an instance. Calls into the plugin go through enter(), which pins the instance of the moment; a reload closes
// the gate for as long as the switch takes. [any-thread], but for what says otherwise.
#pragma once

#include <condition_variable>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "core/plugin/bounds.hpp"
#include "core/plugin/instance.hpp"
#include "core/plugin/log_budget.hpp"

namespace gantry::plugin {

class PluginHost;
struct Member;

enum class PluginPhase : uint8_t {
  kFailed,  // never loaded; `message` says why
  kRunning,
  kDisabled,  // switched off
  kCrashed,   // its process ended; the next start is under way
  kReplaced,  // another plugin has taken its place
};

std::string_view phase_name(PluginPhase phase);  // "Running"
struct PluginInfo;
std::string_view state_name(const PluginInfo& info);  // the same, but "Degraded" of a running one that waits

struct PluginInfo {
  std::string name;
  ImageInfo image;  // of the running instance, or of the last attempt
  PluginPhase phase = PluginPhase::kFailed;
  std::string message;  // why it failed or crashed; of a running one, why the last reload failed
  bool required = false;
  bool process = false;  // isolation = "process"
  uint64_t reloads = 0, restarts = 0, failed_reloads = 0;
  int64_t since_unix_ns = 0;  // of the phase
  int64_t last_reload_unix_ns = 0;
  int64_t last_pause_ns = 0;  // how long the last reload held calls back
  uint64_t revision = 0;      // counts changes of this info
  uint32_t crashes = 0;       // in a row, for the wait before the next start
  // Reconciles over their deadline: how often that was seen, how many still run, and of the last what, where and when.
  uint64_t overdue = 0, overdue_now = 0;
  uint32_t strikes = 0;  // of the running instance
  std::string last_overdue;
  std::string last_overdue_stack;  // one frame a line, innermost first
  int64_t last_overdue_unix_ns = 0;
  bool moved = false;  // to a process of its own, by the watchdog
  // Of an image that ended the daemon and so runs in a process of its own, or is left out: Crash::sentence().
  std::string crash;
  // Of a running one that can't do its work yet: a controller that watches what is not served, say.
  std::string waiting;
};

// How long a call may take: a reload waits for short ones before it switches; long ones (a container's grace, an exec)
// end on the instance that began them, which stays until then.
enum class CallKind : uint8_t { kShort, kLong };

class Plugin {
 public:
  // Pins an instance; empty when there is none. Movable; ends on any thread.
  class Call {
   public:
    Call() = default;
    Call(std::shared_ptr<Instance> instance, CallKind kind) : instance_(std::move(instance)), kind_(kind) {}
    Call(Call&& other) noexcept = default;
    Call& operator=(Call&& other) noexcept;
    ~Call();
    explicit operator bool() const { return instance_ != nullptr; }
    void* instance() const { return instance_->get(); }
    Instance& pinned() const { return *instance_; }
    template <typename Table>
    const Table* table(std::string_view id) const {
      return instance_ == nullptr ? nullptr : instance_->interface<Table>(id);
    }

   private:
    std::shared_ptr<Instance> instance_;
    CallKind kind_ = CallKind::kShort;
  };

  Plugin(PluginHost& host, std::string name) : host_(host), name_(std::move(name)) {}
  ~Plugin();
  Plugin(const Plugin&) = delete;
  Plugin& operator=(const Plugin&) = delete;

  const std::string& name() const { return name_; }
  PluginHost& host() const { return host_; }
  PluginInfo info() const;
  bool has_interface(std::string_view id) const;
  // Whether it is the one that calls go to now.
  bool is_current(const Instance& instance) const;

  // Waits while a reload switches. Not from a thread that such a switch waits for.
  Call enter(CallKind kind = CallKind::kShort);
  // The plugin that has taken this one's place, or this one: calls into a replaced plugin go to its heir.
  const Plugin& acting() const;
  // Like enter(), but empty instead of waiting: for threads that others depend on.
  Call try_enter();
  // Pins an instance that is known to be alive, for what it began and is told of later.
  Call pin(Instance& instance);

  // What keeps a running plugin from its work; empty: nothing. For the room that uses it.
  void set_waiting(const std::string& why);

  // What a higher room keeps for this plugin, by the id of the host interface it serves ("gantry.cache/1").
  void attach(const std::string& id, std::shared_ptr<void> state);
  std::shared_ptr<void> attachment(const std::string& id) const;
  // The same, made when there is none yet by who provides the interface (PluginHost::provide).
  std::shared_ptr<void> service(const std::string& id);

  // Across all its instances.
  LogBudget& log_budget() { return log_budget_; }
  // How long calls of this function take, and how many fail; declared at its first call.
  struct CallMetrics {
    uint64_t duration = 0, errors = 0;
  };
  CallMetrics call_metrics(const Member& member);

  // The plugin behind a host pointer that came across the ABI.
  static Plugin& of(const gantry_host* host) { return Instance::of(host).plugin(); }

 private:
  friend class PluginHost;
  Call begin_locked(CallKind kind);
  void leave(Instance& instance, CallKind kind);
  std::shared_ptr<Instance> current() const;
  // Closes the gate; with `wait_ms` above 0 waits for short calls to end: false, and open again, when they do not in
  // time. [main]
  bool close_gate(int64_t wait_ms);
  // Waits for the short calls of a retired instance. [main]
  void wait_for_short_calls(Instance& instance, int64_t wait_ms);
  void open_gate(std::shared_ptr<Instance> next);
  // From now on the last call that ends tells the host; true when there is none.
  bool retire(Instance& instance);
  void change(const std::function<void(PluginInfo&)>& edit);
  Plugin* heir() const;
  void set_heir(Plugin* heir);

  PluginHost& host_;
  const std::string name_;
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::shared_ptr<Instance> current_;
  bool closed_ = false;
  Plugin* heir_ = nullptr;  // places live as long as the host
  PluginInfo info_;
  std::map<std::string, std::shared_ptr<void>> attachments_;
  std::map<uint16_t, CallMetrics> call_metrics_;  // by the functions' numbers
  LogBudget log_budget_{bounds::kLogBurst, bounds::kLogPerSecond};
};

}  // namespace gantry::plugin
