// Owns what is told of Services. Pure, any thread.
#include "core/kinds/parts/ip_rules.hpp"
#include "core/kinds/parts/service.hpp"

namespace gantry::kinds {
namespace {

// What has no use next to clusterIP "None".
void warn_headless(const JsonObject& spec, Warnings& warnings) {
  if (!get_text(spec, "loadBalancerIP").empty()) {
    warnings.add("spec.loadBalancerIP is ignored for headless services");
  }
  if (has_items(spec, "externalIPs")) warnings.add("spec.externalIPs is ignored for headless services");
  if (get_text(spec, "sessionAffinity") != "None") {
    warnings.add("spec.SessionAffinity is ignored for headless services");
  }
}

}  // namespace

void warn_service(const JsonObject& service, const JsonObject*, Warnings& warnings) {
  constexpr std::string_view kHints = "service.kubernetes.io/topology-aware-hints";
  if (object_at(object_at(service, "metadata"), "annotations").contains(kHints)) {
    warnings.add("annotation " + std::string(kHints) +
                 " is deprecated, please use service.kubernetes.io/topology-mode instead");
  }
  const JsonObject& spec = object_at(service, "spec");
  const At root, at = root.child("spec");
  const std::string_view ip = get_text(spec, "clusterIP"), balancer = get_text(spec, "loadBalancerIP");
  if (!ip.empty() && ip != "None") warn_ips(spec, "clusterIPs", at, warnings);
  const bool elsewhere = service_type(spec) == "ExternalName";
  const bool headless = service_type(spec) == "ClusterIP" && ip == "None";
  if (headless) warn_headless(spec, warnings);
  warn_ips(spec, "externalIPs", at, warnings);
  const bool external = has_items(spec, "externalIPs");
  if (external && !headless && !elsewhere) {
    warnings.add("spec.externalIPs is deprecated and may no longer be implemented in some clusters");
  }
  if (!balancer.empty()) warn_ip(balancer, at.child("loadBalancerIP"), warnings);
  warn_ranges(spec, "loadBalancerSourceRanges", at, warnings);
  if (external && elsewhere) warnings.add("spec.externalIPs is ignored when spec.type is \"ExternalName\"");
  if (!elsewhere && !get_text(spec, "externalName").empty()) {
    warnings.add("spec.externalName is ignored when spec.type is not \"ExternalName\"");
  }
  if (get_text(spec, "trafficDistribution") == "PreferClose") {
    warnings.add("spec.trafficDistribution: \"PreferClose\" is deprecated; use \"PreferSameZone\"");
  }
}

void warn_service_status(const JsonObject& service, const JsonObject*, Warnings& warnings) {
  const At root, status = root.child("status"), at = status.child("loadBalancer");
  size_t i = 0;
  each(object_at(object_at(service, "status"), "loadBalancer"), "ingress", [&](const JsonObject& address) {
    const At here = at.child("ingress", i++);
    if (!get_text(address, "ip").empty()) warn_ip(get_text(address, "ip"), here, warnings);
  });
}

}  // namespace gantry::kinds
