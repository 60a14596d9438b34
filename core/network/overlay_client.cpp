#include "core/network/overlay_client.hpp"

#include "core/plugin/verb_call.hpp"

namespace gantry::network {
namespace {

constexpr auto ask_overlay = &plugin::ask<abi::OverlayAdvert, gantry_overlay_verb>;

}  // namespace

Expected<abi::OverlayAdvert> OverlayClient::call(std::string_view operation, Verb verb,
                                                 const std::string& request) const {
  const auto pinned = table_.pin();
  if (pinned.table == nullptr) return table_.absent();
  const int64_t begun = operations_ ? operations_->begin() : 0;
  auto result = ask_overlay(pinned.table->*verb, pinned.instance, request);
  if (operations_) operations_->end(operation, begun, result.ok());
  return result;
}

Expected<abi::OverlayAdvert> OverlayClient::set_node(const abi::OverlaySelf& self) const {
  auto bytes = self.SerializeAsString();
  {
    const std::lock_guard lock(shared_->mutex);
    shared_->self = bytes;
  }
  return call("set_overlay_node", &gantry_overlay::set_node, bytes);
}

Status OverlayClient::set_nodes(const abi::OverlayNodes& nodes) const {
  const auto result = call("set_overlay_nodes", &gantry_overlay::set_nodes, nodes.SerializeAsString());
  return result ? Status() : result.error();
}

Expected<std::optional<abi::OverlayAdvert>> OverlayClient::adopt(plugin::Instance* next,
                                                                 const abi::OverlayNodes& all) const {
  const auto* table = next == nullptr ? nullptr : next->interface<gantry_overlay>(GANTRY_OVERLAY_ID);
  if (table == nullptr) return std::optional<abi::OverlayAdvert>();
  std::optional<std::string> self;
  {
    const std::lock_guard lock(shared_->mutex);
    self = shared_->self;
  }
  if (!self) return std::optional<abi::OverlayAdvert>();
  auto advert = ask_overlay(table->set_node, next->get(), *self);
  if (!advert) return std::move(advert).error().in("set_node");
  if (all.complete()) {
    if (auto set = ask_overlay(table->set_nodes, next->get(), all.SerializeAsString()); !set) {
      return std::move(set).error().in("set_nodes");
    }
  }
  return std::optional(std::move(*advert));
}

}  // namespace gantry::network
