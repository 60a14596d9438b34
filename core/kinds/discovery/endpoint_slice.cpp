// EndpointSlices: addresses of one type, ports of different names, and bounds on both. Pure functions, any thread.
#include <set>

#include "core/kinds/parts/addresses.hpp"
#include "core/kinds/parts/cells.hpp"
#include "core/kinds/parts/entries.hpp"
#include "core/kinds/parts/ip_rules.hpp"

namespace gantry::kinds::discovery_endpoint_slice {
namespace {

constexpr size_t kMostEndpoints = 1000, kMostAddresses = 100, kMostPorts = 20000, kMostHints = 8;
constexpr size_t kShown = 3;

size_t count(const JsonObject& object, std::string_view key) {
  const JsonArray* list = get_array(object, key);
  return list != nullptr ? list->size() : 0;
}

// At least two labels, and a dot behind them at will.
void check_domain(std::string_view text, const At& at, Errors& errors) {
  if (text.empty()) return errors.required(at, "");
  const std::string_view name = text.ends_with('.') ? text.substr(0, text.size() - 1) : text;
  const auto faults = format_problems("dns1123-subdomain", name);
  if (!faults.empty()) {
    std::string all;
    for (const std::string& fault : faults) (all += all.empty() ? "" : ",") += fault;
    return errors.invalid(at, "", Json(name), all);
  }
  if (name.find('.') == std::string_view::npos) {
    return errors.invalid(at, "", Json(name), "should be a domain with at least two segments separated by dots");
  }
  for (size_t begin = 0, end = 0; end != std::string_view::npos; begin = end + 1) {
    end = name.find('.', begin);
    const std::string_view label = name.substr(begin, end - begin);
    if (label.size() > 63) return errors.invalid(at, "", Json(label), "must be no more than 63 bytes");
  }
}

void check_address(std::string_view text, std::string_view type, const At& at, Errors& errors) {
  if (type == "FQDN") return check_domain(text, at, errors);
  if (type != "IPv4" && type != "IPv6") return;
  const auto problems = ip_problems(text, Spelling::kAny);
  for (const std::string& problem : problems) errors.invalid(at, "", Json(text), problem);
  if (!problems.empty()) return;
  if (is_six(text) != (type == "IPv6")) {
    errors.invalid(at, "", Json(text), "must be an " + std::string(type) + " address");
  }
  check_reachable(at, "", text, errors);
}

void check_hints(const JsonObject& hints, std::string_view key, std::string_view format, const At& at, Errors& errors) {
  const size_t hinted = count(hints, key);
  if (hinted > kMostHints) return errors.too_many(at, key, hinted, kMostHints);
  std::set<std::string_view> names;
  size_t i = 0;
  each(hints, key, [&](const JsonObject& hint) {
    At here = at.child(key, i++);
    const std::string_view name = get_text(hint, "name");
    if (!names.insert(name).second) errors.duplicate(here, "name", Json(name));
    errors.format(here, "name", format, name);
  });
}

void check_endpoint(const JsonObject& endpoint, std::string_view type, const At& at, Errors& errors) {
  const size_t addresses = count(endpoint, "addresses");
  if (addresses > kMostAddresses) errors.too_many(at, "addresses", addresses, kMostAddresses);
  for (size_t i = 0; i < addresses; ++i) {
    const auto* text = (*get_array(endpoint, "addresses"))[i].if_string();
    if (text != nullptr) check_address(*text, type, at.child("addresses", i), errors);
  }
  const JsonObject* hints = get_object(endpoint, "hints");
  if (hints == nullptr) return;
  check_hints(*hints, "forZones", "label-value", at.child("hints"), errors);
  check_hints(*hints, "forNodes", "dns1123-subdomain", at.child("hints"), errors);
}

void check_ports(const JsonObject& slice, const At& root, Errors& errors) {
  const size_t ports = count(slice, "ports");
  if (ports > kMostPorts) return errors.too_many(root, "ports", ports, kMostPorts);
  std::set<std::string_view> names;
  size_t i = 0;
  each(slice, "ports", [&](const JsonObject& port) {
    At here = root.child("ports", i++);
    const std::string_view name = get_text(port, "name");
    if (!name.empty()) errors.format(here, "name", "dns1123-label", name);
    if (!names.insert(name).second) errors.duplicate(here, "name", Json(name));
  });
}

void check_endpoints(const JsonObject& slice, const At& root, Errors& errors) {
  const size_t endpoints = count(slice, "endpoints");
  if (endpoints > kMostEndpoints) return errors.too_many(root, "endpoints", endpoints, kMostEndpoints);
  size_t i = 0;
  each(slice, "endpoints", [&](const JsonObject& endpoint) {
    check_endpoint(endpoint, get_text(slice, "addressType"), root.child("endpoints", i++), errors);
  });
}

// What stays as it is was good to an older version.
void validate(const JsonObject& slice, const JsonObject* old, Errors& errors) {
  At root;
  if (old == nullptr || !same_at(slice, *old, "endpoints")) check_endpoints(slice, root, errors);
  if (old == nullptr || !same_at(slice, *old, "ports")) check_ports(slice, root, errors);
}

// What older versions had for the node and the zone.
void drop_topology(JsonObject& slice) {
  each(slice, "endpoints", [](JsonObject& endpoint) { endpoint.erase("deprecatedTopology"); });
}

void update(JsonObject& next, const JsonObject&) { drop_topology(next); }

class Listed {
 public:
  void add(std::string_view text) {
    if (++count_ > kShown) return;
    if (count_ > 1) text_ += ",";
    text_ += text;
  }
  void put_to(std::string& out) {
    if (count_ > kShown) text_ += " + " + std::to_string(count_ - kShown) + " more...";
    put_or(out, text_, "<unset>");
  }

 private:
  std::string text_;
  size_t count_ = 0;
};

void slice_ports(Row& row, std::string& out) {
  Listed ports;
  if (const JsonArray* list = list_at(row.document, "ports")) {
    for (const Json& port : *list) {
      const bool named = at(port, "name") != nullptr;
      if (at(port, "port") != nullptr) {
        ports.add(std::to_string(number_at(port, "port")));
      } else {
        ports.add(named ? text_at(port, "name") : std::string_view("*"));
      }
    }
  }
  ports.put_to(out);
}

void slice_addresses(Row& row, std::string& out) {
  Listed addresses;
  if (const JsonArray* list = list_at(row.document, "endpoints")) {
    for (const Json& endpoint : *list) {
      const JsonArray* own = list_at(endpoint, "addresses");
      for (size_t i = 0; own != nullptr && i < own->size(); ++i) addresses.add(text_at((*own)[i], ""));
    }
  }
  addresses.put_to(out);
}

bool counts(const JsonObject& next, const JsonObject& old) {
  return !same_json(object_at(object_at(next, "metadata"), "labels"), object_at(object_at(old, "metadata"), "labels"));
}

constexpr NamedCell kCells[] = {{"slice-ports", slice_ports}, {"slice-addresses", slice_addresses}};

void warn(const JsonObject& slice, const JsonObject*, Warnings& warnings) {
  if (get_text(slice, "addressType") == "FQDN") warnings.add("spec.addressType: FQDN endpoints are deprecated");
  const JsonObject& labels = object_at(object_at(slice, "metadata"), "labels");
  const std::string_view by = get_text(labels, "endpointslice.kubernetes.io/managed-by");
  // Upstream's controllers write them as they should be.
  if (by == "endpointslice-controller.k8s.io" || by == "endpointslicemirroring-controller.k8s.io") return;
  const At root;
  size_t i = 0;
  each(slice, "endpoints", [&](const JsonObject& endpoint) {
    const At here = root.child("endpoints", i++);
    warn_ips(endpoint, "addresses", here, warnings);
  });
}

}  // namespace

constinit const Behavior behavior{.group = "discovery.k8s.io",
                                  .kind = "EndpointSlice",
                                  .validate = validate,
                                  .warn = warn,
                                  .create = drop_topology,
                                  .update = update,
                                  .counts = counts,
                                  .cells = kCells};

}  // namespace gantry::kinds::discovery_endpoint_slice
