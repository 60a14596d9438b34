// A runtime that is another one, only slower: every verb is forwarded to the plugin that `runtime` names, `delay_ms`
// later. For finding out what a slow disk or a busy container engine does to a node.
//
// What it forwards to may be reloaded at any time: each call is a use of its own (gantry.plugins/1). Verbs run on the
// host's workers.
#pragma once

#include <chrono>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <utility>

#include "gantry/abi/draft/plugins.h"
#include "gantry/abi/runtime.h"
#include "gantry/bytes.hpp"
#include "gantry/plugin.hpp"
#include "gantry/status_proto.hpp"

namespace slow {

using gantry::Expected;
using gantry::Status;

// One use of the other plugin, left at the end of its scope.
class Use {
 public:
  Use(const gantry_plugins* plugins, const gantry_host* host) : plugins_(plugins), host_(host) {}
  ~Use() {
    if (use_.pin != nullptr) plugins_->leave(host_, &use_);
  }
  Use(const Use&) = delete;
  Use& operator=(const Use&) = delete;
  gantry_code enter(const std::string& plugin, bool lasting, gantry_buffer* error) {
    return plugins_->enter(host_, gantry::to_slice(plugin), gantry::to_slice(GANTRY_RUNTIME_ID), lasting ? 1 : 0, &use_,
                           error);
  }
  void* instance() const { return use_.instance; }
  const gantry_runtime& table() const { return *static_cast<const gantry_runtime*>(use_.table); }

 private:
  const gantry_plugins* plugins_;
  const gantry_host* host_;
  gantry_plugin_use use_{sizeof(gantry_plugin_use), nullptr, nullptr, 0, nullptr};
};

class Runtime {
 public:
  static Expected<std::unique_ptr<Runtime>> create(gantry::sdk::Host host) {
    auto name = host.config_string("runtime", "oci");
    if (!name) return std::move(name).error();
    const auto delay = host.config_int("delay_ms", 0);
    if (!delay) return delay.error();
    if (*delay < 0) return Status::invalid("delay_ms: expected 0 or more");
    const auto* plugins = host.get<gantry_plugins>(GANTRY_PLUGINS_ID);
    if (plugins == nullptr) return Status::invalid("it needs gantry.plugins/1, which this host does not offer");
    auto made = std::unique_ptr<Runtime>(new Runtime(host, plugins));
    made->name_ = *name;
    made->delay_ = std::chrono::milliseconds(*delay);
    return made;
  }
  const void* get_interface(std::string_view id) const;

  // Pulling and stopping take their time: lasting uses.
  gantry_code verb(gantry_runtime_verb gantry_runtime::*which, bool lasting, gantry_slice request,
                   gantry_buffer* response, gantry_buffer* error) {
    std::this_thread::sleep_for(delay_);
    Use use(plugins_, host_.raw());
    if (const auto code = use.enter(name_, lasting, error); code != 0) return code;
    const auto& table = use.table();
    // The table of a plugin that is older than the verb ends before it.
    const auto* end = reinterpret_cast<const char*>(&(table.*which)) + sizeof(gantry_runtime_verb);
    const bool there = end <= reinterpret_cast<const char*>(&table) + table.size;
    const auto function = there ? table.*which : nullptr;
    if (function == nullptr) return gantry::fail(Status(501, "NotImplemented", name_ + " does not do this"), error);
    return function(use.instance(), request, response, error);
  }
  gantry_code import_image(int32_t archive, gantry_slice request, gantry_buffer* response, gantry_buffer* error) {
    Use use(plugins_, host_.raw());
    if (const auto code = use.enter(name_, true, error); code != 0) return code;
    return use.table().import_image(use.instance(), archive, request, response, error);
  }
  gantry_code exec(gantry_slice request, int32_t in, int32_t out, int32_t err, gantry_exec_exit exited, void* context,
                   uint64_t* id, gantry_buffer* error);
  // Size and end of an exec go to the instance that began it.
  template <typename Call>
  void with_exec(uint64_t id, Call&& call) {
    std::shared_ptr<Exec> found;
    {
      const std::lock_guard lock(mutex_);
      const auto it = execs_.find(id);
      if (it == execs_.end() || !it->second->known) return;
      found = it->second;
    }
    call(found->use.table(), found->use.instance(), found->id);
  }
  // The sink is the host's own: events need not come by here. Those of an instance that comes later are not told until
  // the host sets the sink anew; it looks by itself every 30 s.
  void set_event_sink(gantry_runtime_event sink, void* context) {
    Use use(plugins_, host_.raw());
    gantry::Buffer error;
    if (use.enter(name_, false, error.out()) == 0) use.table().set_event_sink(use.instance(), sink, context);
  }

 private:
  struct Exec {
    Exec(Runtime& of, gantry_exec_exit told, void* told_context)
        : runtime(of), use(of.plugins_, of.host_.raw()), exited(told), context(told_context) {}
    Runtime& runtime;
    Use use;
    gantry_exec_exit exited;
    void* context;
    uint64_t own_id = 0, id = 0;
    bool known = false;
  };
  Runtime(gantry::sdk::Host host, const gantry_plugins* plugins) : host_(host), plugins_(plugins) {}
  static void exec_ended(void* context, gantry_code code, int32_t exit_code, gantry_slice error);
  std::shared_ptr<Exec> forget(uint64_t own_id);

  const gantry::sdk::Host host_;
  const gantry_plugins* plugins_;
  std::string name_;
  std::chrono::milliseconds delay_{0};
  std::mutex mutex_;
  std::map<uint64_t, std::shared_ptr<Exec>> execs_;
  uint64_t last_exec_ = 0;
};

inline std::shared_ptr<Runtime::Exec> Runtime::forget(uint64_t own_id) {
  const std::lock_guard lock(mutex_);
  auto node = execs_.extract(own_id);
  return node.empty() ? nullptr : std::move(node.mapped());
}

inline gantry_code Runtime::exec(gantry_slice request, int32_t in, int32_t out, int32_t err, gantry_exec_exit exited,
                                 void* context, uint64_t* id, gantry_buffer* error) {
  std::this_thread::sleep_for(delay_);
  const auto made = std::make_shared<Exec>(*this, exited, context);
  if (const auto code = made->use.enter(name_, true, error); code != 0) return code;
  {
    const std::lock_guard lock(mutex_);
    made->own_id = ++last_exec_;
    execs_[made->own_id] = made;
  }
  *id = made->own_id;
  const auto code =
      made->use.table().exec(made->use.instance(), request, in, out, err, &exec_ended, made.get(), &made->id, error);
  if (code != 0) {
    forget(made->own_id);
    return code;
  }
  const std::lock_guard lock(mutex_);
  made->known = true;
  return 0;
}

// It may end before exec() returns; the map keeps it until then.
inline void Runtime::exec_ended(void* context, gantry_code code, int32_t exit_code, gantry_slice error) {
  auto& ended = *static_cast<Exec*>(context);
  const auto kept = ended.runtime.forget(ended.own_id);
  kept->exited(kept->context, code, exit_code, error);
}

template <gantry_runtime_verb gantry_runtime::*which, bool lasting = false>
gantry_code forward(void* self, gantry_slice request, gantry_buffer* response, gantry_buffer* error) {
  return gantry::sdk::guard(
      error, [&] { return static_cast<Runtime*>(self)->verb(which, lasting, request, response, error); });
}

inline const void* Runtime::get_interface(std::string_view id) const {
  using R = gantry_runtime;
  static constexpr gantry_runtime table = {
      .size = sizeof(gantry_runtime),
      .version = &forward<&R::version>,
      .status = &forward<&R::status>,
      .run_pod_sandbox = &forward<&R::run_pod_sandbox>,
      .stop_pod_sandbox = &forward<&R::stop_pod_sandbox, true>,
      .remove_pod_sandbox = &forward<&R::remove_pod_sandbox>,
      .pod_sandbox_status = &forward<&R::pod_sandbox_status>,
      .list_pod_sandbox = &forward<&R::list_pod_sandbox>,
      .create_container = &forward<&R::create_container>,
      .start_container = &forward<&R::start_container>,
      .stop_container = &forward<&R::stop_container, true>,
      .remove_container = &forward<&R::remove_container>,
      .list_containers = &forward<&R::list_containers>,
      .container_status = &forward<&R::container_status>,
      .update_container_resources = &forward<&R::update_container_resources>,
      .exec_sync = &forward<&R::exec_sync, true>,
      .list_images = &forward<&R::list_images>,
      .image_status = &forward<&R::image_status>,
      .pull_image = &forward<&R::pull_image, true>,
      .remove_image = &forward<&R::remove_image>,
      .list_container_stats = &forward<&R::list_container_stats>,
      .import_image =
          [](void* self, int32_t archive, gantry_slice request, gantry_buffer* response, gantry_buffer* error) {
            return static_cast<Runtime*>(self)->import_image(archive, request, response, error);
          },
      .exec =
          [](void* self, gantry_slice request, int32_t in, int32_t out, int32_t err, gantry_exec_exit exited,
             void* context, uint64_t* exec_id, gantry_buffer* error) {
            return static_cast<Runtime*>(self)->exec(request, in, out, err, exited, context, exec_id, error);
          },
      .exec_resize =
          [](void* self, uint64_t exec_id, uint16_t columns, uint16_t rows) {
            static_cast<Runtime*>(self)->with_exec(exec_id, [&](const R& to, void* instance, uint64_t known) {
              to.exec_resize(instance, known, columns, rows);
            });
          },
      .exec_cancel =
          [](void* self, uint64_t exec_id) {
            static_cast<Runtime*>(self)->with_exec(
                exec_id, [&](const R& to, void* instance, uint64_t known) { to.exec_cancel(instance, known); });
          },
      .set_event_sink = [](void* self, gantry_runtime_event sink,
                           void* context) { static_cast<Runtime*>(self)->set_event_sink(sink, context); },
      .signal_container = &forward<&R::signal_container>,
  };
  return id == GANTRY_RUNTIME_ID ? &table : nullptr;
}

}  // namespace slow
