#include "conditions.hpp"

#include <algorithm>

#include "gantry/times.hpp"

namespace gantry::namespaces {
namespace {

struct Condition {
  const char* type;
  bool raised;
  std::string reason, message;
};

std::string listed(const std::vector<std::string>& items, const char* separator) {
  std::string out;
  for (const auto& item : items) out += (out.empty() ? "" : separator) + item;
  return out;
}

std::string counted(const std::map<std::string, int64_t>& counts, const char* what) {
  std::vector<std::string> parts;
  for (const auto& [name, count] : counts) parts.push_back(name + what + std::to_string(count) + " resource instances");
  return listed(parts, ", ");
}

Condition discovery(const Pass& pass) {
  if (!pass.discovery_errors.empty()) {
    return {"NamespaceDeletionDiscoveryFailure", true, "DiscoveryFailed",
            "Discovery failed for some groups, " + std::to_string(pass.discovery_errors.size()) +
                " failing: " + listed(pass.discovery_errors, ", ")};
  }
  return {"NamespaceDeletionDiscoveryFailure", false, "ResourcesDiscovered", "All resources successfully discovered"};
}

Condition versions(const Pass& pass) {
  if (!pass.version_errors.empty()) {
    return {"NamespaceDeletionGroupVersionParsingFailure", true, "GroupVersionParsingFailed",
            listed(pass.version_errors, ", ")};
  }
  return {"NamespaceDeletionGroupVersionParsingFailure", false, "ParsedGroupVersions",
          "All legacy kube types successfully parsed"};
}

Condition content(const Pass& pass) {
  if (!pass.delete_errors.empty()) {
    return {"NamespaceDeletionContentFailure", true, "ContentDeletionFailed",
            "Failed to delete all resource types, " + std::to_string(pass.delete_errors.size()) +
                " remaining: " + listed(pass.delete_errors, ", ")};
  }
  return {"NamespaceDeletionContentFailure", false, "ContentDeleted",
          "All content successfully deleted, may be waiting on finalization"};
}

Condition remaining(const Pass& pass) {
  if (!pass.remaining.empty()) {
    return {"NamespaceContentRemaining", true, "SomeResourcesRemain",
            "Some resources are remaining: " + counted(pass.remaining, " has ")};
  }
  return {"NamespaceContentRemaining", false, "ContentRemoved", "All content successfully removed"};
}

Condition finalizers(const Pass& pass) {
  if (!pass.finalizers.empty()) {
    return {"NamespaceFinalizersRemaining", true, "SomeFinalizersRemain",
            "Some content in the namespace has finalizers remaining: " + counted(pass.finalizers, " in ")};
  }
  return {"NamespaceFinalizersRemaining", false, "ContentHasNoFinalizers",
          "All content-preserving finalizers finished"};
}

bool set_condition(corev1::NamespaceStatus& status, const Condition& wanted, int64_t now_unix_ns) {
  auto& all = *status.mutable_conditions();
  auto it = std::find_if(all.begin(), all.end(), [&](const auto& have) { return have.type() == wanted.type; });
  auto* condition = it == all.end() ? all.Add() : &*it;
  const char* const value = wanted.raised ? "True" : "False";
  if (condition->status() == value && condition->reason() == wanted.reason && condition->message() == wanted.message) {
    return false;
  }
  condition->set_type(wanted.type);
  condition->set_status(value);
  condition->set_reason(wanted.reason);
  condition->set_message(wanted.message);
  *condition->mutable_last_transition_time() = to_time(now_unix_ns);
  return true;
}

}  // namespace

bool set_conditions(corev1::NamespaceStatus& status, const Pass& pass, int64_t now_unix_ns) {
  bool changed = false;
  for (const auto& condition : {discovery(pass), versions(pass), content(pass), remaining(pass), finalizers(pass)}) {
    changed |= set_condition(status, condition, now_unix_ns);
  }
  return changed;
}

}  // namespace gantry::namespaces
