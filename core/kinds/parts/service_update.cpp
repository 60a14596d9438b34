// Owns what becomes of a Service's given values (addresses, ports of nodes) when an update says nothing of them, and of
// fields that another type has no use for. A field that the update changes as well is left for the rules to refuse.
// Pure functions, any thread.
#include <map>
#include <set>

#include "core/kinds/parts/service.hpp"

namespace gantry::kinds {
namespace {

bool has_addresses(const JsonObject& spec) { return service_type(spec) != "ExternalName"; }

bool has_node_ports(const JsonObject& spec) {
  const std::string_view type = service_type(spec);
  return type == "NodePort" || type == "LoadBalancer";
}

std::set<int64_t> node_ports_of(const JsonObject& spec) {
  std::set<int64_t> out;
  each(spec, "ports", [&](const JsonObject& port) { out.insert(get_number(port, "nodePort")); });
  out.erase(0);
  return out;
}

bool same_text(const JsonObject& spec, const JsonObject& old, std::string_view key) {
  return get_text(spec, key) == get_text(old, key);
}

// By the ports' names; one that has moved to another port is not given twice.
void keep_node_ports(JsonObject& spec, const JsonObject& old) {
  std::set<int64_t> taken;
  const std::set<int64_t> now = node_ports_of(spec);
  for (int64_t port : node_ports_of(old)) {
    if (now.contains(port)) taken.insert(port);
  }
  std::map<std::string_view, int64_t> had;
  each(old, "ports", [&](const JsonObject& port) { had[get_text(port, "name")] = get_number(port, "nodePort"); });
  each(spec, "ports", [&](JsonObject& port) {
    if (get_number(port, "nodePort") != 0) return;
    const auto found = had.find(get_text(port, "name"));
    if (found != had.end() && found->second != 0 && !taken.contains(found->second)) port["nodePort"] = found->second;
  });
}

// clusterIP and clusterIPs say the same, whichever of them the client knows.
void align_cluster_ips(JsonObject& spec, const JsonObject& old) {
  const std::string ip(get_text(spec, "clusterIP"));
  const std::string_view had = get_text(old, "clusterIP");
  if (ip == had) {
    if (!has_items(spec, "clusterIPs")) take_key(spec, old, "clusterIPs");
    return;
  }
  if (!same_list(spec, old, "clusterIPs")) return;
  if (ip.empty()) {
    spec.erase("clusterIPs");
  } else {
    spec["clusterIPs"] = JsonArray{Json(ip)};
  }
}

void drop_addresses(JsonObject& spec, const JsonObject& old) {
  if (same_text(spec, old, "clusterIP") && same_list(spec, old, "clusterIPs")) {
    spec.erase("clusterIP");
    spec.erase("clusterIPs");
  }
  if (same_list(spec, old, "ipFamilies")) spec.erase("ipFamilies");
  if (same_text(spec, old, "ipFamilyPolicy")) spec.erase("ipFamilyPolicy");
}

void drop_node_ports(JsonObject& spec, const JsonObject& old) {
  const std::set<int64_t> had = node_ports_of(old);
  for (int64_t port : node_ports_of(spec)) {
    if (!had.contains(port)) return;
  }
  each(spec, "ports", [](JsonObject& port) { port.erase("nodePort"); });
}

void cut_to_one(JsonObject& spec, std::string_view key) {
  JsonArray* list = get_array(spec, key);
  if (list != nullptr && list->size() > 1) list->erase(list->begin() + 1, list->end());
}

// Who asks for one family has no more use for the second.
void drop_second_family(JsonObject& spec, const JsonObject& old) {
  const std::string_view had = get_text(old, "ipFamilyPolicy");
  if (get_text(spec, "ipFamilyPolicy") != "SingleStack") return;
  if (had != "RequireDualStack" && had != "PreferDualStack") return;
  cut_to_one(spec, "clusterIPs");
  cut_to_one(spec, "ipFamilies");
}

}  // namespace

void fill_cluster_ips(JsonObject& spec) {
  const std::string ip(get_text(spec, "clusterIP"));
  if (!ip.empty() && !has_items(spec, "clusterIPs")) spec["clusterIPs"] = JsonArray{Json(ip)};
}

void keep_given(JsonObject& spec, const JsonObject& old) {
  if (has_addresses(spec) && has_addresses(old)) {
    if (get_text(spec, "clusterIP").empty()) take_key(spec, old, "clusterIP");
    if (!has_items(spec, "clusterIPs") && same_text(spec, old, "clusterIP")) take_key(spec, old, "clusterIPs");
  }
  if (has_node_ports(spec) && has_node_ports(old)) keep_node_ports(spec, old);
  if (needs_health_check(spec) && needs_health_check(old) && get_number(spec, "healthCheckNodePort") == 0) {
    take_key(spec, old, "healthCheckNodePort");
  }
  align_cluster_ips(spec, old);
}

void drop_for_type(JsonObject& spec, const JsonObject& old) {
  if (has_addresses(old) && !has_addresses(spec)) drop_addresses(spec, old);
  if (has_node_ports(old) && !has_node_ports(spec)) drop_node_ports(spec, old);
  if (needs_health_check(old) && !needs_health_check(spec) &&
      get_number(spec, "healthCheckNodePort") == get_number(old, "healthCheckNodePort")) {
    spec.erase("healthCheckNodePort");
  }
  if (service_type(old) == "LoadBalancer" && service_type(spec) != "LoadBalancer") {
    const Json* now = get(spec, "allocateLoadBalancerNodePorts");
    const Json* before = get(old, "allocateLoadBalancerNodePorts");
    if (now != nullptr && before != nullptr && *now == *before) spec.erase("allocateLoadBalancerNodePorts");
    if (same_text(spec, old, "loadBalancerClass")) spec.erase("loadBalancerClass");
  }
  if (is_reached_from_outside(old) && !is_reached_from_outside(spec) && same_text(spec, old, "externalTrafficPolicy")) {
    spec.erase("externalTrafficPolicy");
  }
  drop_second_family(spec, old);
}

}  // namespace gantry::kinds
