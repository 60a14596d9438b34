// Endpoints: addresses that others can reach, at ports with names, and their table. Pure functions, any thread.
#include "core/kinds/parts/addresses.hpp"
#include "core/kinds/parts/cells.hpp"
#include "core/kinds/parts/ip_rules.hpp"

namespace gantry::kinds::core_endpoints {
namespace {

constexpr size_t kShown = 3;

void check_addresses(const JsonObject& subset, std::string_view list, const At& at, Errors& errors) {
  size_t i = 0;
  each(subset, list, [&](const JsonObject& address) {
    At here = at.child(list, i++);
    const std::string_view ip = get_text(address, "ip");
    const size_t before = errors.size();
    check_ip(ip, Spelling::kAny, here, "ip", errors);
    if (errors.size() == before) check_reachable(here, "ip", ip, errors);
  });
}

void check_ports(const JsonObject& subset, const At& at, Errors& errors) {
  const JsonArray* ports = get_array(subset, "ports");
  const bool several = ports != nullptr && ports->size() > 1;
  size_t i = 0;
  each(subset, "ports", [&](const JsonObject& port) {
    At here = at.child("ports", i++);
    if (several && get_text(port, "name").empty()) errors.required(here, "name");
    const int64_t number = get_number(port, "port");
    if (number < 1 || number > 65535) errors.invalid(here, "port", number, schema::inclusive_range(1, 65535));
  });
}

void validate(const JsonObject& endpoints, const JsonObject* old, Errors& errors) {
  const Json* now = get(endpoints, "subsets");
  const Json* before = old != nullptr ? get(*old, "subsets") : nullptr;
  if (now == nullptr || (before != nullptr && same_json(*now, *before))) return;
  At root;
  size_t i = 0;
  each(endpoints, "subsets", [&](const JsonObject& subset) {
    At here = root.child("subsets", i++);
    if (!has_items(subset, "addresses") && !has_items(subset, "notReadyAddresses")) {
      errors.required(here, "", "must specify `addresses` or `notReadyAddresses`");
    }
    check_addresses(subset, "addresses", here, errors);
    check_addresses(subset, "notReadyAddresses", here, errors);
    check_ports(subset, here, errors);
  });
}

// The first few, and how many there are.
struct Shown {
  std::string text;
  size_t listed = 0, count = 0;

  void add(const JsonArray& addresses, const Json* port) {
    count += addresses.size();
    for (const Json& address : addresses) {
      if (listed == kShown) return;
      std::string ip(text_at(address, "ip"));
      if (port != nullptr) {
        if (ip.find(':') != std::string::npos) ip = "[" + ip + "]";
        ip += ":" + std::to_string(number_at(*port, "port"));
      }
      (text += listed++ == 0 ? "" : ",") += ip;
    }
  }
};

void addresses(Row& row, std::string& out) {
  const JsonArray* subsets = list_at(row.document, "subsets");
  if (subsets == nullptr || subsets->empty()) return put(out, "<none>");
  Shown shown;
  for (const Json& subset : *subsets) {
    const JsonArray* list = list_at(subset, "addresses");
    if (list == nullptr) continue;
    const JsonArray* ports = list_at(subset, "ports");
    if (ports == nullptr || ports->empty()) {
      shown.add(*list, nullptr);
      continue;
    }
    for (const Json& port : *ports) shown.add(*list, &port);
  }
  if (shown.count > kShown) shown.text += " + " + std::to_string(shown.count - kShown) + " more...";
  put(out, shown.text);
}

constexpr NamedCell kCells[] = {{"endpoints", addresses}};

void warn(const JsonObject& endpoints, const JsonObject*, Warnings& warnings) {
  const JsonObject& labels = object_at(object_at(endpoints, "metadata"), "labels");
  // Upstream's controller writes them as they should be.
  if (get_text(labels, "endpoints.kubernetes.io/managed-by") == "endpoint-controller") return;
  const At root;
  size_t i = 0;
  each(endpoints, "subsets", [&](const JsonObject& subset) {
    const At at = root.child("subsets", i++);
    for (const std::string_view list : {"addresses", "notReadyAddresses"}) {
      size_t j = 0;
      each(subset, list, [&](const JsonObject& address) {
        const At here = at.child(list, j++);
        warn_ip(get_text(address, "ip"), here.child("ip"), warnings);
      });
    }
  });
}

}  // namespace

constinit const Behavior behavior{
    .group = "", .kind = "Endpoints", .validate = validate, .warn = warn, .cells = kCells, .create_on_update = true};

}  // namespace gantry::kinds::core_endpoints
