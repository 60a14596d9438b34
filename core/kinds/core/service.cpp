// Services: defaults and rules by their type, what an update keeps and drops, and their table. Addresses and ports of
// nodes are given elsewhere: one without them is valid. Pure functions, any thread.
#include "core/kinds/parts/service.hpp"

#include <set>

#include "core/kinds/parts/cells.hpp"
#include "core/kinds/parts/entries.hpp"

namespace gantry::kinds::core_service {
namespace {

constexpr int64_t kSessionSeconds = 10800, kMostSessionSeconds = 86400;
constexpr std::string_view kTopologyHints = "service.kubernetes.io/topology-aware-hints";
constexpr std::string_view kTopologyMode = "service.kubernetes.io/topology-mode";
constexpr std::string_view kBalancersOnly = "may only be used when `type` is 'LoadBalancer'";

void default_before(JsonObject& service) {
  if (JsonObject* spec = get_object(service, "spec")) fill_cluster_ips(*spec);
}

void default_session(JsonObject& spec) {
  const std::string_view affinity = get_text(spec, "sessionAffinity");
  if (affinity == "None") spec.erase("sessionAffinityConfig");
  if (affinity != "ClientIP") return;
  const JsonObject& client = object_at(object_at(spec, "sessionAffinityConfig"), "clientIP");
  if (get(client, "timeoutSeconds") != nullptr) return;
  spec["sessionAffinityConfig"] = JsonObject{{"clientIP", JsonObject{{"timeoutSeconds", kSessionSeconds}}}};
}

void default_target(JsonObject& port) {
  const Json* target = get(port, "targetPort");
  const bool zero = target == nullptr || *target == 0 || *target == "";
  if (zero) port["targetPort"] = get_number(port, "port");
}

void default_after(JsonObject& service) {
  JsonObject* found = get_object(service, "spec");
  if (found == nullptr) return;
  JsonObject& spec = *found;
  default_session(spec);
  each(spec, "ports", default_target);
  if (is_reached_from_outside(spec) && get_text(spec, "externalTrafficPolicy").empty()) {
    spec["externalTrafficPolicy"] = "Cluster";
  }
  const bool balanced = service_type(spec) == "LoadBalancer";
  const bool known = balanced || service_type(spec) == "NodePort" || service_type(spec) == "ClusterIP";
  if (known && get(spec, "internalTrafficPolicy") == nullptr) spec["internalTrafficPolicy"] = "Cluster";
  if (!balanced) return;
  if (get(spec, "allocateLoadBalancerNodePorts") == nullptr) spec["allocateLoadBalancerNodePorts"] = true;
  JsonObject* status = get_object(service, "status");
  JsonObject* balancer = status != nullptr ? get_object(*status, "loadBalancer") : nullptr;
  if (balancer == nullptr) return;
  each(*balancer, "ingress", [](JsonObject& ingress) {
    if (!get_text(ingress, "ip").empty() && get(ingress, "ipMode") == nullptr) ingress["ipMode"] = "VIP";
  });
}

void check_type(const JsonObject& spec, const At& at, Errors& errors) {
  const std::string_view type = service_type(spec);
  if ((type == "LoadBalancer" || type == "NodePort") && is_headless(spec)) {
    errors.invalid(at.child("clusterIPs", 0), "", "None",
                   "may not be set to 'None' for " + std::string(type) + " services");
  }
  if (type != "ExternalName") return;
  std::string_view name = get_text(spec, "externalName");
  if (name.ends_with('.')) name.remove_suffix(1);
  if (name.empty()) return errors.required(at, "externalName");
  errors.format(at, "externalName", "dns1123-subdomain", name);
}

void check_session(const JsonObject& spec, const At& at, Errors& errors) {
  if (get_text(spec, "sessionAffinity") != "ClientIP") return;
  const JsonObject& client = object_at(object_at(spec, "sessionAffinityConfig"), "clientIP");
  const int64_t seconds = get_number(client, "timeoutSeconds");
  if (seconds > 0 && seconds <= kMostSessionSeconds) return;
  At config = at.child("sessionAffinityConfig");
  errors.invalid(config.child("clientIP"), "timeoutSeconds", seconds,
                 "must be greater than 0 and less than " + std::to_string(kMostSessionSeconds));
}

// Fields that only balancers have, and those of services that are reached from outside.
void check_outside(const JsonObject& spec, const At& at, Errors& errors) {
  const bool balanced = service_type(spec) == "LoadBalancer";
  if (!balanced && get(spec, "allocateLoadBalancerNodePorts") != nullptr) {
    errors.forbidden(at, "allocateLoadBalancerNodePorts", kBalancersOnly);
  }
  if (get(spec, "loadBalancerClass") != nullptr) {
    if (balanced) {
      errors.format(at, "loadBalancerClass", "qualified-name", get_text(spec, "loadBalancerClass"));
    } else {
      errors.forbidden(at, "loadBalancerClass", kBalancersOnly);
    }
  }
  const std::string_view policy = get_text(spec, "externalTrafficPolicy");
  if (!policy.empty() && !is_reached_from_outside(spec)) {
    errors.invalid(at, "externalTrafficPolicy", Json(policy), "may only be set for externally-accessible services");
  }
  const int64_t port = get_number(spec, "healthCheckNodePort");
  if (port == 0) return;
  if (!needs_health_check(spec)) {
    errors.invalid(at, "healthCheckNodePort", port,
                   "may only be set when `type` is 'LoadBalancer' and `externalTrafficPolicy` is 'Local'");
  } else if (port < 1 || port > 65535) {
    errors.invalid(at, "healthCheckNodePort", port, schema::inclusive_range(1, 65535));
  }
}

void check_spec(const JsonObject& spec, const JsonObject* old, const At& at, Errors& errors) {
  check_type(spec, at, errors);
  check_service_ports(spec, at, errors);
  if (const JsonObject* labels = get_object(spec, "selector")) {
    schema::check_labels(*labels, at.child("selector"), errors);
  }
  check_session(spec, at, errors);
  check_service_addresses(spec, old, at, errors);
  check_outside_addresses(spec, old, at, errors);
  check_outside(spec, at, errors);
}

void check_update(const JsonObject& spec, const JsonObject& old, const At& at, Errors& errors) {
  check_service_address_update(spec, old, at, errors);
  if (service_type(spec) == "LoadBalancer" && service_type(old) == "LoadBalancer") {
    const Json* now = get(spec, "loadBalancerClass");
    const Json* before = get(old, "loadBalancerClass");
    const bool same = now == nullptr || before == nullptr ? now == before : *now == *before;
    if (!same) errors.invalid(at, "loadBalancerClass", now != nullptr ? *now : Json(), "may not change once set");
  }
  const int64_t had = get_number(old, "healthCheckNodePort");
  if (had != 0 && needs_health_check(spec) && needs_health_check(old) &&
      get_number(spec, "healthCheckNodePort") != had) {
    errors.forbidden(at, "healthCheckNodePort", "field is immutable");
  }
}

void validate(const JsonObject& service, const JsonObject* old, Errors& errors) {
  At root;
  At at = root.child("spec");
  const JsonObject& spec = object_at(service, "spec");
  const JsonObject& notes = object_at(object_at(service, "metadata"), "annotations");
  if (old != nullptr && !same_at(service, *old, "status")) {
    At status = root.child("status");
    check_balancer_status(object_at(object_at(service, "status"), "loadBalancer"),
                          object_at(object_at(*old, "status"), "loadBalancer"), spec, status.child("loadBalancer"),
                          errors);
  }
  const bool same_spec = old != nullptr && same_at(service, *old, "spec");
  if (same_spec && same_at(object_at(service, "metadata"), object_at(*old, "metadata"), "annotations")) return;
  const Json* mode = get(notes, kTopologyMode);
  const Json* hints = get(notes, kTopologyHints);
  if (mode != nullptr && hints != nullptr && *mode != *hints) {
    At metadata = root.child("metadata");
    errors.invalid(metadata.key("annotations", kTopologyMode), "", *mode,
                   "must match annotations[" + std::string(kTopologyHints) + "] when both are specified");
  }
  check_source_ranges(service, old, errors);
  if (same_spec) return;
  const JsonObject* before = old != nullptr ? &object_at(*old, "spec") : nullptr;
  if (before != nullptr) check_update(spec, *before, at, errors);
  check_spec(spec, before, at, errors);
}

void update(JsonObject& next, const JsonObject& old) {
  JsonObject& spec = ensure_object(next, "spec");
  const JsonObject& before = object_at(old, "spec");
  keep_given(spec, before);
  drop_for_type(spec, before);
  if (service_type(spec) == "LoadBalancer") return;
  if (JsonObject* status = get_object(next, "status")) status->erase("loadBalancer");
}

void cluster_ip(Row& row, std::string& out) {
  const JsonArray* ips = list_at(row.document, "spec.clusterIPs");
  const auto* first = ips != nullptr && !ips->empty() ? ips->front().if_string() : nullptr;
  put_or(out, first != nullptr ? std::string_view(*first) : std::string_view(), "<none>");
}

void append_part(std::string& text, std::string_view part) {
  if (part.empty()) return;
  if (!text.empty()) text += ",";
  text += part;
}

void external_ip(Row& row, std::string& out) {
  const std::string_view type = text_at(row.document, "spec.type");
  if (type == "ExternalName") return put(out, text_at(row.document, "spec.externalName"));
  if (type != "ClusterIP" && type != "NodePort" && type != "LoadBalancer") return put(out, "<unknown>");
  std::set<std::string_view> balancers;
  if (const JsonArray* list = list_at(row.document, "status.loadBalancer.ingress");
      list != nullptr && type == "LoadBalancer") {
    for (const Json& ingress : *list) {
      const std::string_view ip = text_at(ingress, "ip");
      balancers.insert(ip.empty() ? text_at(ingress, "hostname") : ip);
    }
  }
  std::string text;
  for (std::string_view balancer : balancers) append_part(text, balancer);
  if (const JsonArray* list = list_at(row.document, "spec.externalIPs")) {
    for (const Json& ip : *list) append_part(text, text_at(ip, ""));
  }
  put_or(out, text, type == "LoadBalancer" ? "<pending>" : "<none>");
}

void ports(Row& row, std::string& out) {
  std::string text;
  if (const JsonArray* list = list_at(row.document, "spec.ports")) {
    for (const Json& port : *list) {
      std::string part = std::to_string(number_at(port, "port"));
      if (const int64_t on_node = number_at(port, "nodePort"); on_node > 0) part += ":" + std::to_string(on_node);
      append_part(text, part.append("/").append(text_at(port, "protocol")));
    }
  }
  put_or(out, text, "<none>");
}

constexpr NamedCell kCells[] = {{"service-cluster-ip", cluster_ip},
                                {"service-external-ip", external_ip},
                                {"service-ports", ports},
                                {"selector", selector}};

}  // namespace

constinit const Behavior behavior{.group = "",
                                  .kind = "Service",
                                  .default_before = default_before,
                                  .default_after = default_after,
                                  .validate = validate,
                                  .warn = warn_service,
                                  .warn_status = warn_service_status,
                                  .update = update,
                                  .cells = kCells,
                                  .create_on_update = true,
                                  .returns_deleted = true};

}  // namespace gantry::kinds::core_service
