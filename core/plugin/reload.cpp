// How one instance takes the place of another (PluginHost): load beside, check, create, stop handing out work, wait for
// calls in flight, hand over state, switch, unload. All under the change lock; whatever fails leaves the old one at
// work.
#include "gantry/abi/reload.h"

#include <algorithm>
#include <fstream>
#include <thread>

#include "core/plugin/interface_table.hpp"
#include "core/plugin/plugin_host.hpp"
#include "core/plugin/thread_stack.hpp"
#include "gantry/abi/log.h"
#include "gantry/bytes.hpp"
#include "gantry/status_proto.hpp"

namespace gantry::plugin {
namespace {

namespace fs = std::filesystem;

constexpr size_t kMaxState = 16 << 20;
constexpr std::chrono::milliseconds kCapture(500);

std::string time_text(int64_t ms) {
  return ms % 1000 == 0 ? std::to_string(ms / 1000) + " s" : std::to_string(ms) + " ms";
}

bool mapped(const fs::path& image) {
  std::ifstream maps("/proc/self/maps");
  for (std::string line; std::getline(maps, line);) {
    if (line.find(image.string()) != std::string::npos) return true;
  }
  return false;
}

// Of some interfaces two instances may work side by side for a moment, as their headers say: of a controller, the host
// lets nobody work on a key that is being worked on, and what the old one still does is what a worker beside the new
// one would do. Then nothing waits for calls in flight. With state to hand over, or another interface (two networks
// handing out addresses), the old one must have come to rest.
//
// `hopeless`: the old one is known not to come to rest; then its state is given up.
bool may_overlap(const Instance* old, const Instance* next, bool hopeless) {
  if (old == nullptr || next == nullptr) return false;
  const auto may = [hopeless](const Instance& instance) {
    return std::ranges::all_of(instance.image().interfaces, [hopeless](const std::string& id) {
      const auto* known = find_interface(id);
      return (known != nullptr && known->side_by_side) || (hopeless && id == GANTRY_RELOAD_ID);
    });
  };
  return may(*old) && may(*next);
}

}  // namespace

Expected<std::shared_ptr<Instance>> PluginHost::make_instance(Plugin& plugin, const PluginSettings& settings,
                                                              ImageInfo& image) {
  if (!options_.run_dir.is_absolute()) return Status::internal("the plugin host has no folder for copies of plugins");
  image.path = settings.path.string();
  image.number = ++copies_;
  const auto copy = options_.run_dir / "plugins" / (settings.name + "." + std::to_string(copies_) + ".so");
  auto opened = open_library(plugin, settings, copy, image);
  if (!opened) return Status(opened.error());
  auto made = Instance::create(plugin, std::move(*opened), settings.config, image);
  if (!made) return made;
  image = (*made)->image();
  // A process has deadlines of its own.
  if (!settings.isolation.process) (*made)->set_watch(settings.watch);
  return made;
}

Expected<Instance::Opened> PluginHost::open_library(Plugin& plugin, const PluginSettings& settings,
                                                    const fs::path& copy, ImageInfo& image) {
  const bool process = settings.isolation.process;
  if (process && !options_.open_isolated) return Status::invalid("this host runs no plugins in processes of their own");
  const TrustOptions trust{settings.sha256, options_.public_key, true};
  if (auto status = copy_trusted(settings.path, copy, trust); !status.ok()) return status;
  auto digest = sha256_of(copy);
  if (!digest) return std::move(digest).error();
  image.sha256 = std::move(*digest);
  if (process) {
    auto library = options_.open_isolated(
        settings, copy,
        [this, name = settings.name, number = copies_](const std::string& cause) { crashed(name, number, cause); });
    if (!library) return std::move(library).error();
    return Instance::Opened{nullptr, std::move(*library)};
  }
  if (auto survived = try_image(plugin, settings, copy, image.sha256); !survived.ok()) {
    std::error_code ignored;
    fs::remove(copy, ignored);
    return survived;
  }
  return map_library(settings, copy, image.sha256);
}

// The image's static constructors run here.
Expected<Instance::Opened> PluginHost::map_library(const PluginSettings& settings, const fs::path& copy,
                                                   const std::string& sha256) {
  struct Loading {
    std::unique_ptr<MappedImage> image;
    Expected<std::unique_ptr<LoadedLibrary>> library = Status();
  };
  const auto loading = std::make_shared<Loading>();
  const auto key = TriedImages::key(sha256, settings.config_text);
  loading->image = std::make_unique<MappedImage>(settings.name, copy, key);
  const auto what = "plugin " + settings.name + ": its loading";
  const bool loaded = main_thread_.run(
      what, options_.main_call_ms,
      [loading, path = settings.path, copy] {
        const CallMark mark(loading->image.get(), "loading");
        loading->library = LoadedLibrary::open_copy(path, copy);
      },
      [](pid_t) {});
  if (!loaded) return Status::timeout(late(what));
  if (!loading->library) return std::move(loading->library).error();
  return Instance::Opened{std::move(loading->image), std::move(*loading->library)};
}

std::string PluginHost::late(const std::string& what) const {
  return what + " has not returned within " + time_text(options_.main_call_ms);
}

// It is left where it is, with its thread: neither can be ended from outside.
void PluginHost::note_stuck(Instance& instance, const char* what, pid_t thread) {
  Plugin& plugin = instance.plugin();
  const auto text = late("its " + std::string(what));
  options_.log("", GANTRY_LOG_ERROR,
               "plugin " + plugin.name() + ": " + text + "; the daemon goes on without it, and its image stays loaded" +
                   (thread > 0 ? "; its thread is here:" : ""));
  if (thread > 0) log_stack(capture_stack(thread, kCapture), instance);
  plugin.change([&](PluginInfo& info) { info.message = text + "; it was given up, and its image stays loaded"; });
}

void PluginHost::log_stack(const std::vector<uintptr_t>& stack, const Instance& instance) const {
  const auto file = fs::path(instance.image().path).filename().string();
  const auto frames = describe_stack(stack, instance.copy(), file);
  if (frames.empty()) options_.log("", GANTRY_LOG_ERROR, "  (it does not answer: it is deep in the kernel)");
  for (size_t i = 0; i < frames.size(); ++i) {
    options_.log("", GANTRY_LOG_ERROR, "  #" + std::to_string(i) + " " + frames[i]);
  }
}

void PluginHost::note_failure(Plugin& plugin, const PluginSettings& settings, ImageInfo image, const Status& why) {
  const bool crashed = plugin.info().phase == PluginPhase::kCrashed;
  const bool runs = plugin.current() != nullptr && !crashed;
  options_.log("", GANTRY_LOG_ERROR,
               "plugin " + plugin.name() +
                   (runs ? " was not reloaded, the running one goes on: " : " was not loaded: ") + why.message());
  plugin.change([&](PluginInfo& info) {
    info.message = why.message();
    info.required = settings.required;
    if (crashed) return;  // its restart is tried again
    if (runs) {
      ++info.failed_reloads;
      return;
    }
    info.phase = PluginPhase::kFailed;
    info.image = std::move(image);
    if (!info.crash.empty() && !info.message.starts_with("left out")) {
      info.message += " (it is in a process of its own because " + info.crash + ")";
    }
  });
}

Status PluginHost::replace(Plugin& plugin, const PluginSettings& given, Rest rest) {
  const auto settings = effective(given);
  ImageInfo image;
  auto next = make_instance(plugin, settings, image);
  if (!next) {
    note_failure(plugin, settings, std::move(image), next.error());
    return next.error();
  }
  if (auto ready = prepare(plugin, **next); !ready.ok()) {
    note_failure(plugin, settings, image, ready);
    return ready;
  }
  auto old = plugin.current();
  const bool after_crash = plugin.info().phase == PluginPhase::kCrashed;
  // Loading has used up this thread's slice of a busy processor; the switch, a few microseconds that others wait for,
  // begins with a new one.
  std::this_thread::yield();
  const int64_t begin = options_.clock->monotonic_ns();
  if (auto switched = switch_to(plugin, *next, rest); !switched.ok()) {
    note_failure(plugin, settings, image, switched);
    return switched;
  }
  settings_[plugin.name()] = settings;
  const int64_t now = options_.clock->now_unix_ns();
  const int64_t pause = options_.clock->monotonic_ns() - begin;
  plugin.change([&](PluginInfo& info) {
    info.image = image;
    info.phase = PluginPhase::kRunning;
    info.message.clear();
    info.required = settings.required;
    info.process = settings.isolation.process;
    info.moved = moved_.contains(info.name);
    info.strikes = 0;
    if (after_crash) ++info.restarts;
    if (old == nullptr || after_crash) return;
    info.crashes = 0;
    ++info.reloads;
    info.last_reload_unix_ns = now;
    info.last_pause_ns = pause;
  });
  note_early_crash(plugin.name(), image.number);
  if (old != nullptr) {
    options_.log("", GANTRY_LOG_INFO,
                 "plugin " + plugin.name() + (after_crash ? " was started anew" : " was reloaded") +
                     "; calls waited for " + std::to_string(pause / 1000) + " us");
    retire(std::move(old), rest == Rest::kAwaited ? options_.drain_ms : 0);
  }
  return {};
}

Status PluginHost::prepare(Plugin& plugin, Instance& next) {
  for (size_t i = 0; i < users_.size(); ++i) {
    auto ready = users_[i]->prepare(plugin, next);
    if (ready.ok()) continue;
    for (size_t j = 0; j <= i; ++j) users_[j]->resume(plugin);
    return ready;
  }
  return {};
}

// `next` null: switched off.
Status PluginHost::switch_to(Plugin& plugin, const std::shared_ptr<Instance>& next, Rest rest) {
  const auto old = plugin.current();
  size_t paused = 0, adopted = 0;
  Status status;
  const int64_t wait_ms = may_overlap(old.get(), next.get(), rest == Rest::kHopeless) ? 0 : options_.drain_ms;
  while (status.ok() && paused < users_.size()) status = users_[paused++]->pause(plugin, wait_ms);
  const bool closed = status.ok() && plugin.close_gate(wait_ms);
  if (status.ok() && !closed) {
    status = Status::unavailable("calls into it did not end within " + std::to_string(options_.drain_ms) + " ms");
  }
  const bool can_save = old != nullptr && plugin.info().phase != PluginPhase::kCrashed && rest == Rest::kAwaited;
  if (status.ok() && can_save && next != nullptr) status = hand_over_state(*old, *next);
  while (status.ok() && adopted < users_.size()) status = users_[adopted++]->adopt(plugin, next.get());
  if (!status.ok()) {
    for (size_t i = 0; i < adopted; ++i) (void)users_[i]->adopt(plugin, old.get());
  }
  if (closed) plugin.open_gate(status.ok() ? next : old);
  if (next != nullptr && over()) next->hurry();
  for (size_t i = 0; i < paused; ++i) users_[i]->resume(plugin);
  return status;
}

Expected<std::string> PluginHost::save_state(Instance& old, const gantry_reload& from) {
  struct Saved {
    gantry_code code = 0;
    Buffer state, error;
  };
  const auto saved = std::make_shared<Saved>();
  auto called = old.call_main("save", [saved, &from, instance = old.get()] {
    saved->code = from.save(instance, saved->state.out(), saved->error.out());
  });
  if (!called.ok()) return called;
  if (saved->code != 0) return status_of(saved->code, saved->error.view());
  return std::string(saved->state.view());
}

Status PluginHost::hand_over_state(Instance& old, Instance& next) {
  const auto* from = old.interface<gantry_reload>(GANTRY_RELOAD_ID);
  const auto* to = next.interface<gantry_reload>(GANTRY_RELOAD_ID);
  if (from == nullptr || to == nullptr) return {};
  auto state = save_state(old, *from);
  if (!state) return std::move(state).error().in("the old instance could not save its state");
  if (state->size() > kMaxState) {
    return Status::invalid("the state of the old instance has " + std::to_string(state->size()) + " bytes, at most " +
                           std::to_string(kMaxState) + " are handed over");
  }
  struct Restored {
    gantry_code code = 0;
    Buffer refused;
  };
  const auto restored = std::make_shared<Restored>();
  auto called = next.call_main("restore", [restored, to, instance = next.get(), state = std::move(*state)] {
    restored->code = to->restore(instance, to_slice(state), restored->refused.out());
  });
  if (called.ok() && restored->code != 0) called = status_of(restored->code, restored->refused.view());
  return called.ok() ? called : std::move(called).in("the new instance does not take over the state of the old one");
}

Status PluginHost::disable(const std::string& name) {
  const std::lock_guard lock(change_mutex_);
  const auto plugin = place(name);
  if (plugin->heir() != nullptr) return {};
  auto old = plugin->current();
  if (old != nullptr) {
    if (auto switched = switch_to(*plugin, nullptr); !switched.ok()) {
      options_.log("", GANTRY_LOG_ERROR, "plugin " + name + " was not switched off: " + switched.message());
      return switched;
    }
    options_.log("", GANTRY_LOG_INFO, "plugin " + name + " is switched off");
  }
  release_places(*plugin, "", name + ", which had replaced it, is switched off");
  plugin->change([](PluginInfo& info) {
    info.phase = PluginPhase::kDisabled;
    info.message.clear();
  });
  if (old != nullptr) retire(std::move(old), options_.drain_ms);
  return {};
}

void PluginHost::retire(std::shared_ptr<Instance> old, int64_t wait_ms) {
  // Here nobody is held back any longer; who asked for the change learns of its end when the old image is gone, if it
  // can be.
  old->plugin().retire(*old);
  old->plugin().wait_for_short_calls(*old, wait_ms);
  retired_.push_back(std::move(old));
  reap();
}

void PluginHost::reap_soon() {
  reaper_.post([this] {
    const std::lock_guard lock(change_mutex_);
    reap();
  });
}

void PluginHost::reap() {
  for (size_t i = 0; i < retired_.size();) {
    Plugin& plugin = retired_[i]->plugin();
    if (!plugin.retire(*retired_[i])) {
      ++i;
      continue;
    }
    const auto copy = retired_[i]->copy();
    retired_.erase(retired_.begin() + static_cast<ptrdiff_t>(i));
    if (copy.empty() || !mapped(copy)) continue;
    options_.log("", GANTRY_LOG_WARN,
                 "plugin " + plugin.name() + ": its old image " + copy.string() +
                     " stays mapped; a symbol of it that is unique to the process, or a thread it left, keeps it");
    plugin.change([](PluginInfo& info) { info.message = "the old image of the last reload could not be unloaded"; });
  }
}

}  // namespace gantry::plugin
