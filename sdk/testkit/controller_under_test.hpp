// A controller plugin as the daemon sees it, for its unit test: made, asked and ended through its entry point.
//
// The test's program contains the plugin's sources (gantry_add_plugin_test(... PLUGIN name)) and a ScriptedHost that
// outlives this. One thread.
#pragma once

#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "gantry/abi/controller.h"
#include "gantry/abi/plugin.h"
#include "scripted_host.hpp"

// The plugin's own, defined by GANTRY_PLUGIN or GANTRY_CONTROLLER.
extern "C" const gantry_plugin_api gantry_plugin;

namespace gantry::testkit {

class ControllerUnderTest {
 public:
  using Key = std::pair<std::string, std::string>;  // namespace, name

  // Throws when the plugin can't be made, with its reason.
  explicit ControllerUnderTest(ScriptedHost& host) {
    Buffer error;
    if (const auto code = gantry_plugin.create(&host.host, &instance_, error.out()); code != 0) {
      throw std::runtime_error("the plugin's create failed: " + status_of(code, error.view()).message());
    }
    table_ = static_cast<const gantry_controller*>(gantry_plugin.get_interface(instance_, GANTRY_CONTROLLER_ID));
    if (table_ == nullptr) {
      gantry_plugin.destroy(instance_);
      throw std::runtime_error("the plugin has no interface " GANTRY_CONTROLLER_ID);
    }
  }
  ~ControllerUnderTest() { gantry_plugin.destroy(instance_); }
  ControllerUnderTest(const ControllerUnderTest&) = delete;
  ControllerUnderTest& operator=(const ControllerUnderTest&) = delete;

  abi::ControllerSpec spec() const {
    Buffer bytes, error;
    abi::ControllerSpec spec;
    if (table_->describe(instance_, bytes.out(), error.out()) != 0 || !parse(bytes, spec)) {
      throw std::runtime_error("the controller does not describe itself");
    }
    return spec;
  }

  // 0, or after how many milliseconds the controller wants to look again.
  Expected<int64_t> reconcile(std::string_view ns, std::string_view name) const {
    Buffer bytes, error;
    const auto code = table_->reconcile(instance_, to_slice(ns), to_slice(name), bytes.out(), error.out());
    if (code != 0) return status_of(code, error.view());
    abi::ReconcileResult result;
    if (!parse(bytes, result)) return Status::internal("the controller's result is no gantry.abi.ReconcileResult");
    return result.requeue_after_ms();
  }

  // The keys that a CUSTOM watch makes of an event.
  template <typename Message>
  std::vector<Key> map(abi::ObjectEvent::Type type, const Message& object) const {
    constexpr auto name = ResourceOf<Message>::name;
    abi::ObjectEvent event;
    event.set_type(type);
    event.set_group(std::string(name.group));
    event.set_version(std::string(name.version));
    event.set_resource(std::string(name.resource));
    event.set_object(object.SerializeAsString());
    std::vector<Key> keys;
    if (table_->map == nullptr) return keys;
    table_->map(
        instance_, to_slice(event.SerializeAsString()),
        [](void* context, gantry_slice ns, gantry_slice name) {
          static_cast<std::vector<Key>*>(context)->emplace_back(to_view(ns), to_view(name));
        },
        &keys);
    return keys;
  }

 private:
  template <typename Message>
  static bool parse(const Buffer& bytes, Message& message) {
    return message.ParseFromArray(bytes.view().data(), static_cast<int>(bytes.view().size()));
  }

  void* instance_ = nullptr;
  const gantry_controller* table_ = nullptr;
};

}  // namespace gantry::testkit
