// The admission steps for new pods. Pure functions, any thread.
#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <string>

#include "core/admission/admission.hpp"

namespace gantry::admission {
namespace {

using boost::json::object;

object* spec_of(schema::Json& pod) {
  auto* document = pod.if_object();
  auto* spec = document == nullptr ? nullptr : document->if_contains("spec");
  return spec == nullptr ? nullptr : spec->if_object();
}

std::string_view text_in(const object& in, std::string_view key) {
  const auto* value = in.if_contains(key);
  if (value == nullptr || !value->is_string()) return {};
  return {value->get_string().data(), value->get_string().size()};
}

// Whether a toleration already speaks about NoExecute taints of this key.
bool covers(const object& toleration, std::string_view key) {
  const auto effect = text_in(toleration, "effect");
  const auto own_key = text_in(toleration, "key");
  return (own_key == key || own_key.empty()) && (effect == "NoExecute" || effect.empty());
}

}  // namespace

void default_service_account(schema::Json& pod) {
  auto* spec = spec_of(pod);
  if (spec == nullptr) return;
  // A copy: adding a key moves the text.
  std::string name(text_in(*spec, "serviceAccountName"));
  if (name.empty()) name = "default";
  (*spec)["serviceAccountName"] = name;
  (*spec)["serviceAccount"] = name;  // the deprecated alias follows
}

Status resolve_priority(schema::Json& pod) {
  auto* spec = spec_of(pod);
  if (spec == nullptr) return {};
  const auto name = text_in(*spec, "priorityClassName");
  int64_t priority = 0;
  if (name == "system-node-critical") {
    priority = 2'000'001'000;
  } else if (name == "system-cluster-critical") {
    priority = 2'000'000'000;
  } else if (!name.empty()) {
    return Status::forbidden("no PriorityClass with name " + std::string(name) + " was found");
  }
  const auto* given = spec->if_contains("priority");
  if (given != nullptr && (!given->is_int64() || given->get_int64() != priority) &&
      !(given->is_uint64() && given->get_uint64() == static_cast<uint64_t>(priority))) {
    return Status::forbidden(
        "the integer value of priority must not be provided in pod spec; priority admission controller computed " +
        std::to_string(priority) + " from the given PriorityClass name");
  }
  (*spec)["priority"] = priority;
  if (!spec->contains("preemptionPolicy")) (*spec)["preemptionPolicy"] = "PreemptLowerPriority";
  return {};
}

void default_tolerations(schema::Json& pod) {
  auto* spec = spec_of(pod);
  if (spec == nullptr) return;
  auto& list = (*spec)["tolerations"];
  if (!list.is_array()) list.emplace_array();
  const size_t given = list.get_array().size();
  for (const std::string_view key : {"node.kubernetes.io/not-ready", "node.kubernetes.io/unreachable"}) {
    bool covered = false;
    for (size_t i = 0; i < given; ++i) {
      const auto* toleration = list.get_array()[i].if_object();
      covered = covered || (toleration != nullptr && covers(*toleration, key));
    }
    if (covered) continue;
    list.get_array().push_back(
        object{{"key", key}, {"operator", "Exists"}, {"effect", "NoExecute"}, {"tolerationSeconds", 300}});
  }
  if (list.get_array().empty()) spec->erase("tolerations");
}

}  // namespace gantry::admission
