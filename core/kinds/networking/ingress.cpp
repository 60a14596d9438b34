// Ingresses: hosts, paths and backends, and the addresses of load balancers. Pure functions, any thread.
#include <set>

#include "core/kinds/parts/cells.hpp"
#include "core/kinds/parts/ip_rules.hpp"
#include "core/kinds/parts/workload.hpp"

namespace gantry::kinds::networking_ingress {
namespace {

constexpr std::string_view kClassAnnotation = "kubernetes.io/ingress.class";
constexpr size_t kShownHosts = 3, kLongestHost = 253;

void check_wildcard(std::string_view host, const At& at, std::string_view name, Errors& errors) {
  if (host.size() > kLongestHost) errors.invalid(at, name, Json(host), "must be no more than 253 bytes");
  const std::string_view rest = host.substr(std::min<size_t>(2, host.size()));
  if (host.starts_with("*.") && format_problems("dns1123-subdomain", rest.substr(0, kLongestHost)).empty()) return;
  errors.invalid(at, name, Json(host),
                 "a wildcard DNS-1123 subdomain must start with '*.', followed by a valid DNS subdomain, which must "
                 "consist of lower case alphanumeric characters, '-' or '.' and end with an alphanumeric character "
                 "(e.g. '*.example.com', regex used for validation is "
                 "'\\*\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')");
}

void check_host(std::string_view host, const At& at, std::string_view name, Errors& errors) {
  if (host.find('*') != std::string_view::npos) return check_wildcard(host, at, name, errors);
  errors.format(at, name, "dns1123-subdomain", host);
}

void check_reference(const JsonObject& reference, const At& at, Errors& errors) {
  if (get(reference, "apiGroup") != nullptr) {
    errors.format(at, "apiGroup", "dns1123-subdomain", get_text(reference, "apiGroup"));
  }
  for (std::string_view key : {"kind", "name"}) errors.format(at, key, "path-segment", get_text(reference, key));
}

void check_service_port(const JsonObject& port, const At& backend, const At& at, Errors& errors) {
  const std::string_view name = get_text(port, "name");
  const int64_t number = get_number(port, "number");
  if (!name.empty() && number != 0) {
    errors.invalid(backend, "", Json(""), "cannot set both port name & port number");
  } else if (!name.empty()) {
    errors.format(at, "name", "port-name", name);
  } else if (number == 0) {
    errors.required(backend, "", "port name or number is required");
  } else if (number < 1 || number > 65535) {
    errors.invalid(at, "number", number, schema::inclusive_range(1, 65535));
  }
}

void check_backend(const JsonObject& backend, const At& at, Errors& errors) {
  const JsonObject* resource = get_object(backend, "resource");
  const JsonObject* service = get_object(backend, "service");
  if (resource != nullptr && service != nullptr) {
    return errors.invalid(at, "", Json(""), "cannot set both resource and service backends");
  }
  if (resource == nullptr && service == nullptr) {
    return errors.invalid(at, "", Json(""), "resource or service backend is required");
  }
  if (resource != nullptr) return check_reference(*resource, at.child("resource"), errors);
  At here = at.child("service");
  check_service_port(object_at(*service, "port"), at, here.child("port"), errors);
}

void check_path(const JsonObject& path, const At& at, Errors& errors) {
  const std::string_view type = get_text(path, "pathType"), text = get_text(path, "path");
  if (type.empty()) return;  // said by the tree
  const bool plain = type == "Exact" || type == "Prefix";
  if (!text.starts_with('/') && (plain || (type == "ImplementationSpecific" && !text.empty()))) {
    errors.invalid(at, "path", Json(text), "must be an absolute path");
  }
  for (std::string_view bad : {"//", "/./", "/../", "%2f", "%2F"}) {
    if (!plain || text.find(bad) == std::string_view::npos) continue;
    errors.invalid(at, "path", Json(text), "must not contain '" + std::string(bad) + "'");
  }
  for (std::string_view bad : {"/..", "/."}) {
    if (!plain || !text.ends_with(bad)) continue;
    errors.invalid(at, "path", Json(text), "cannot end with '" + std::string(bad) + "'");
  }
  check_backend(object_at(path, "backend"), at.child("backend"), errors);
}

void check_rule(const JsonObject& rule, const At& at, Errors& errors) {
  const std::string_view host = get_text(rule, "host");
  if (looks_like_ip(host)) errors.invalid(at, "host", Json(host), "must be a DNS name, not an IP address");
  if (!host.empty()) check_host(host, at, "host", errors);
  At here = at.child("http");
  size_t i = 0;
  each(object_at(rule, "http"), "paths",
       [&](const JsonObject& path) { check_path(path, here.child("paths", i++), errors); });
}

void check_tls(const JsonObject& tls, const At& at, Errors& errors) {
  const JsonArray* hosts = get_array(tls, "hosts");
  for (size_t i = 0; hosts != nullptr && i < hosts->size(); ++i) {
    const auto* host = (*hosts)[i].if_string();
    if (host != nullptr) check_host(*host, at.child("hosts", i), "", errors);
  }
  const std::string_view secret = get_text(tls, "secretName");
  if (!secret.empty()) errors.format(at, "secretName", "dns1123-subdomain", secret);
}

void check_spec(const JsonObject& spec, const At& at, Errors& errors) {
  const JsonObject* backend = get_object(spec, "defaultBackend");
  if (!has_items(spec, "rules") && backend == nullptr) {
    errors.invalid(at, "", Json(), "either `defaultBackend` or `rules` must be specified");
  }
  if (backend != nullptr) check_backend(*backend, at.child("defaultBackend"), errors);
  size_t i = 0, j = 0;
  each(spec, "rules", [&](const JsonObject& rule) { check_rule(rule, at.child("rules", i++), errors); });
  each(spec, "tls", [&](const JsonObject& tls) { check_tls(tls, at.child("tls", j++), errors); });
}

void check_balancer(const JsonObject& status, const JsonObject& old, const At& at, Errors& errors) {
  At here = at.child("loadBalancer");
  Kept kept;
  each(object_at(old, "loadBalancer"), "ingress",
       [&](const JsonObject& ingress) { kept.insert(get_text(ingress, "ip")); });
  size_t i = 0;
  each(object_at(status, "loadBalancer"), "ingress", [&](const JsonObject& ingress) {
    At there = here.child("ingress", i++);
    const std::string_view ip = get_text(ingress, "ip"), host = get_text(ingress, "hostname");
    if (!ip.empty()) check_old_ip(ip, kept, there, "ip", errors);
    if (!host.empty()) errors.format(there, "hostname", "dns1123-subdomain", host);
    if (looks_like_ip(host)) errors.invalid(there, "hostname", Json(host), "must be a DNS name, not an IP address");
  });
}

void check_class(const JsonObject& ingress, Errors& errors) {
  const JsonObject& annotations = object_at(object_at(ingress, "metadata"), "annotations");
  const Json* own = get(object_at(ingress, "spec"), "ingressClassName");
  const Json* noted = get(annotations, kClassAnnotation);
  if (own == nullptr || noted == nullptr || same_json(*own, *noted)) return;
  At root;
  errors.invalid(root.child("annotations"), kClassAnnotation, *noted,
                 "must match `ingressClassName` when both are specified");
}

void validate(const JsonObject& ingress, const JsonObject* old, Errors& errors) {
  At root;
  if (const JsonObject* spec = changed_spec(ingress, old)) check_spec(*spec, root.child("spec"), errors);
  if (old == nullptr) return check_class(ingress, errors);
  const JsonObject& status = object_at(ingress, "status");
  const JsonObject& before = object_at(*old, "status");
  if (!same_json(status, before)) check_balancer(status, before, root.child("status"), errors);
}

// The first three, and how many rules there are besides.
void ingress_hosts(Row& row, std::string& out) {
  std::string text;
  size_t shown = 0;
  bool more = false;
  const JsonArray* rules = list_at(row.document, "spec.rules");
  for (size_t i = 0; rules != nullptr && i < rules->size(); ++i) {
    more = more || shown == kShownHosts;
    const std::string_view host = text_at((*rules)[i], "host");
    if (more || host.empty()) continue;
    if (shown++ > 0) text += ",";
    text += host;
  }
  if (more) text += " + " + std::to_string(rules->size() - kShownHosts) + " more...";
  put_or(out, text, "*");
}

void ingress_address(Row& row, std::string& out) {
  std::set<std::string_view> addresses;
  if (const JsonArray* list = list_at(row.document, "status.loadBalancer.ingress")) {
    for (const Json& one : *list) {
      const std::string_view ip = text_at(one, "ip"), host = text_at(one, "hostname");
      if (!ip.empty() || !host.empty()) addresses.insert(ip.empty() ? host : ip);
    }
  }
  std::string text;
  for (std::string_view address : addresses) (text += text.empty() ? "" : ",") += address;
  put(out, text);
}

void ingress_ports(Row& row, std::string& out) { put(out, members_at(row, "spec.tls") > 0 ? "80, 443" : "80"); }

constexpr NamedCell kCells[] = {
    {"ingress-hosts", ingress_hosts}, {"ingress-address", ingress_address}, {"ingress-ports", ingress_ports}};

void warn(const JsonObject& ingress, const JsonObject* old, Warnings& warnings) {
  constexpr std::string_view kClass = "kubernetes.io/ingress.class";
  if (old != nullptr || get(object_at(ingress, "spec"), "ingressClassName") != nullptr) return;
  if (!object_at(object_at(ingress, "metadata"), "annotations").contains(kClass)) return;
  warnings.add("annotation " + schema::quoted(kClass) + " is deprecated, please use 'spec.ingressClassName' instead");
}

void warn_status(const JsonObject& ingress, const JsonObject*, Warnings& warnings) {
  const At root, status = root.child("status"), at = status.child("loadBalancer");
  size_t i = 0;
  each(object_at(object_at(ingress, "status"), "loadBalancer"), "ingress", [&](const JsonObject& address) {
    const At here = at.child("ingress", i++);
    if (!get_text(address, "ip").empty()) warn_ip(get_text(address, "ip"), here.child("ip"), warnings);
  });
}

}  // namespace

constinit const Behavior behavior{.group = "networking.k8s.io",
                                  .kind = "Ingress",
                                  .validate = validate,
                                  .warn = warn,
                                  .warn_status = warn_status,
                                  .cells = kCells,
                                  .read_at_once = false};

}  // namespace gantry::kinds::networking_ingress
