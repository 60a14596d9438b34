// Owns what may change in a pod that exists: images, deadlines, more tolerations, fewer gates; and its status.
// Pure functions, any thread.
#include <algorithm>
#include <array>

#include "core/schema/rules_pod.hpp"
#include "core/schema/same_json.hpp"

namespace gantry::schema {
namespace {

constexpr std::string_view kMayChange =
    "pod updates may not change fields other than `spec.containers[*].image`,`spec.initContainers[*].image`,"
    "`spec.activeDeadlineSeconds`,`spec.tolerations` (only additions to existing tolerations),"
    "`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was previously negative)";

size_t count(const JsonObject& object, std::string_view key) {
  const JsonArray* list = get_array(object, key);
  return list != nullptr ? list->size() : 0;
}

void take_over(JsonObject& next, const JsonObject& old, std::string_view key) {
  if (const Json* before = get(old, key)) {
    next[key] = *before;
  } else {
    next.erase(key);
  }
}

void take_over_images(JsonObject& next, const JsonObject& old, std::string_view list) {
  JsonArray* containers = get_array(next, list);
  const JsonArray* before = get_array(old, list);
  if (containers == nullptr || before == nullptr) return;
  for (size_t i = 0; i < containers->size() && i < before->size(); ++i) {
    auto* container = (*containers)[i].if_object();
    const auto* was = (*before)[i].if_object();
    if (container != nullptr && was != nullptr) take_over(*container, *was, "image");
  }
}

bool same_toleration(const JsonObject& one, const JsonObject& other) {
  constexpr std::array<std::string_view, 4> kParts = {"key", "operator", "value", "effect"};
  return std::all_of(kParts.begin(), kParts.end(),
                     [&](std::string_view key) { return get_text(one, key) == get_text(other, key); });
}

// Those that were there are still there, at most with another time.
bool only_added(const JsonObject& spec, const JsonObject& old) {
  bool all = true;
  each(old, "tolerations", [&](const JsonObject& before) {
    bool found = false;
    each(spec, "tolerations", [&](const JsonObject& now) { found = found || same_toleration(now, before); });
    all = all && found;
  });
  return all;
}

void check_deadline(const JsonObject& spec, const JsonObject& old, const At& at, Errors& errors) {
  const Json* now = get(spec, "activeDeadlineSeconds");
  const Json* before = get(old, "activeDeadlineSeconds");
  if (before == nullptr) return;
  if (now == nullptr) {
    errors.invalid(at, "activeDeadlineSeconds", nullptr, "must not update from a positive integer to nil value");
  } else if (get_number(spec, "activeDeadlineSeconds") > get_number(old, "activeDeadlineSeconds")) {
    errors.invalid(at, "activeDeadlineSeconds", *now, "must be less than or equal to previous value");
  }
}

bool has_gate(const JsonObject& spec, std::string_view name) {
  bool found = false;
  each(spec, "schedulingGates", [&](const JsonObject& gate) { found = found || get_text(gate, "name") == name; });
  return found;
}

bool has_entries(const JsonObject& map, const JsonObject* wanted) {
  if (wanted == nullptr) return true;
  return std::all_of(wanted->begin(), wanted->end(), [&](const auto& entry) {
    const Json* value = map.if_contains(entry.key());
    return value != nullptr && same_json(*value, entry.value());
  });
}

// A pod behind gates may still be told more exactly where it can go.
void check_gated(JsonObject& next, const JsonObject& spec, const JsonObject& old, const At& at, Errors& errors) {
  size_t i = 0;
  each(spec, "schedulingGates", [&](const JsonObject& gate) {
    std::string_view name = get_text(gate, "name");
    At here = at.child("schedulingGates", i++);
    if (!has_gate(old, name)) {
      errors.forbidden(here, "name",
                       "only deletion is allowed, but found new scheduling gate '" + std::string(name) + "'");
    }
  });
  take_over(next, old, "schedulingGates");
  if (count(old, "schedulingGates") == 0) return;
  static const JsonObject kNone;
  const JsonObject* selector = get_object(spec, "nodeSelector");
  if (!has_entries(selector != nullptr ? *selector : kNone, get_object(old, "nodeSelector"))) {
    errors.invalid(at, "nodeSelector", selector != nullptr ? Json(*selector) : Json(),
                   "only additions to spec.nodeSelector are allowed (no mutations or deletions)");
  }
  take_over(next, old, "nodeSelector");
  const JsonObject* affinity = get_object(old, "affinity");
  if (JsonObject* now = get_object(next, "affinity")) {
    take_over(*now, affinity != nullptr ? *affinity : kNone, "nodeAffinity");
    if (now->empty() && affinity == nullptr) next.erase("affinity");
  }
}

// The fields at the top of the spec that differ, for the reader of the error.
std::string differing(const JsonObject& next, const JsonObject& old) {
  std::string out;
  auto add = [&](std::string_view key) { out.append(out.empty() ? "" : ", ").append("spec.").append(key); };
  for (const auto& entry : next) {
    const Json* before = get(old, entry.key());
    if (before == nullptr || !same_json(*before, entry.value())) add(entry.key());
  }
  for (const auto& entry : old) {
    if (get(next, entry.key()) == nullptr) add(entry.key());
  }
  return out;
}

bool has_ended(const JsonObject& status, bool also_failed) {
  const JsonObject* state = get_object(status, "state");
  const JsonObject* ended = state != nullptr ? get_object(*state, "terminated") : nullptr;
  return ended != nullptr && (also_failed || get_number(*ended, "exitCode") == 0);
}

const JsonObject* status_named(const JsonObject& status, std::string_view list, std::string_view name) {
  const JsonObject* found = nullptr;
  each(status, list, [&](const JsonObject& entry) {
    if (get_text(entry, "name") == name) found = &entry;
  });
  return found;
}

}  // namespace

void check_pod_update(const JsonObject& spec, const JsonObject& old, const At& at, Errors& errors) {
  for (std::string_view list : {"containers", "initContainers"}) {
    if (count(spec, list) != count(old, list)) {
      return errors.forbidden(at, list, "pod updates may not add or remove containers");
    }
  }
  check_deadline(spec, old, at, errors);
  if (!only_added(spec, old)) {
    errors.forbidden(at, "tolerations", "existing toleration can not be modified except its tolerationSeconds");
  }
  JsonObject next = spec;
  take_over_images(next, old, "containers");
  take_over_images(next, old, "initContainers");
  take_over(next, old, "activeDeadlineSeconds");
  take_over(next, old, "tolerations");
  if (get_number(old, "terminationGracePeriodSeconds") < 0 && get_number(spec, "terminationGracePeriodSeconds") == 1) {
    take_over(next, old, "terminationGracePeriodSeconds");
  }
  check_gated(next, spec, old, at, errors);
  if (!same_json(next, old)) errors.forbidden(at, "", std::string(kMayChange) + "\nchanged: " + differing(next, old));
}

void check_pod_status(const JsonObject& pod, const JsonObject& old, Errors& errors) {
  const JsonObject* status = get_object(pod, "status");
  const JsonObject* before = get_object(old, "status");
  if (status == nullptr || (before != nullptr && same_json(*status, *before))) return;
  At root;
  At at = root.child("status");
  std::string_view nominated = get_text(*status, "nominatedNodeName");
  if (!nominated.empty()) errors.format(at, "nominatedNodeName", "dns1123-subdomain", nominated);
  size_t i = 0;
  each(*status, "podIPs",
       [&](const JsonObject& address) { errors.format(at.child("podIPs", i++), "ip", "ip", get_text(address, "ip")); });
  const JsonObject* spec = get_object(pod, "spec");
  std::string_view policy = spec != nullptr ? get_text(*spec, "restartPolicy") : std::string_view();
  if (before == nullptr || (policy != "Never" && policy != "OnFailure")) return;
  i = 0;
  each(*status, "containerStatuses", [&](const JsonObject& now) {
    At here = at.child("containerStatuses", i++);
    const JsonObject* was = status_named(*before, "containerStatuses", get_text(now, "name"));
    bool own_policy = false;
    each(*spec, "containers", [&](const JsonObject& container) {
      if (get_text(container, "name") != get_text(now, "name")) return;
      own_policy = get(container, "restartPolicy") != nullptr || get(container, "restartPolicyRules") != nullptr;
    });
    if (was == nullptr || own_policy || !has_ended(*was, policy == "Never") || has_ended(now, true)) return;
    errors.forbidden(here, "state", "may not be transitioned to non-terminated state");
  });
}

}  // namespace gantry::schema
