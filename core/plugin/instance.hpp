// One created instance of a plugin's image: library, tables, background tasks.
//
// Made and destroyed by the PluginHost, under its change lock; what the ABI wants on [main] is called on the host's
// MainThread, with a limit of time. An instance in which such a call never returned is neither destroyed nor unloaded.
// Everything else any thread. What a host interface is given by a plugin (gantry_host) leads here, and from here to the
// Plugin, which outlives its instances.
#pragma once

#include <atomic>
#include <condition_variable>
#include <filesystem>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/plugin/config_table.hpp"
#include "core/plugin/crash_record.hpp"
#include "core/plugin/instance_timers.hpp"
#include "core/plugin/library.hpp"
#include "core/plugin/watchdog.hpp"
#include "core/plugin/worker_pool.hpp"
#include "gantry/abi/plugin.h"
#include "gantry/status.hpp"

namespace gantry::plugin {

class Plugin;

// What the image says of itself, and where it came from.
struct ImageInfo {
  std::string name, path, sha256, version, vendor, description;
  uint32_t abi_major = 0, abi_minor = 0;
  std::vector<std::string> interfaces;
  uint64_t number = 0;  // of the load, counted by the host
};

// Reads and checks what the image says of itself, for a plugin of this name (empty: of any). No code of the image runs.
Status read_descriptor(const gantry_plugin_api& api, const std::string& wanted_name, ImageInfo& image);

class Instance : public std::enable_shared_from_this<Instance> {
 public:
  // A library, and how the end of this process would name it; `mapped` is null when it is mapped by another one.
  struct Opened {
    std::unique_ptr<MappedImage> mapped;
    std::unique_ptr<LoadedLibrary> library;
  };
  // Checks the descriptor for `name`, creates, and checks the tables. The last reference waits for tasks, destroys, and
  // unloads.
  static Expected<std::shared_ptr<Instance>> create(Plugin& plugin, Opened opened, std::shared_ptr<ConfigTable> config,
                                                    ImageInfo image);
  Instance(const Instance&) = delete;
  Instance& operator=(const Instance&) = delete;

  // The instance behind a host pointer that came across the ABI.
  static Instance& of(const gantry_host* host) { return *static_cast<Instance*>(host->context); }

  Plugin& plugin() const { return plugin_; }
  const std::filesystem::path& copy() const { return opened_.library->copy(); }
  const MappedImage* mapped() const { return opened_.mapped.get(); }
  const ImageInfo& image() const { return image_; }
  const gantry_plugin_api& api() const { return api_; }
  ConfigTable* config() const { return config_.get(); }
  const WatchLimits& watch() const { return watch_; }
  // Before anybody calls into it.
  void set_watch(const WatchLimits& limits) {
    watch_ = limits;
    callback_deadline_ms_ = limits.deadline_ms;  // timers that create() started may fire already
  }
  void* get() const { return instance_; }
  // A table that passed the checks of its interface, or null.
  template <typename Table>
  const Table* interface(std::string_view id) const {
    return static_cast<const Table*>(find_interface(id));
  }
  const void* find_interface(std::string_view id) const;

  // Calls what belongs to [main], `what` ("describe") as sentences name it; `work` must own all that it uses. An error
  // when it has not returned within PluginHostOptions::main_call_ms: it has been reported, and goes on.
  Status call_main(const char* what, std::function<void()> work);

  // gantry_tasks.run: at most 1,024 waiting or running tasks an instance.
  gantry_code run_task(void (*fn)(void*), void* context);

  // gantry_timer.start: 0 when too many wait. Callbacks run on a thread of the instance's own and are watched like
  // reconciles; those that wait when the instance is destroyed never run.
  uint64_t start_timer(int64_t delay_ms, void (*fire)(void*), void* context);
  void cancel_timer(uint64_t id) { timers_->cancel(id); }

  // Its process, if it has one, has ended: calls fail until another instance takes over.
  bool lost() const { return opened_.library->lost(); }
  // The daemon stops: see LoadedLibrary.
  void hurry() { opened_.library->hurry(); }
  // A long verb without a thread that waits; false when that can't be: see LoadedLibrary.
  bool call_later(const Member& member, std::string_view request, const LoadedLibrary::Answered& answered) {
    return opened_.library->call_later(member, request, answered);
  }

 private:
  friend class Plugin;  // counts calls, under its lock
  Instance(Plugin& plugin, Opened opened, std::shared_ptr<ConfigTable> config, ImageInfo image);
  ~Instance() = default;
  static void end(Instance* last);
  void destroy();
  static void unload(Instance* last);
  static void keep_for_good(Instance* last);
  bool run_main(const char* what, std::function<void()> work);
  Status start();
  // False when some did not end in time.
  bool drain_tasks();
  int64_t limit_ms() const;

  Plugin& plugin_;
  Opened opened_;
  const gantry_plugin_api& api_;
  std::shared_ptr<ConfigTable> config_;
  ImageInfo image_;
  gantry_host host_{};
  void* instance_ = nullptr;
  std::vector<std::pair<std::string, const void*>> interfaces_;
  size_t short_calls_ = 0, long_calls_ = 0;
  bool retired_ = false;
  std::atomic<bool> stuck_{false};  // a call into it never returned
  WatchLimits watch_{.deadline_ms = 0};
  std::mutex tasks_mutex_;
  std::condition_variable tasks_done_;
  size_t tasks_ = 0;
  std::atomic<int64_t> callback_deadline_ms_{0};
  WorkerPool callbacks_;  // of timers
  std::shared_ptr<InstanceTimers> timers_;
};

}  // namespace gantry::plugin
