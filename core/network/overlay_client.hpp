// The verbs of an overlay backend as typed calls; an instance that takes the plugin's place is told first what the one
// before knew. Copies share their state. Verbs block. [worker]
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "core/network/backend_client.hpp"
#include "gantry/abi/draft/overlay.h"
#include "gantry/overlay.pb.h"

namespace gantry::network {

class OverlayClient : public BackendClient<gantry_overlay> {
 public:
  explicit OverlayClient(plugin::PluginVerbs<gantry_overlay> verbs) : BackendClient(std::move(verbs)) {}

  // In metrics that it shares with the network: "set_overlay_node".
  static std::string operation(std::string_view verb);

  Expected<abi::OverlayAdvert> set_node(const abi::OverlaySelf& self) const;
  Status set_nodes(const abi::OverlayNodes& nodes) const;
  // The plugin is exchanged: `next` hears of this node before anything else, if the old one had, and of all others. Its
  // advert; nothing where there is no next one, or none had been told. [main]
  Expected<std::optional<abi::OverlayAdvert>> adopt(plugin::Instance* next, const abi::OverlayNodes& all) const;

 private:
  Told self_;
};

}  // namespace gantry::network
