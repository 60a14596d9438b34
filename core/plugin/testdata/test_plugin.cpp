// One plugin in several flavours, each broken in one way, for plugin_host_test.
#include <optional>
#include <stdexcept>
#include <string>

#include "gantry/abi/draft/handover.h"
#include "gantry/abi/draft/plugins.h"
#include "gantry/abi/reload.h"
#include "gantry/controller.hpp"
#include "k8s.io/api/core/v1/config.pb.h"

namespace {

using gantry::Expected;
using gantry::Status;

class Quiet : public gantry::sdk::Controller {
 public:
  using Controller::Controller;
  gantry::abi::ControllerSpec spec() const override { return watching<gantry::corev1::ConfigMap>("quiet"); }
  Expected<Result> reconcile(const Key& key) override {
    host().info("reconcile " + key.name);
    // Of "stateful" it asks a reconcile, too: by the host.
    if (key.name.starts_with("ask-")) return ask(key.name.substr(4));
    return Result{};
  }
  Expected<Result> ask(const std::string& other) {
    const auto* plugins = host().get<gantry_plugins>(GANTRY_PLUGINS_ID);
    gantry_plugin_use use{sizeof use, nullptr, nullptr, 0, nullptr};
    gantry::Buffer result, error;
    const auto code = plugins->enter(host().raw(), gantry::to_slice(other), gantry::to_slice(GANTRY_CONTROLLER_ID), 0,
                                     &use, error.out());
    if (code != 0) return gantry::status_of(code, error.view());
    static_cast<const gantry_controller*>(use.table)->reconcile(use.instance, {}, {}, result.out(), error.out());
    plugins->leave(host().raw(), &use);
    return Result{static_cast<int64_t>(use.generation)};
  }
  Status configure() override {
#ifdef FLAVOUR_create_fails
    return Status::invalid("this flavour never starts");
#else
    auto greeting = host().config_string("greeting", "hello");
    if (!greeting) return std::move(greeting).error();
    host().info("greeting " + *greeting);
    return {};
#endif
  }
};

#if defined(FLAVOUR_throws)
// Lets exceptions out of its entry points.
class Throwing {
 public:
  static gantry_code create(const gantry_host*, void** made, gantry_buffer*) {
    *made = new Throwing;
    return 0;
  }
  static void destroy(void* self) {
    delete static_cast<Throwing*>(self);
    throw std::runtime_error("the end is not nigh");
  }
  static const void* get_interface(void*, const char*) { throw std::logic_error("nobody knows this"); }
};
using Chosen = Throwing;
#elif defined(FLAVOUR_no_reconcile) || defined(FLAVOUR_small_table)
class Broken {
 public:
  static Expected<std::unique_ptr<Broken> > create(gantry::sdk::Host) { return std::make_unique<Broken>(); }
  const void* get_interface(std::string_view) {
#ifdef FLAVOUR_no_reconcile
    static constexpr gantry_controller table = {sizeof(gantry_controller),
                                                [](void*, gantry_buffer*, gantry_buffer*) -> gantry_code { return 0; },
                                                nullptr, nullptr};
#else
    static constexpr gantry_controller table = {8, nullptr, nullptr, nullptr};
#endif
    return &table;
  }
};
using Chosen = Broken;
#elif defined(FLAVOUR_stateful) || defined(FLAVOUR_forgetful)
// Counts its reconciles across reloads; the forgetful one refuses the count.
class Counting {
 public:
  static Expected<std::unique_ptr<Counting> > create(gantry::sdk::Host host) {
    auto made = std::make_unique<Counting>();
    made->host_.emplace(host);
    return made;
  }
  const void* get_interface(std::string_view id) {
    static constexpr gantry_controller controller = {
        sizeof(gantry_controller), [](void*, gantry_buffer*, gantry_buffer*) -> gantry_code { return 0; }, nullptr,
        [](void* self, gantry_slice, gantry_slice, gantry_buffer*, gantry_buffer*) -> gantry_code {
          auto& me = *static_cast<Counting*>(self);
          me.host_->info("count " + std::to_string(++me.count_));
          return 0;
        }};
    static constexpr gantry_reload reload = {
        sizeof(gantry_reload),
        [](void* self, gantry_buffer* state, gantry_buffer*) -> gantry_code {
          gantry::fill_buffer(state, std::to_string(static_cast<Counting*>(self)->count_));
          return 0;
        },
        [](void* self, gantry_slice state, gantry_buffer* error) -> gantry_code {
#ifdef FLAVOUR_forgetful
          (void)self;
          (void)state;
          return gantry::fail(Status::invalid("this version knows no counts"), error);
#else
          (void)error;
          static_cast<Counting*>(self)->count_ = std::stoi(std::string(gantry::to_view(state)));
          return 0;
#endif
        }};
    return id == GANTRY_RELOAD_ID ? static_cast<const void*>(&reload) : &controller;
  }

 private:
  std::optional<gantry::sdk::Host> host_;
  int count_ = 0;
};
using Chosen = Counting;
#elif defined(FLAVOUR_successor) || defined(FLAVOUR_demanding)
// Takes over what another plugin counted; the demanding one does not start without.
class Successor {
 public:
  static Expected<std::unique_ptr<Successor> > create(gantry::sdk::Host host) {
    auto made = std::make_unique<Successor>();
    made->host_.emplace(host);
    return made;
  }
  const void* get_interface(std::string_view id) {
    static constexpr gantry_controller controller = {
        sizeof(gantry_controller), [](void*, gantry_buffer*, gantry_buffer*) -> gantry_code { return 0; }, nullptr,
        [](void* self, gantry_slice, gantry_slice, gantry_buffer*, gantry_buffer*) -> gantry_code {
          static_cast<Successor*>(self)->host_->info("count " +
                                                     std::to_string(++static_cast<Successor*>(self)->count_));
          return 0;
        }};
    static constexpr gantry_handover handover = {
        sizeof(gantry_handover),
        [](void* self, const gantry_predecessor* from, gantry_slice state, gantry_buffer* error) -> gantry_code {
          auto& me = *static_cast<Successor*>(self);
#ifdef FLAVOUR_demanding
          if (from->version != std::string("2.0.0")) {
            return gantry::fail(Status::invalid("it needs the state of version 2.0.0"), error);
          }
#endif
          (void)error;
          if (from->has_state == 0) return 501;
          me.count_ = std::stoi(std::string(gantry::to_view(state)));
          me.host_->info("took " + std::to_string(me.count_) + " from " + from->name + " " + from->version);
          return 0;
        }};
    return id == GANTRY_HANDOVER_ID ? static_cast<const void*>(&handover) : &controller;
  }

 private:
  std::optional<gantry::sdk::Host> host_;
  int count_ = 0;
};
using Chosen = Successor;
#else
using Chosen = gantry::sdk::ControllerPlugin<Quiet>;
#endif

}  // namespace

#if defined(FLAVOUR_good)
GANTRY_PLUGIN(Chosen, "good", "1.2.3", "tests", "Does nothing", GANTRY_CONTROLLER_ID);
#elif defined(FLAVOUR_stateful) || defined(FLAVOUR_forgetful)
GANTRY_PLUGIN(Chosen, "stateful", "1.0.0", "tests", "Counts", GANTRY_CONTROLLER_ID, GANTRY_RELOAD_ID);
#elif defined(FLAVOUR_successor) || defined(FLAVOUR_demanding)
GANTRY_PLUGIN(Chosen, "successor", "2.0.0", "tests", "Counts on", GANTRY_CONTROLLER_ID, GANTRY_HANDOVER_ID);
#elif defined(FLAVOUR_bad_name)
GANTRY_PLUGIN(Chosen, "Bad Name", "1", "tests", "Has a bad name", GANTRY_CONTROLLER_ID);
#elif defined(FLAVOUR_create_fails)
GANTRY_PLUGIN(Chosen, "create-fails", "1", "tests", "Never starts", GANTRY_CONTROLLER_ID);
#elif defined(FLAVOUR_wrong_major)
namespace {
const char* const kNone[] = {nullptr};
const gantry_plugin_descriptor kDescriptor = {sizeof(gantry_plugin_descriptor), "wrong-major", "1", "tests", "", kNone};
}  // namespace
extern "C" __attribute__((visibility("default"))) const gantry_plugin_api gantry_plugin;
extern "C" const gantry_plugin_api gantry_plugin = {sizeof(gantry_plugin_api),
                                                    GANTRY_ABI_MAJOR + 1,
                                                    0,
                                                    &kDescriptor,
                                                    &gantry::sdk::PluginEntry<Chosen>::create,
                                                    &gantry::sdk::PluginEntry<Chosen>::destroy,
                                                    &gantry::sdk::PluginEntry<Chosen>::get_interface};
#elif defined(FLAVOUR_throws)
namespace {
const char* const kThrows[] = {GANTRY_CONTROLLER_ID, nullptr};
const gantry_plugin_descriptor kDescriptor = {sizeof(gantry_plugin_descriptor), "throws", "1", "tests", "", kThrows};
}  // namespace
extern "C" __attribute__((visibility("default"))) const gantry_plugin_api gantry_plugin;
extern "C" const gantry_plugin_api gantry_plugin = {
    sizeof(gantry_plugin_api), GANTRY_ABI_MAJOR,        0, &kDescriptor, &Throwing::create,
    &Throwing::destroy,        &Throwing::get_interface};
#elif defined(FLAVOUR_small_table)
GANTRY_PLUGIN(Chosen, "small-table", "1", "tests", "Has a truncated table", GANTRY_CONTROLLER_ID);
#else
GANTRY_PLUGIN(Chosen, "no-reconcile", "1", "tests", "Lacks reconcile", GANTRY_CONTROLLER_ID);
#endif
