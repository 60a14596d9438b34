#include "core/network/node_book.hpp"

#include <algorithm>

namespace gantry::network {
namespace {

template <typename List>
bool same_list(const List& a, const List& b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end());
}

bool same(const abi::OverlayNode& a, const abi::OverlayNode& b) {
  const auto has = [&](const auto& entry) {
    const auto it = b.advert().find(entry.first);
    return it != b.advert().end() && it->second == entry.second;
  };
  return same_list(a.pod_cidrs(), b.pod_cidrs()) && same_list(a.addresses(), b.addresses()) &&
         a.backend() == b.backend() && a.advert_size() == b.advert_size() &&
         std::all_of(a.advert().begin(), a.advert().end(), has);
}

}  // namespace

abi::OverlayNode overlay_node(const k8s::io::api::core::v1::Node& node) {
  abi::OverlayNode out;
  out.set_name(node.metadata().name());
  for (const auto& range : node.spec().pod_cidrs()) out.add_pod_cidrs(range);
  if (out.pod_cidrs_size() == 0 && !node.spec().pod_cidr().empty()) out.add_pod_cidrs(node.spec().pod_cidr());
  for (const auto& address : node.status().addresses()) {
    if (address.type() == "InternalIP") out.add_addresses(address.address());
  }
  for (auto& [name, value] : advert_of(node.metadata().annotations())) {
    if (name == kBackendType)
      out.set_backend(value);
    else
      (*out.mutable_advert())[name] = value;
  }
  return out;
}

bool NodeBook::put(abi::OverlayNode node) {
  if (node.pod_cidrs().empty() || node.addresses().empty()) return drop(node.name());
  auto [it, fresh] = nodes_.try_emplace(node.name());
  if (!fresh && same(it->second, node)) return false;
  changed_.insert(node.name());
  it->second = std::move(node);
  return true;
}

bool NodeBook::drop(const std::string& name) {
  if (nodes_.erase(name) == 0) return false;
  changed_.insert(name);
  return true;
}

std::set<std::string> NodeBook::names() const {
  std::set<std::string> out;
  for (const auto& [name, node] : nodes_) out.insert(name);
  return out;
}

abi::OverlayNodes NodeBook::all() const {
  abi::OverlayNodes out;
  out.set_complete(true);
  for (const auto& [name, node] : nodes_) *out.add_nodes() = node;
  return out;
}

abi::OverlayNodes NodeBook::take() {
  const std::set<std::string> changed = std::exchange(changed_, {});
  if (std::exchange(all_due_, false)) return all();
  abi::OverlayNodes out;
  for (const auto& name : changed) {
    if (const auto it = nodes_.find(name); it != nodes_.end())
      *out.add_nodes() = it->second;
    else
      out.add_gone(name);
  }
  return out;
}

}  // namespace gantry::network
