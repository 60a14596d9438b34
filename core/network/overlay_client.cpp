#include "core/network/overlay_client.hpp"

namespace gantry::network {

using abi::OverlayAdvert;

std::string OverlayClient::operation(std::string_view verb) {
  constexpr std::string_view kSet = "set_";
  return verb.starts_with(kSet) ? "set_overlay_" + std::string(verb.substr(kSet.size())) : std::string(verb);
}

Expected<OverlayAdvert> OverlayClient::set_node(const abi::OverlaySelf& self) const {
  return set<OverlayAdvert>(&gantry_overlay::set_node, self_, self);
}

Status OverlayClient::set_nodes(const abi::OverlayNodes& nodes) const {
  return plugin::only_status(call<OverlayAdvert>(&gantry_overlay::set_nodes, nodes));
}

Expected<std::optional<OverlayAdvert>> OverlayClient::adopt(plugin::Instance* next,
                                                            const abi::OverlayNodes& all) const {
  const auto verbs = of(next);
  const auto self = self_.get();
  if (!verbs || !self) return std::optional<OverlayAdvert>();
  auto advert = ask<OverlayAdvert>(verbs, &gantry_overlay::set_node, *self);
  if (!advert) return std::move(advert).error().in("set_node");
  if (all.complete()) {
    auto set = ask<OverlayAdvert>(verbs, &gantry_overlay::set_nodes, all.SerializeAsString());
    if (!set) return std::move(set).error().in("set_nodes");
  }
  return std::optional(std::move(*advert));
}

}  // namespace gantry::network
