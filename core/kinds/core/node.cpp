// Nodes: taints, pod ranges that are given once, and their table. Pure functions, any thread.
#include <set>

#include "core/kinds/parts/cells.hpp"
#include "core/kinds/parts/entries.hpp"
#include "core/kinds/parts/ip_rules.hpp"

namespace gantry::kinds::core_node {
namespace {

void default_after(JsonObject& root) {
  // What can be used is all there is, until the node says otherwise.
  JsonObject& status = ensure_object(root, "status");
  if (get(status, "allocatable") != nullptr) return;
  if (const Json* capacity = get(status, "capacity")) {
    Json copy = *capacity;
    status["allocatable"] = std::move(copy);
  }
}

void check_taints(const JsonObject& spec, const At& at, Errors& errors) {
  std::set<std::pair<std::string_view, std::string_view>> seen;
  size_t i = 0;
  each(spec, "taints", [&](const JsonObject& taint) {
    At here = at.child("taints", i++);
    if (seen.emplace(get_text(taint, "key"), get_text(taint, "effect")).second) return;
    errors.duplicate(here, "", taint);
  });
}

void validate(const JsonObject& node, const JsonObject* old, Errors& errors) {
  At root;
  At at = root.child("spec");
  const JsonObject* spec = get_object(node, "spec");
  const JsonObject* before = old != nullptr ? get_object(*old, "spec") : nullptr;
  if (spec == nullptr || (before != nullptr && same_json(*spec, *before))) return;
  check_taints(*spec, at, errors);
  const JsonArray* ranges = get_array(*spec, "podCIDRs");
  const Kept kept = kept_texts(before != nullptr ? get_array(*before, "podCIDRs") : nullptr);
  for (size_t i = 0; ranges != nullptr && i < ranges->size(); ++i) {
    const auto* text = (*ranges)[i].if_string();
    if (text != nullptr) check_old_range(*text, kept, at.child("podCIDRs", i), "", errors);
  }
  if (before == nullptr) return;
  constexpr std::string_view kOnce = "node updates may not change podCIDR except from \"\" to valid";
  const JsonArray* had = get_array(*before, "podCIDRs");
  if (had != nullptr && !had->empty() && !same_at(*spec, *before, "podCIDRs")) errors.forbidden(at, "podCIDRs", kOnce);
  if (!get_text(*before, "providerID").empty() && !same_at(*spec, *before, "providerID")) {
    errors.forbidden(at, "providerID", "node updates may not change providerID except from \"\" to valid");
  }
}

void node_status(Row& row, std::string& out) {
  std::string text = "Unknown";
  if (const JsonArray* conditions = list_at(row.document, "status.conditions")) {
    for (const Json& condition : *conditions) {
      if (text_at(condition, "type") != "Ready") continue;
      text = text_at(condition, "status") == "True" ? "Ready" : "NotReady";
    }
  }
  const Json* closed = at(row.document, "spec.unschedulable");
  if (closed != nullptr && closed->is_bool() && closed->get_bool()) text += ",SchedulingDisabled";
  put(out, text);
}

void node_roles(Row& row, std::string& out) {
  constexpr std::string_view kPrefix = "node-role.kubernetes.io/";
  std::set<std::string_view> roles;
  const Json* labels = at(row.document, "metadata.labels");
  if (labels != nullptr && labels->is_object()) {
    for (const auto& [key, value] : labels->get_object()) {
      std::string_view name = key;
      if (name.starts_with(kPrefix)) {
        if (name.size() > kPrefix.size()) roles.insert(name.substr(kPrefix.size()));
      } else if (name == "kubernetes.io/role" && value.is_string() && !value.get_string().empty()) {
        roles.insert(std::string_view(value.get_string()));
      }
    }
  }
  std::string text;
  for (std::string_view role : roles) (text += text.empty() ? "" : ",") += role;
  put_or(out, text, "<none>");
}

void node_address(Row& row, std::string& out, std::string_view type) {
  std::string_view found;
  if (const JsonArray* addresses = list_at(row.document, "status.addresses")) {
    for (const Json& address : *addresses) {
      if (found.empty() && text_at(address, "type") == type) found = text_at(address, "address");
    }
  }
  put_or(out, found, "<none>");
}
void node_internal_ip(Row& row, std::string& out) { node_address(row, out, "InternalIP"); }
void node_external_ip(Row& row, std::string& out) { node_address(row, out, "ExternalIP"); }

constexpr NamedCell kCells[] = {{"node-status", node_status},
                                {"node-roles", node_roles},
                                {"node-internal-ip", node_internal_ip},
                                {"node-external-ip", node_external_ip}};

void warn(const JsonObject& node, const JsonObject*, Warnings& warnings) {
  const JsonObject& spec = object_at(node, "spec");
  if (get(spec, "configSource") != nullptr) warnings.add("spec.configSource: the feature is removed");
  if (!get_text(spec, "externalID").empty()) {
    warnings.add("spec.externalID: this field is deprecated, and is unused by Kubernetes");
  }
  const At root, at = root.child("spec");
  warn_ranges(spec, "podCIDRs", at, warnings);
}

}  // namespace

constinit const Behavior behavior{.group = "",
                                  .kind = "Node",
                                  .default_after = default_after,
                                  .validate = validate,
                                  .warn = warn,
                                  .cells = kCells,
                                  .keeps_status_on_create = true};

}  // namespace gantry::kinds::core_node
