// The host services that every plugin has, whatever its interfaces: the API as its own identity (gantry.client/1,
// gantry.calls/1) and Events about objects (gantry.events/1).
//
// Owned by the ControllerHost, made before plugins are loaded. What is kept for a plugin (its client, the account of
// its unanswered calls) is made at its first use and lives in its place, across its instances. After stop() calls are
// refused with 503 and Events dropped; those under way end as the API answers them. [any-thread]
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "core/client/client.hpp"
#include "core/plugin/plugin_host.hpp"

namespace gantry::controller {

struct PluginServicesOptions {
  plugin::PluginHost* plugins = nullptr;
  // A client with the identity of a plugin, "system:plugin:NAME".
  std::function<std::unique_ptr<client::Client>(const std::string& plugin)> make_client;
  // Writes an Event about `regarding` (a serialized ObjectReference) as `component`.
  std::function<void(const std::string& component, std::string_view regarding, std::string_view type,
                     std::string_view reason, std::string_view message)>
      record_event;
  // Who reports a plugin's Events.
  std::function<std::string(plugin::Plugin&)> component;
  // Asked when a call begins, on its thread: who is told of its answer, on any thread; nobody when empty.
  using Answered = std::function<void(const client::ApiRequest&, const client::ApiResponse&)>;
  std::function<Answered(plugin::Plugin&)> begin_call;
};

class PluginServices {
 public:
  explicit PluginServices(PluginServicesOptions options);
  ~PluginServices();  // stop()
  PluginServices(const PluginServices&) = delete;
  PluginServices& operator=(const PluginServices&) = delete;

  // Afterwards nothing of the options is called.
  void stop();

 private:
  struct Core;
  friend struct PluginService;
  std::shared_ptr<Core> core_;
};

}  // namespace gantry::controller
