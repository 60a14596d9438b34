// Owns what a Service's type says of its other fields, and the rules of its ports and of its balancer's status.
// Pure functions, any thread.
#include <set>

#include "core/kinds/parts/ip_rules.hpp"
#include "core/kinds/parts/service.hpp"

namespace gantry::kinds {
namespace {

using ByProtocol = std::pair<std::string_view, int64_t>;

// As upstream spells the port that is there twice.
JsonObject port_key(std::string_view protocol, int64_t port) {
  return {{"Name", ""},   {"Protocol", protocol}, {"AppProtocol", nullptr},
          {"Port", port}, {"TargetPort", 0},      {"NodePort", 0}};
}

void check_ingress(const JsonObject& ingress, const Kept& kept, const At& at, Errors& errors) {
  const std::string_view ip = get_text(ingress, "ip"), host = get_text(ingress, "hostname");
  if (!ip.empty()) check_old_ip(ip, kept, at, "ip", errors);
  const Json* mode = get(ingress, "ipMode");
  const std::string_view how = get_text(ingress, "ipMode");
  if (mode == nullptr) {
    if (!ip.empty()) errors.required(at, "ipMode", "must be specified when `ip` is set");
  } else if (ip.empty()) {
    errors.forbidden(at, "ipMode", "may not be specified when `ip` is not set");
  } else if (how != "VIP" && how != "Proxy") {
    errors.not_supported(at, "ipMode", how, {"Proxy", "VIP"});
  }
  if (host.empty()) return;
  errors.format(at, "hostname", "dns1123-subdomain", host);
  if (looks_like_ip(host)) errors.invalid(at, "hostname", Json(host), "must be a DNS name, not an IP address");
}

}  // namespace

std::string_view service_type(const JsonObject& spec) {
  const std::string_view type = get_text(spec, "type");
  return type.empty() ? "ClusterIP" : type;
}

bool is_headless(const JsonObject& spec) {
  const JsonArray* ips = get_array(spec, "clusterIPs");
  return ips != nullptr && ips->size() == 1 && ips->front() == "None";
}

bool is_reached_from_outside(const JsonObject& spec) {
  const std::string_view type = service_type(spec);
  return type == "LoadBalancer" || type == "NodePort" || (type == "ClusterIP" && has_items(spec, "externalIPs"));
}

bool needs_health_check(const JsonObject& spec) {
  return service_type(spec) == "LoadBalancer" && get_text(spec, "externalTrafficPolicy") == "Local";
}

bool same_list(const JsonObject& spec, const JsonObject& old, std::string_view key) {
  static const JsonArray kNone;
  const JsonArray* now = get_array(spec, key);
  const JsonArray* before = get_array(old, key);
  return same_json(now != nullptr ? *now : kNone, before != nullptr ? *before : kNone);
}

void check_service_ports(const JsonObject& spec, const At& at, Errors& errors) {
  const JsonArray* list = get_array(spec, "ports");
  const std::string_view type = service_type(spec);
  if ((list == nullptr || list->empty()) && !is_headless(spec) && type != "ExternalName") errors.required(at, "ports");
  const bool several = list != nullptr && list->size() > 1;
  std::set<std::string_view> names;
  std::set<ByProtocol> ports, node_ports;
  size_t i = 0;
  each(spec, "ports", [&](const JsonObject& port) {
    At here = at.child("ports", i++);
    const std::string_view name = get_text(port, "name"), protocol = get_text(port, "protocol");
    if (name.empty()) {
      if (several) errors.required(here, "name");
    } else if (!names.insert(name).second) {
      errors.duplicate(here, "name", Json(name));
    }
    const int64_t number = get_number(port, "port"), on_node = get_number(port, "nodePort");
    if (number < 1 || number > 65535) errors.invalid(here, "port", number, schema::inclusive_range(1, 65535));
    if (!ports.emplace(protocol, number).second) errors.duplicate(here, "", port_key(protocol, number));
    if (on_node == 0) return;
    if (type == "ClusterIP") errors.forbidden(here, "nodePort", "may not be used when `type` is 'ClusterIP'");
    if (!node_ports.emplace(protocol, on_node).second) errors.duplicate(here, "nodePort", on_node);
  });
}

void check_balancer_status(const JsonObject& status, const JsonObject& old, const JsonObject& spec, const At& at,
                           Errors& errors) {
  if (!has_items(status, "ingress")) return;
  if (service_type(spec) != "LoadBalancer") {
    return errors.forbidden(at, "ingress", "may only be used when `spec.type` is 'LoadBalancer'");
  }
  Kept kept;
  each(old, "ingress", [&](const JsonObject& ingress) { kept.insert(get_text(ingress, "ip")); });
  size_t i = 0;
  each(status, "ingress",
       [&](const JsonObject& ingress) { check_ingress(ingress, kept, at.child("ingress", i++), errors); });
}

}  // namespace gantry::kinds
