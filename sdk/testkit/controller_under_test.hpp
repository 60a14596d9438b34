// A controller plugin as the daemon sees it, for its unit test: see plugin_under_test.hpp.
#pragma once

#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "gantry/abi/controller.h"
#include "plugin_under_test.hpp"

namespace gantry::testkit {

class ControllerUnderTest {
 public:
  using Key = std::pair<std::string, std::string>;  // namespace, name

  // Throws when the plugin can't be made or is no controller, with its reason.
  explicit ControllerUnderTest(ScriptedHost& host)
      : plugin_(host), table_(plugin_.table<gantry_controller>(GANTRY_CONTROLLER_ID)) {}

  abi::ControllerSpec spec() const {
    Buffer bytes, error;
    abi::ControllerSpec spec;
    if (table_.describe(plugin_.instance(), bytes.out(), error.out()) != 0 || !parse(bytes, spec)) {
      throw std::runtime_error("the controller does not describe itself");
    }
    return spec;
  }

  // 0, or after how many milliseconds the controller wants to look again.
  Expected<int64_t> reconcile(std::string_view ns, std::string_view name) const {
    Buffer bytes, error;
    const auto code = table_.reconcile(plugin_.instance(), to_slice(ns), to_slice(name), bytes.out(), error.out());
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
    if (table_.map == nullptr) return keys;
    table_.map(
        plugin_.instance(), to_slice(event.SerializeAsString()),
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

  const PluginUnderTest plugin_;
  const gantry_controller& table_;
};

}  // namespace gantry::testkit
