// CSINodes: drivers that come and go, and stay as they came. Pure functions, any thread.
#include <map>
#include <set>

#include "core/kinds/parts/cells.hpp"
#include "core/kinds/parts/storage_class_rules.hpp"
#include "core/kinds/parts/workload.hpp"

namespace gantry::kinds::storage_csi_node {
namespace {

constexpr size_t kLongestNodeId = 256;

void check_topology(const JsonObject& driver, const At& at, Errors& errors) {
  std::set<std::string_view> seen;
  const JsonArray* keys = get_array(driver, "topologyKeys");
  for (size_t i = 0; keys != nullptr && i < keys->size(); ++i) {
    const auto* key = (*keys)[i].if_string();
    if (key == nullptr) continue;
    // Upstream names the driver, not the key.
    if (key->empty()) errors.required(at, "");
    if (!seen.insert(*key).second) errors.duplicate(at, "", (*keys)[i]);
    errors.format(at, "", "qualified-name", *key);
  }
}

void check_driver(const JsonObject& driver, const At& at, Errors& errors) {
  check_csi_driver_name(get_text(driver, "name"), at, "name", errors);
  const std::string_view id = get_text(driver, "nodeID");
  if (id.size() > kLongestNodeId) {
    errors.invalid(at, "nodeID", Json(id), "must be " + std::to_string(kLongestNodeId) + " characters or less");
  }
  check_topology(driver, at, errors);
}

// But for what it can serve, which changes.
JsonObject fixed_part(const JsonObject& driver) {
  JsonObject out;
  for (std::string_view key : {"name", "nodeID"}) take_key(out, driver, key);
  if (has_items(driver, "topologyKeys")) take_key(out, driver, "topologyKeys");
  return out;
}

void check_kept(const JsonObject& spec, const JsonObject& old, const At& at, Errors& errors) {
  std::map<std::string_view, const JsonObject*> before;
  each(old, "drivers", [&](const JsonObject& driver) { before.emplace(get_text(driver, "name"), &driver); });
  each(spec, "drivers", [&](const JsonObject& driver) {
    const auto found = before.find(get_text(driver, "name"));
    if (found == before.end()) return;
    const JsonObject now = fixed_part(driver);
    if (!same_json(now, fixed_part(*found->second))) errors.invalid(at, "drivers", now, "field is immutable");
  });
}

void validate(const JsonObject& node, const JsonObject* old, Errors& errors) {
  const JsonObject* spec = changed_spec(node, old);
  if (spec == nullptr) return;
  At root;
  At at = root.child("spec");
  size_t i = 0;
  each(*spec, "drivers", [&](const JsonObject& driver) { check_driver(driver, at.child("drivers", i++), errors); });
  if (old != nullptr) check_kept(*spec, object_at(*old, "spec"), at, errors);
}

void node_drivers(Row& row, std::string& out) { out += std::to_string(members_at(row, "spec.drivers")); }

constexpr NamedCell kCells[] = {{"node-drivers", node_drivers}};

}  // namespace

constinit const Behavior behavior{.group = "storage.k8s.io",
                                  .kind = "CSINode",
                                  .validate = validate,
                                  .cells = kCells,
                                  .unconditional_update = false,
                                  .read_at_once = false};

}  // namespace gantry::kinds::storage_csi_node
