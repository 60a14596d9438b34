// Owns what may change in a pod that exists: images, deadlines, more tolerations, fewer gates; and its status.
// Pure functions, any thread.
#include <algorithm>
#include <array>
#include <map>
#include <set>

#include "core/kinds/parts/ip_rules.hpp"
#include "core/kinds/parts/pod_rules.hpp"

namespace gantry::kinds {
namespace {

constexpr std::string_view kMayChange =
    "pod updates may not change fields other than `spec.containers[*].image`,`spec.initContainers[*].image`,"
    "`spec.activeDeadlineSeconds`,`spec.tolerations` (only additions to existing tolerations),"
    "`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was previously negative)";

// Of a list that is too long.
constexpr size_t kShownAddresses = 8;

size_t count_at(const JsonObject& object, std::string_view key) {
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

// What of a toleration may not change.
std::array<std::string_view, 4> terms(const JsonObject& toleration) {
  return {get_text(toleration, "key"), get_text(toleration, "operator"), get_text(toleration, "value"),
          get_text(toleration, "effect")};
}

// Those that were there are still there, at most with another time.
bool only_added(const JsonObject& spec, const JsonObject& old) {
  std::set<std::array<std::string_view, 4>> now;
  each(spec, "tolerations", [&](const JsonObject& toleration) { now.insert(terms(toleration)); });
  bool all = true;
  each(old, "tolerations", [&](const JsonObject& toleration) { all = all && now.contains(terms(toleration)); });
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

std::set<std::string_view> names(const JsonObject& spec, std::string_view list) {
  std::set<std::string_view> out;
  each(spec, list, [&](const JsonObject& item) { out.insert(get_text(item, "name")); });
  return out;
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
  const auto gates = names(old, "schedulingGates");
  size_t i = 0;
  each(spec, "schedulingGates", [&](const JsonObject& gate) {
    std::string_view name = get_text(gate, "name");
    At here = at.child("schedulingGates", i++);
    if (!gates.contains(name)) {
      errors.forbidden(
          here, "name",
          "only deletion is allowed, but found new scheduling gate '" + schema::cut(name, schema::kLongestName) + "'");
    }
  });
  take_over(next, old, "schedulingGates");
  if (count_at(old, "schedulingGates") == 0) return;
  static const JsonObject kNone;
  const JsonObject* selector = get_object(spec, "nodeSelector");
  if (!has_entries(selector != nullptr ? *selector : kNone, get_object(old, "nodeSelector"))) {
    constexpr std::string_view kOnly = "only additions to spec.nodeSelector are allowed (no mutations or deletions)";
    if (selector != nullptr) {
      errors.invalid(at, "nodeSelector", *selector, kOnly);
    } else {
      errors.invalid(at, "nodeSelector", nullptr, kOnly);
    }
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

// A container that ended may not start again where its pod's policy says so, unless it has one of its own.
void check_restarts(const JsonObject& spec, const JsonObject& status, const JsonObject& before, const At& at,
                    Errors& errors) {
  std::string_view policy = get_text(spec, "restartPolicy");
  if (policy != "Never" && policy != "OnFailure") return;
  std::map<std::string_view, const JsonObject*> was;
  each(before, "containerStatuses", [&](const JsonObject& entry) { was[get_text(entry, "name")] = &entry; });
  std::map<std::string_view, bool> own_policy;
  each(spec, "containers", [&](const JsonObject& container) {
    own_policy[get_text(container, "name")] =
        get(container, "restartPolicy") != nullptr || get(container, "restartPolicyRules") != nullptr;
  });
  size_t i = 0;
  each(status, "containerStatuses", [&](const JsonObject& now) {
    At here = at.child("containerStatuses", i++);
    const auto found = was.find(get_text(now, "name"));
    const auto own = own_policy.find(get_text(now, "name"));
    if (found == was.end() || (own != own_policy.end() && own->second)) return;
    if (!has_ended(*found->second, policy == "Never") || has_ended(now, true)) return;
    errors.forbidden(here, "state", "may not be transitioned to non-terminated state");
  });
}

std::vector<std::string_view> addresses(const JsonObject& status, std::string_view list) {
  std::vector<std::string_view> out;
  each(status, list, [&](const JsonObject& entry) { out.push_back(get_text(entry, "ip")); });
  return out;
}

// podIP is the one that counts, where the list has another first.
std::vector<std::string_view> pod_addresses(const JsonObject& status) {
  auto out = addresses(status, "podIPs");
  const std::string_view first = get_text(status, "podIP");
  if (!first.empty() && (out.empty() || out.front() != first)) out = {first};
  return out;
}

// What was there before may stay as it is.
void check_addresses(const std::vector<std::string_view>& now, const std::vector<std::string_view>& before,
                     const At& at, std::string_view list, Errors& errors) {
  const Kept kept(before.begin(), before.end());
  for (size_t i = 0; i < now.size(); ++i) check_old_ip(now[i], kept, at.child(list, i), "", errors);
  const auto v6 = std::count_if(now.begin(), now.end(), [](std::string_view ip) { return ip.find(':') != ip.npos; });
  if (now.size() <= 1 || (now.size() == 2 && v6 == 1)) return;
  JsonArray value;
  for (size_t i = 0; i < std::min(now.size(), kShownAddresses); ++i) value.push_back(JsonObject{{"ip", now[i]}});
  errors.invalid(at, list, value, "may specify no more than one IP for each IP family");
}

void check_all_addresses(const JsonObject& status, const JsonObject& before, const At& at, Errors& errors) {
  check_addresses(pod_addresses(status), pod_addresses(before), at, "podIPs", errors);
  const auto host = addresses(status, "hostIPs");
  if (!host.empty() && get_text(status, "hostIP") != host.front()) {
    errors.invalid(at.child("hostIPs", 0), "ip", Json(host.front()), "must be equal to `hostIP`");
  }
  check_addresses(host, addresses(before, "hostIPs"), at, "hostIPs", errors);
}

}  // namespace

void check_pod_update(const JsonObject& spec, const JsonObject& old, const At& at, Errors& errors) {
  for (std::string_view list : {"containers", "initContainers"}) {
    if (count_at(spec, list) != count_at(old, list)) {
      return errors.forbidden(at, list, "pod updates may not add or remove containers");
    }
  }
  check_deadline(spec, old, at, errors);
  if (!only_added(spec, old)) {
    errors.forbidden(at, "tolerations", "existing toleration can not be modified except its tolerationSeconds");
  }
  JsonObject next(spec, boost::json::storage_ptr());  // not in the document's arena, which gives nothing back
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
  static const JsonObject kNone;
  check_all_addresses(*status, before != nullptr ? *before : kNone, at, errors);
  const JsonObject* spec = get_object(pod, "spec");
  if (before != nullptr && spec != nullptr) check_restarts(*spec, *status, *before, at, errors);
}

}  // namespace gantry::kinds
