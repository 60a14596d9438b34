// A controller in one class and one macro.
//
//   class Greeter : public gantry::sdk::Controller {
//    public:
//     using Controller::Controller;
//     gantry::abi::ControllerSpec spec() const override { return watching<corev1::ConfigMap>("greeter"); }
//     gantry::Expected<Result> reconcile(const Key& key) override { ... host().cached<corev1::ConfigMap>(key.ns,
//     key.name) ... }
//   };
//   GANTRY_CONTROLLER(Greeter, "greeter", "1.0.0", "me", "Greets config maps");
//
// With kinds of its own: #include "greeter.kinds.hpp", which gantry_add_plugin(... PROTOS ...) makes, and
//   GANTRY_CONTROLLER_WITH_KINDS(Greeter, gantry::kinds::greeter, "greeter", "1.0.0", "me", "Keeps greetings");
//
// reconcile runs on the host's workers, never for one key twice at a time; it reads the caches, compares, and writes
// through host(). It may be run again at any time: level-triggered.
#pragma once

#include <functional>
#include <initializer_list>
#include <memory>
#include <string>
#include <string_view>
#include <type_traits>

#include "gantry/abi/controller.h"
#include "gantry/kinds.hpp"
#include "gantry/plugin.hpp"
#include "gantry/watch.hpp"

namespace gantry::sdk {

class Controller {
 public:
  struct Key {
    std::string ns, name;
  };
  // When to look again without being told; 0: only when something changes.
  struct Result {
    int64_t requeue_after_ms = 0;
  };
  using Emit = std::function<void(std::string_view ns, std::string_view name)>;

  explicit Controller(Host host) : host_(host) {}
  virtual ~Controller() = default;
  Controller(const Controller&) = delete;
  Controller& operator=(const Controller&) = delete;

  virtual gantry::abi::ControllerSpec spec() const = 0;
  virtual Expected<Result> reconcile(const Key& key) = 0;
  // Keys of an event of a CUSTOM watch. Quick; any thread.
  virtual void map(const gantry::abi::ObjectEvent& event, const Emit& emit) {
    (void)event;
    (void)emit;
  }
  // Reads configuration; an error keeps the plugin from loading.
  virtual Status configure() { return {}; }

  const Host& host() const { return host_; }

 protected:
  // Adds a watch of Message's resource to a spec.
  template <typename Message>
  static gantry::abi::WatchSpec& watch(gantry::abi::ControllerSpec& spec, gantry::abi::WatchSpec::Mapping mapping) {
    auto& watch = *spec.add_watches();
    set_resource<Message>(watch);
    watch.set_mapping(mapping);
    return watch;
  }
  // A watch of what objects of a kind own, by their controller references: the host maps it, nobody asks the plugin.
  // `selector`: where an owner keeps the metav1.LabelSelector of what it may adopt, as field numbers from its message
  // on ({Owner::kSpecFieldNumber, OwnerSpec::kSelectorFieldNumber}); needs a SELF watch of the owners. None: it adopts
  // nothing.
  template <typename Message>
  static gantry::abi::WatchSpec& owned(gantry::abi::ControllerSpec& spec, std::string_view group, std::string_view kind,
                                       std::initializer_list<int> selector = {}) {
    auto& owned = watch<Message>(spec, gantry::abi::WatchSpec::OWNER);
    owned.set_owner_group(std::string(group));
    owned.set_owner_kind(std::string(kind));
    for (const int number : selector) owned.add_owner_selector(number);
    return owned;
  }
  template <typename Message>
  static gantry::abi::ControllerSpec watching(std::string_view name) {
    gantry::abi::ControllerSpec spec;
    spec.set_name(std::string(name));
    watch<Message>(spec, gantry::abi::WatchSpec::SELF);
    return spec;
  }

 private:
  Host host_;
};

// The plugin around one controller class, and what kinds.hpp calls Kinds, if it brings any.
template <typename T, typename Kinds = void>
class ControllerPlugin {
 public:
  static Expected<std::unique_ptr<ControllerPlugin>> create(Host host) {
    auto plugin = std::make_unique<ControllerPlugin>(host);
    if (auto status = plugin->controller_.configure(); !status.ok()) return status;
    return plugin;
  }
  explicit ControllerPlugin(Host host) : controller_(host) {}

  const void* get_interface(std::string_view id) {
    static constexpr gantry_controller table = {sizeof(gantry_controller), &describe, &map, &reconcile};
    if constexpr (!std::is_void_v<Kinds>) {
      if (id == GANTRY_KINDS_ID) return kinds_table<Kinds>();
    }
    return id == GANTRY_CONTROLLER_ID ? &table : nullptr;
  }

 private:
  static Controller& self(void* instance) { return static_cast<ControllerPlugin*>(instance)->controller_; }

  static gantry_code describe(void* instance, gantry_buffer* spec, gantry_buffer* error) {
    return guard(error, [&]() -> gantry_code {
      fill_buffer(spec, self(instance).spec().SerializeAsString());
      return 0;
    });
  }
  static void map(void* instance, gantry_slice event, gantry_emit_key emit, void* context) {
    guard(nullptr, [&]() -> gantry_code {
      gantry::abi::ObjectEvent parsed;
      if (!parsed.ParseFromArray(event.data, static_cast<int>(event.size))) return 400;
      self(instance).map(
          parsed, [&](std::string_view ns, std::string_view name) { emit(context, to_slice(ns), to_slice(name)); });
      return 0;
    });
  }
  static gantry_code reconcile(void* instance, gantry_slice ns, gantry_slice name, gantry_buffer* result,
                               gantry_buffer* error) {
    return guard(error, [&]() -> gantry_code {
      auto done = self(instance).reconcile({std::string(to_view(ns)), std::string(to_view(name))});
      if (!done) return fail(done.error(), error);
      if (done->requeue_after_ms > 0) {
        gantry::abi::ReconcileResult message;
        message.set_requeue_after_ms(done->requeue_after_ms);
        fill_buffer(result, message.SerializeAsString());
      }
      return 0;
    });
  }

  T controller_;
};

}  // namespace gantry::sdk

#define GANTRY_CONTROLLER(CLASS, NAME, VERSION, VENDOR, DESCRIPTION) \
  GANTRY_PLUGIN(::gantry::sdk::ControllerPlugin<CLASS>, NAME, VERSION, VENDOR, DESCRIPTION, GANTRY_CONTROLLER_ID)

#define GANTRY_CONTROLLER_WITH_KINDS(CLASS, KINDS, NAME, VERSION, VENDOR, DESCRIPTION) \
  using GantryControllerWithKinds = ::gantry::sdk::ControllerPlugin<CLASS, KINDS>;     \
  GANTRY_PLUGIN(GantryControllerWithKinds, NAME, VERSION, VENDOR, DESCRIPTION, GANTRY_CONTROLLER_ID, GANTRY_KINDS_ID)
