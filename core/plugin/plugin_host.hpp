// The plugin host: finds plugins, checks them, loads them, exchanges them while they work, and hands them the host's
// interfaces.
//
// Owned by the daemon. What changes plugins (load, reload, enable, disable, shutdown) may be called from any thread
// that may block and runs one at a time: that is [main] of the ABI. Everything else from any thread. A plugin that does
// not load becomes a state one can query and one log line. Queues, caches and watches belong to higher rooms, which
// attach them to a Plugin, so that an instance can be exchanged under them.
#pragma once

#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "core/plugin/clock.hpp"
#include "core/plugin/crash_record.hpp"
#include "core/plugin/main_thread.hpp"
#include "core/plugin/plugin.hpp"
#include "core/plugin/plugin_user.hpp"
#include "core/plugin/timers.hpp"
#include "core/plugin/tried_images.hpp"
#include "core/plugin/watchdog.hpp"
#include "core/plugin/worker_pool.hpp"
#include "gantry/abi/reload.h"

namespace gantry::limits {
class Notices;
}

namespace gantry::plugin {

class LongCalls;
class MetricsRegistry;

// isolation = "process": how an image is opened in a process of its own. Given by the daemon, so that this room knows
// no process.
struct IsolationSettings {
  bool process = false;
  uint64_t memory_limit = 0;  // bytes; 0: none
  bool seccomp = false;
  std::vector<std::string> seccomp_allow;
  std::string cgroup;  // folder of a cgroup with the memory controller, below which the process gets its own
  auto operator<=>(const IsolationSettings&) const = default;
};

struct PluginSettings {
  std::string name;  // from the file's name
  std::filesystem::path path;
  std::string sha256;  // lower-case hex the file must have; empty: any
  bool required = false;
  std::shared_ptr<ConfigTable> config;  // may be null
  std::string config_text = {};         // all that `config` says, to tell one configuration from another
  IsolationSettings isolation = {};
  WatchLimits watch = {};
  std::string replaces = {};  // the plugin whose place it takes; empty: none
};

struct PluginHostOptions {
  const Clock* clock = nullptr;
  Timers* timers = nullptr;
  WorkerPool* tasks = nullptr;
  // Log lines of plugins and of the host itself (plugin name "" then); level as in abi/log.h.
  std::function<void(std::string_view plugin, int32_t level, std::string_view text)> log;
  int32_t log_level = 1;
  limits::Notices* notices = nullptr;                     // outlives the host; may be null
  std::filesystem::path run_dir;                          // private copies of the images lie in run_dir/plugins
  std::filesystem::path data_dir;                         // plugins' own folders: data_dir/plugins/NAME
  std::map<std::string, std::string, std::less<>> facts;  // gantry_config.get_daemon beyond the folders
  std::filesystem::path public_key;                       // when set, plugins need signatures (TrustOptions)
  // Opens `copy`, which it removes with the library; calls on_exit once, on a thread of its own, when the process ends
  // unasked.
  using OpenIsolated = std::function<Expected<std::unique_ptr<LoadedLibrary>>(
      const PluginSettings& settings, const std::filesystem::path& copy,
      std::function<void(const std::string&)> on_exit)>;
  OpenIsolated open_isolated;  // none: isolation = "process" is refused
  // An image that was never loaded here with this configuration is tried in a process of its own first (trial.cpp), and
  // one that ended the daemon runs in one. Needs open_isolated.
  bool try_images = true;
  int64_t drain_ms = 10'000;  // how long a reload waits for calls in flight
  // How long an in-process create, destroy, or another call of [main] may take before the host gives it up; 0: for
  // good, on the thread that asks (simulated time orders the threads).
  int64_t main_call_ms = 30'000;
  // Whether data_dir/plugins-crashed gets the plugin that ends this process (crash_record.hpp); it is read either way.
  bool record_crashes = false;
};

class PluginHost {
 public:
  explicit PluginHost(PluginHostOptions options);
  ~PluginHost();  // shutdown()
  PluginHost(const PluginHost&) = delete;
  PluginHost& operator=(const PluginHost&) = delete;

  // The .so files of these folders, sorted by name; the first of a name wins. `unread` gets an error for each folder
  // that could not be read.
  static std::vector<std::filesystem::path> discover(const std::vector<std::filesystem::path>& dirs,
                                                     std::vector<Status>& unread);

  // What a host interface keeps for one plugin: made at its first use, kept in the plugin's place across its instances.
  using MakeState = std::function<std::shared_ptr<void>(Plugin&)>;
  // Offers a host interface to plugins. Before the first load; `table` must outlive the host. `make`: for those whose
  // functions ask for Plugin::service().
  void provide(std::string id, const void* table, MakeState make = nullptr);

  // Loads one plugin. Failure is logged and kept in list(); it is returned too, for the caller to judge `required`.
  Expected<std::shared_ptr<Plugin>> load(const PluginSettings& settings);
  // Loads beside, hands over, switches, unloads; or starts what failed or is switched off; or takes the place of the
  // plugin that it replaces. On failure what ran goes on. Refused for a plugin that is replaced.
  Status reload(const PluginSettings& settings);
  // Ends the instance; its place and everything attached stay. Success when it is off already.
  Status disable(const std::string& name);
  // That this plugin ended the daemon counts no more: its next load is as its settings say.
  void forgive(const std::string& name);

  // Asked and told at every change. Removing waits for a change under way.
  void add_user(PluginUser* user);
  void remove_user(PluginUser* user);
  // Called after any plugin's info changed, on whatever thread that was; must be quick.
  void on_change(std::function<void(const Plugin&)> told);

  // All plugins, loaded and failed, sorted by name.
  std::vector<PluginInfo> list() const;
  std::vector<std::shared_ptr<Plugin>> with_interface(std::string_view id) const;
  // Running ones only, or whose heir runs.
  std::shared_ptr<Plugin> find(std::string_view name) const;
  // Also what failed or is switched off.
  std::shared_ptr<Plugin> find_any(std::string_view name) const;

  // The daemon stops: no process is started anew from here on, and those with calls under way are killed when these do
  // not end within seconds. [any-thread]
  void begin_stop();
  // Waits for long calls under way, then destroys all instances, last loaded first. Nobody may call into a plugin any
  // more.
  void shutdown();

  const PluginHostOptions& options() const { return options_; }
  MetricsRegistry& metrics() { return *metrics_; }
  Watchdog& watchdog() { return watchdog_; }
  MainThread& main_thread() { return main_thread_; }
  LongCalls& long_calls() { return *long_calls_; }
  // Calls into plugins that have been running for at least so long, those given up among them: "plugin slow: reconcile
  // of default/web, for 31 s".
  std::vector<std::string> stuck_calls(int64_t ms);
  // "WHAT has not returned within 30 s".
  std::string late(const std::string& what) const;
  // A call into `instance` is over its limit; thread 0: of several.
  void note_stuck(Instance& instance, const char* what, pid_t thread);
  const void* host_interface(std::string_view id) const;
  // Something of a plugin's was refused: `topic` as Notices say. [any-thread]
  void trouble(std::string_view topic, const Plugin& plugin, std::string_view text) const;

 private:
  friend class Plugin;
  // For timers that outlive this: what they do to it they do under this lock, and not at all once it is over.
  struct Alive {
    std::mutex mutex;
    bool yes = true;
    bool stopping = false;  // begin_stop() was called
  };
  std::shared_ptr<Plugin> place(const std::string& name);
  Expected<std::shared_ptr<Instance>> make_instance(Plugin& plugin, const PluginSettings& settings, ImageInfo& image);
  Status try_image(Plugin& plugin, const PluginSettings& settings, const std::filesystem::path& copy,
                   const std::string& sha256);
  // Whether calls into the old instance are given the time to end, or known not to.
  enum class Rest : uint8_t { kAwaited, kHopeless };
  Status replace(Plugin& plugin, const PluginSettings& settings, Rest rest = Rest::kAwaited);
  Status bring(Plugin& plugin, const PluginSettings& settings);
  Status take_over(Plugin& heir, Plugin& old, const PluginSettings& settings);
  Status switch_places(Plugin& heir, const std::shared_ptr<Instance>& next, Plugin& old);
  Status adopt_places(Plugin& heir, Instance* next, Plugin& old, Instance* before);
  void settle_places(Plugin& heir, const std::string& replaces);
  void release_places(Plugin& heir, const std::string& but, const std::string& why);
  Status prepare(Plugin& plugin, Instance& next);
  Status switch_to(Plugin& plugin, const std::shared_ptr<Instance>& next, Rest rest = Rest::kAwaited);
  Expected<std::string> save_state(Instance& old, const gantry_reload& from);
  Status hand_over_state(Instance& old, Instance& next);
  Status offer_state(Instance& old, Instance& next, bool can_save);
  void note_failure(Plugin& plugin, const PluginSettings& settings, ImageInfo image, const Status& why);
  Expected<Instance::Opened> open_library(Plugin& plugin, const PluginSettings& settings,
                                          const std::filesystem::path& copy, ImageInfo& image);
  Expected<Instance::Opened> map_library(const PluginSettings& settings, const std::filesystem::path& copy,
                                         const std::string& sha256);
  void log_stack(const std::vector<uintptr_t>& stack, const Instance& instance) const;
  const std::shared_ptr<Plugin>* find_locked(std::string_view name) const;  // with mutex_ held; null: unknown
  // The process of a plugin ended unasked. On the thread that the end of the plugin's instance waits for.
  void crashed(const std::string& name, uint64_t copy, const std::string& cause);
  void note_early_crash(const std::string& name, uint64_t copy);
  bool over() const;  // or about to be
  void restart_in(int64_t after_ms, const std::string& name, uint64_t copy);
  void restart(const std::string& name, uint64_t copy);
  // A reconcile is over its deadline: on the watchdog's thread; and its end, on the reconcile's own.
  void overdue(const Watchdog::Overdue& call);
  void overdue_ended(Instance& instance, const std::string& what, int64_t ran_ms);
  void move_out(const std::string& name, uint64_t copy);
  // As the configuration says, but for who was moved to a process of its own.
  PluginSettings effective(const PluginSettings& settings);
  // The same, but for who ended the daemon, which `info` is told; an error: then it is left out.
  Expected<PluginSettings> contained(Plugin& plugin, const PluginSettings& settings);
  void retire(std::shared_ptr<Instance> old, int64_t wait_ms);
  void reap();       // under change_mutex_
  void reap_soon();  // [any-thread]
  void notify(const Plugin& plugin);

  PluginHostOptions options_;
  std::unique_ptr<MetricsRegistry> metrics_;
  MainThread main_thread_;
  struct Provided {
    const void* table;
    MakeState make;
  };
  std::map<std::string, Provided, std::less<>> provided_;
  std::mutex change_mutex_;                         // one change at a time; before any other lock
  std::vector<PluginUser*> users_;                  // under change_mutex_
  std::vector<std::shared_ptr<Instance>> retired_;  // under change_mutex_: replaced, with calls under way
  uint64_t copies_ = 0;                             // under change_mutex_
  TriedImages tried_;                               // under change_mutex_
  CrashRecord crashes_;
  std::map<std::string, PluginSettings> settings_;  // under change_mutex_: of the last load that succeeded
  std::set<std::string> moved_;                     // under change_mutex_: to processes of their own, by the watchdog
  std::shared_ptr<Alive> alive_ = std::make_shared<Alive>();
  mutable std::mutex mutex_;
  std::vector<std::shared_ptr<Plugin>> plugins_;  // in the order of their first load
  std::function<void(const Plugin&)> told_;
  std::map<uint64_t, std::string> early_crashes_;  // by number: of instances that are not a plugin's yet
  std::unique_ptr<LongCalls> long_calls_;
  WorkerPool reaper_;
  Watchdog watchdog_;  // last: its thread uses the rest
};

}  // namespace gantry::plugin
