// Finds the plugins that a node needs, for NodeAgent::create().
#include "core/node/node_agent.hpp"

#include "core/node/agent.hpp"
#include "core/plugin/operations.hpp"

namespace gantry::node {
namespace {

// The plugin that the configuration names, or the only one that will do.
Expected<std::shared_ptr<plugin::Plugin>> chosen(plugin::PluginHost& plugins, const char* key, const std::string& name,
                                                 const char* id) {
  const auto able = plugins.with_interface(id);
  std::string names;
  for (const auto& plugin : able) names += (names.empty() ? "" : ", ") + plugin->name();
  if (name.empty() && able.size() == 1) return able.front();
  const std::string those = names.empty() ? "; no plugin has it" : "; these have it: " + names;
  if (name.empty()) return Status::not_found(std::string(key) + " names no plugin with the interface " + id + those);
  auto found = plugins.find(name);
  if (found == nullptr) return Status::not_found("the plugin \"" + name + "\" that the node needs is not loaded");
  if (!found->has_interface(id)) {
    return Status::invalid("the plugin \"" + name + "\" has no interface " + id + those);
  }
  return found;
}

}  // namespace

Expected<std::unique_ptr<NodeAgent>> NodeAgent::create(NodeOptions options) {
  auto runtime = chosen(*options.plugins, "runtime.plugin", options.runtime_plugin, GANTRY_RUNTIME_ID);
  if (!runtime) return std::move(runtime).error();
  auto network = chosen(*options.plugins, "network.plugin", options.network_plugin, GANTRY_NETWORK_ID);
  if (!network) return std::move(network).error();
  const AgentClock time{options.plugins->options().clock, options.plugins->options().timers};
  const auto operations = [&](const char* prefix, plugin::Operations::Naming naming = nullptr) {
    return std::make_shared<plugin::Operations>(options.plugins->metrics(), *time.clock, prefix, naming);
  };
  RuntimeClient runtime_client({*runtime, GANTRY_RUNTIME_ID, operations("kubelet_runtime", &RuntimeClient::operation)});
  NetworkClients networks{network::NetworkClient({*network, GANTRY_NETWORK_ID, operations("gantry_network")})};
  if (!options.overlay_plugin.empty()) {
    auto overlay = chosen(*options.plugins, "network.overlay", options.overlay_plugin, GANTRY_OVERLAY_ID);
    if (!overlay) return std::move(overlay).error();
    networks.overlay.emplace(plugin::PluginVerbs<gantry_overlay>(
        *overlay, GANTRY_OVERLAY_ID, operations("gantry_network", &network::OverlayClient::operation)));
  }
  return make_agent(std::move(options), time, std::move(runtime_client), std::move(networks));
}

}  // namespace gantry::node
