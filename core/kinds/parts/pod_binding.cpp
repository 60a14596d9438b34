#include "core/kinds/parts/pod_binding.hpp"

#include <string>

#include "core/schema/values/values.hpp"

namespace gantry::kinds {
namespace {

void check(const JsonObject& binding, Errors& errors) {
  const JsonObject& target = object_at(binding, "target");
  const At root;
  const At at = root.child("target");
  static const std::string kSupported[] = {"Node", "<empty>"};
  const auto kind = get_text(target, "kind");
  if (!kind.empty() && kind != "Node") errors.not_supported(at, "kind", kind, kSupported);
  if (get_text(target, "name").empty()) errors.required(at, "name");
}

Status refused(std::string_view pod, const std::string& why) {
  StatusDetails details;
  details.name = pod;
  details.kind = "pods/binding";
  return Status::conflict("Operation cannot be fulfilled on pods/binding \"" + details.name + "\": " + why)
      .with_details(std::move(details));
}

Status precondition_failed(std::string_view pod, std::string_view what, std::string_view wanted,
                           std::string_view have) {
  StatusDetails details;
  details.name = pod;
  details.kind = "pods";
  std::string message = "Operation cannot be fulfilled on pods \"" + details.name + "\": Precondition failed: ";
  message.append(what).append(" in precondition: ").append(wanted).append(", ");
  message.append(what).append(" in object meta: ").append(have);
  return Status::conflict(std::move(message)).with_details(std::move(details));
}

Status check_pod(const JsonObject& pod, const JsonObject& binding, const schema::SubresourceWrite::Moment& moment) {
  const JsonObject& wanted = object_at(binding, "metadata");
  const JsonObject& metadata = object_at(pod, "metadata");
  const JsonObject& spec = object_at(pod, "spec");
  const std::string name(moment.name);
  if (const auto uid = get_text(wanted, "uid"); !uid.empty() && uid != get_text(metadata, "uid")) {
    return precondition_failed(name, "UID", uid, get_text(metadata, "uid"));
  }
  if (const auto version = get_text(wanted, "resourceVersion"); !version.empty() && version != moment.version) {
    return precondition_failed(name, "ResourceVersion", version, moment.version);
  }
  if (!get_text(metadata, "deletionTimestamp").empty()) {
    return refused(name, "pod " + name + " is being deleted, cannot be assigned to a host");
  }
  if (const auto node = get_text(spec, "nodeName"); !node.empty()) {
    return refused(name, "pod " + name + " is already assigned to node \"" + std::string(node) + "\"");
  }
  if (has_items(spec, "schedulingGates")) return refused(name, "pod " + name + " has non-empty .spec.schedulingGates");
  return {};
}

void set_scheduled(JsonObject& pod, int64_t now) {
  JsonObject fresh{{"type", "PodScheduled"}, {"status", "True"}, {"lastTransitionTime", schema::format_time(now)}};
  if (const auto generation = get_number(object_at(pod, "metadata"), "generation"); generation != 0) {
    fresh["observedGeneration"] = generation;
  }
  Json& conditions = ensure_object(pod, "status")["conditions"];
  if (!conditions.is_array()) conditions.emplace_array();
  for (auto& item : conditions.get_array()) {
    const JsonObject* condition = item.if_object();
    if (condition == nullptr || get_text(*condition, "type") != "PodScheduled") continue;
    const Json* since = get(*condition, "lastTransitionTime");
    if (since != nullptr && get_text(*condition, "status") == "True") fresh["lastTransitionTime"] = *since;
    item = std::move(fresh);
    return;
  }
  conditions.get_array().push_back(std::move(fresh));
}

Status apply(JsonObject& pod, const JsonObject& binding, const schema::SubresourceWrite::Moment& moment) {
  if (auto status = check_pod(pod, binding, moment); !status.ok()) return status;
  ensure_object(pod, "spec")["nodeName"] = get_text(object_at(binding, "target"), "name");
  if (const JsonObject* annotations = get_object(object_at(binding, "metadata"), "annotations")) {
    auto& have = ensure_object(ensure_object(pod, "metadata"), "annotations");
    for (const auto& [key, value] : *annotations) have[key] = value;
  }
  set_scheduled(pod, moment.now_ns);
  ensure_object(pod, "status").erase("nominatedNodeName");  // it has served
  return {};
}

}  // namespace

constinit const schema::SubresourceWrite kPodBinding{.name = "binding",
                                                     .message = "k8s.io.api.core.v1.Binding",
                                                     .api_version = "v1",
                                                     .kind = "Binding",
                                                     .check = check,
                                                     .apply = apply};

}  // namespace gantry::kinds
