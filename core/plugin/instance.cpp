// One created instance: checks, create, destroy, tasks.
#include "core/plugin/instance.hpp"

#include <algorithm>
#include <chrono>
#include <exception>
#include <optional>

#include "core/plugin/bounds.hpp"
#include "core/plugin/interface_checks.hpp"
#include "core/plugin/plugin.hpp"
#include "core/plugin/plugin_host.hpp"
#include "gantry/abi/log.h"
#include "gantry/status_proto.hpp"
#include "gantry/text.hpp"

namespace gantry::plugin {
namespace {

constexpr size_t kMaxTasks = 1'024;
// Of ABI 1.0, in numbers: sizeof would grow with the structs and refuse the plugins of that release.
constexpr size_t kApiSize = 48, kDescriptorSize = 48;

// Of what the descriptor says: it stands in lists, objects and logs.
constexpr size_t kMostWord = 256, kMostDescription = 4'096, kMostInterfaces = 64;

Status check_text(const char* what, std::string_view text, size_t most) {
  const auto is_control = [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; };
  if (text.size() <= most && is_utf8(text) && std::none_of(text.begin(), text.end(), is_control)) return {};
  return Status::invalid("its descriptor has a text that is refused: its " + std::string(what) + " must be UTF-8 of " +
                         std::to_string(most) + " bytes at most, without control characters");
}

const void* get_host_interface(const gantry_host* host, const char* id) {
  return id == nullptr ? nullptr : Instance::of(host).plugin().host().host_interface(id);
}

bool is_label(std::string_view name) {
  const auto plain = [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'); };
  if (name.empty() || name.size() > 63 || !plain(name.front()) || !plain(name.back())) return false;
  return std::all_of(name.begin(), name.end(), [&](char c) { return plain(c) || c == '-'; });
}

// What a plugin's entry points must not do: let an exception out. Its sentence, or nothing; the exception is gone
// before the image can be.
template <typename Call>
std::optional<std::string> thrown_by(Call&& call) {
  try {
    call();
    return std::nullopt;
  } catch (const std::exception& error) {
    return error.what();
  } catch (...) {
    return "something unknown";
  }
}

std::string text_or_empty(const char* text) { return text == nullptr ? "" : text; }

}  // namespace

Instance::Instance(Plugin& plugin, Opened opened, std::shared_ptr<ConfigTable> config, ImageInfo image)
    : plugin_(plugin),
      opened_(std::move(opened)),
      api_(opened_.library->api()),
      config_(std::move(config)),
      image_(std::move(image)),
      callbacks_(plugin.name(), 1, bounds::kTimers),
      timers_(std::make_shared<InstanceTimers>(
          *plugin.host().options().timers, bounds::kTimers,
          [this](std::function<void()> work) { return callbacks_.post(std::move(work)); })) {}

// A process has deadlines of its own.
int64_t Instance::limit_ms() const { return copy().empty() ? 0 : plugin_.host().options().main_call_ms; }

bool Instance::run_main(const char* what, std::function<void()> work) {
  auto marked = [what, image = mapped(), work = std::move(work)] {
    const CallMark mark(image, what);
    work();
  };
  return plugin_.host().main_thread().run("plugin " + plugin_.name() + ": its " + what, limit_ms(), std::move(marked),
                                          [this, what](pid_t thread) {
                                            stuck_ = true;
                                            plugin_.host().note_stuck(*this, what, thread);
                                          });
}

Status Instance::call_main(const char* what, std::function<void()> work) {
  if (run_main(what, [self = shared_from_this(), work = std::move(work)] { work(); })) return {};
  return Status::timeout(plugin_.host().late("its " + std::string(what)));
}

void Instance::end(Instance* last) {
  if (last->stuck_) return keep_for_good(last);
  if (!last->drain_tasks()) {
    last->plugin_.host().note_stuck(*last, "task", 0);
    return keep_for_good(last);
  }
  const bool ended = last->run_main("destroy", [last] { last->destroy(); });
  ended ? unload(last) : keep_for_good(last);
}

void Instance::destroy() {
  // A callback that runs ends before the plugin's memory goes, and what the plugin forgot to cancel never runs.
  timers_->close();
  callbacks_.stop();
  if (instance_ != nullptr) {
    if (const auto what = thrown_by([this] { api_.destroy(instance_); })) {
      plugin_.host().options().log("", GANTRY_LOG_ERROR, "plugin " + plugin_.name() + ": its destroy threw: " + *what);
    }
  }
}

// Somebody may still be in it, or come back to it. Where a leak checker finds it: it is meant.
void Instance::keep_for_good(Instance* last) {
  static std::mutex mutex;
  static auto* const kept = new std::vector<Instance*>;
  const std::lock_guard lock(mutex);
  kept->push_back(last);
}

// The image's static destructors run here.
void Instance::unload(Instance* last) {
  const auto rest = std::make_shared<Opened>(std::move(last->opened_));
  auto& host = last->plugin_.host();
  const auto limit = rest->library->copy().empty() ? 0 : host.options().main_call_ms;
  const auto name = last->plugin_.name();
  delete last;
  (void)host.main_thread().run(
      "plugin " + name + ": its unloading", limit,
      [rest] {
        const CallMark mark(rest->mapped.get(), "unloading");
        rest->library.reset();
      },
      [&](pid_t) {
        host.options().log("", GANTRY_LOG_ERROR,
                           host.late("plugin " + name + ": its unloading") + "; the daemon goes on without it");
      });
}

Expected<std::shared_ptr<Instance>> Instance::create(Plugin& plugin, Opened opened, std::shared_ptr<ConfigTable> config,
                                                     ImageInfo image) {
  const std::shared_ptr<Instance> made(new Instance(plugin, std::move(opened), std::move(config), std::move(image)),
                                       &Instance::end);
  if (auto status = read_descriptor(made->api_, plugin.name(), made->image_); !status.ok()) return status;
  const auto status = std::make_shared<Status>();
  if (auto called = made->call_main("create", [made = made.get(), status] { *status = made->start(); }); !called.ok()) {
    return called;
  }
  if (!status->ok()) return *status;
  return made;
}

Status read_descriptor(const gantry_plugin_api& api, const std::string& wanted_name, ImageInfo& image) {
  if (api.size < kApiSize) {
    return Status::invalid("its gantry_plugin has size " + std::to_string(api.size) + ", at least " +
                           std::to_string(kApiSize) + " is needed");
  }
  if (api.abi_major != GANTRY_ABI_MAJOR || api.abi_minor > GANTRY_ABI_MINOR) {
    return Status::invalid("it was built for ABI " + std::to_string(api.abi_major) + "." +
                           std::to_string(api.abi_minor) + ", this daemon speaks " + std::to_string(GANTRY_ABI_MAJOR) +
                           "." + std::to_string(GANTRY_ABI_MINOR) + "; rebuild it with this release's SDK");
  }
  if (api.create == nullptr || api.destroy == nullptr || api.get_interface == nullptr) {
    return Status::invalid("its gantry_plugin lacks one of create, destroy, get_interface");
  }
  const auto* described = api.descriptor;
  if (described == nullptr || described->size < kDescriptorSize || described->interfaces == nullptr) {
    return Status::invalid("its descriptor is missing or too small");
  }
  const std::string name = text_or_empty(described->name);
  if (!is_label(name)) return Status::invalid("its name \"" + name + "\" is not a DNS-1123 label");
  if (!wanted_name.empty() && name != wanted_name) {
    return Status::invalid("it calls itself \"" + name + "\"; the file must then be " + name + ".so");
  }
  image.name = name;
  image.version = text_or_empty(described->version);
  image.vendor = text_or_empty(described->vendor);
  image.description = text_or_empty(described->description);
  image.abi_major = api.abi_major;
  image.abi_minor = api.abi_minor;
  for (const char* const* id = described->interfaces; *id != nullptr; ++id) {
    if (image.interfaces.size() == kMostInterfaces) {
      return Status::invalid("its descriptor lists more than " + std::to_string(kMostInterfaces) + " interfaces");
    }
    image.interfaces.emplace_back(*id);
    if (auto status = check_text("interface", image.interfaces.back(), kMostWord); !status.ok()) return status;
  }
  if (auto status = check_text("version", image.version, kMostWord); !status.ok()) return status;
  if (auto status = check_text("vendor", image.vendor, kMostWord); !status.ok()) return status;
  return check_text("description", image.description, kMostDescription);
}

Status Instance::start() {
  host_ = {sizeof(gantry_host), GANTRY_ABI_MAJOR, GANTRY_ABI_MINOR, this, &get_host_interface};
  Buffer error;
  void* made = nullptr;
  gantry_code code = 0;
  if (const auto what = thrown_by([&] { code = api_.create(&host_, &made, error.out()); })) {
    return Status::invalid("its create threw: " + *what);
  }
  if (code != 0) return status_of(code, error.view()).in("create failed");
  if (made == nullptr) return Status::invalid("create succeeded but gave no instance");
  instance_ = made;
  for (const auto& id : image_.interfaces) {
    const void* table = nullptr;
    if (const auto what = thrown_by([&] { table = api_.get_interface(instance_, id.c_str()); })) {
      return Status::invalid("its get_interface threw: " + *what);
    }
    if (table == nullptr) return Status::invalid("its descriptor lists " + id + ", but get_interface has none");
    if (auto status = check_interface(id, table); !status.ok()) return status;
    interfaces_.emplace_back(id, table);
  }
  if (config_ != nullptr) {
    if (const auto unknown = config_->unknown_keys(); !unknown.empty()) return Status::invalid(unknown.front());
  }
  return {};
}

const void* Instance::find_interface(std::string_view id) const {
  for (const auto& [known, table] : interfaces_) {
    if (known == id) return table;
  }
  return nullptr;
}

gantry_code Instance::run_task(void (*fn)(void*), void* context) {
  {
    const std::lock_guard lock(tasks_mutex_);
    if (tasks_ >= kMaxTasks) return 429;
    ++tasks_;
  }
  // Counted down by the task's own end, also when the pool drops it unrun. Notified under the lock: this goes when the
  // last one is counted.
  const std::shared_ptr<void> done(nullptr, [this](void*) {
    const std::lock_guard lock(tasks_mutex_);
    if (--tasks_ == 0) tasks_done_.notify_all();
  });
  return plugin_.host().options().tasks->post([fn, context, done] { fn(context); }) ? 0 : 429;
}

bool Instance::drain_tasks() {
  std::unique_lock lock(tasks_mutex_);
  const auto none = [this] { return tasks_ == 0; };
  if (limit_ms() > 0) return tasks_done_.wait_for(lock, std::chrono::milliseconds(limit_ms()), none);
  tasks_done_.wait(lock, none);
  return true;
}

uint64_t Instance::start_timer(int64_t delay_ms, void (*fire)(void*), void* context) {
  const auto id = timers_->start(delay_ms, [this, fire, context] {
    const Watchdog::Watch watch(plugin_.host().watchdog(), *this, callback_deadline_ms_, "", "", nullptr,
                                "callback of a timer");
    const CallMark mark(mapped(), "callback of a timer");
    fire(context);
  });
  if (id == 0) {
    plugin_.host().trouble(
        "plugin-timers", plugin_,
        "a timer was refused: " + std::to_string(bounds::kTimers) + " wait already, the most that a plugin may have");
  }
  return id;
}

}  // namespace gantry::plugin
