#include "core/scheduler/messages.hpp"

#include <algorithm>
#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>
#include <vector>

#include "core/schema/values/values.hpp"
#include "k8s.io/api/core/v1/binding.pb.h"

namespace gantry::scheduler {

std::string fit_error(size_t nodes, const std::map<std::string, size_t, std::less<>>& reasons) {
  std::vector<std::string> parts;
  for (const auto& [reason, count] : reasons) parts.push_back(std::to_string(count) + " " + reason);
  std::sort(parts.begin(), parts.end());
  std::string text = "0/" + std::to_string(nodes) + " nodes are available";
  for (size_t i = 0; i < parts.size(); ++i) text += (i == 0 ? ": " : ", ") + parts[i];
  return text + ".";
}

std::string binding_body(const WaitingPod& pod, const std::string& node) {
  corev1::Binding binding;
  binding.mutable_metadata()->set_namespace_(pod.ns);
  binding.mutable_metadata()->set_name(pod.name);
  binding.mutable_metadata()->set_uid(pod.uid);
  binding.mutable_target()->set_kind("Node");
  binding.mutable_target()->set_name(node);
  return binding.SerializeAsString();
}

std::string reference_body(const PodInfo& pod) {
  corev1::ObjectReference reference;
  reference.set_kind("Pod");
  reference.set_api_version("v1");
  reference.set_namespace_(pod.ns);
  reference.set_name(pod.name);
  reference.set_uid(pod.uid);
  return reference.SerializeAsString();
}

std::string reference_body(const WaitingPod& pod) {
  corev1::ObjectReference reference;
  reference.ParseFromString(reference_body(static_cast<const PodInfo&>(pod)));
  reference.set_resource_version(pod.resource_version);
  return reference.SerializeAsString();
}

namespace {

boost::json::object patch_of(const PodInfo& pod, boost::json::object status) {
  return {{"metadata", boost::json::object{{"uid", pod.uid}}}, {"status", std::move(status)}};
}

boost::json::array condition_of(std::string_view type, std::string_view status, std::string_view reason,
                                std::string_view message, int64_t now_unix_ns) {
  boost::json::object condition{{"type", type},
                                {"status", status},
                                {"reason", reason},
                                {"message", message},
                                {"lastTransitionTime", schema::format_time(now_unix_ns)}};
  boost::json::array out;
  out.push_back(std::move(condition));
  return out;
}

boost::json::value node_or_null(const std::string& node) {
  return node.empty() ? boost::json::value() : boost::json::value(node);
}

}  // namespace

std::string unschedulable_patch(const WaitingPod& pod, const std::string& message, int64_t now_unix_ns,
                                const std::optional<std::string>& nominated) {
  boost::json::object status{
      {"conditions", condition_of("PodScheduled", "False", "Unschedulable", message, now_unix_ns)}};
  if (nominated) status["nominatedNodeName"] = node_or_null(*nominated);
  return boost::json::serialize(patch_of(pod, std::move(status)));
}

std::string preempted_patch(const PodInfo& victim, const std::string& scheduler, int64_t now_unix_ns) {
  return boost::json::serialize(patch_of(
      victim,
      {{"conditions", condition_of("DisruptionTarget", "True", "PreemptionByScheduler",
                                   scheduler + ": preempting to accommodate a higher priority pod", now_unix_ns)}}));
}

std::string not_nominated_patch(const PodInfo& pod) {
  return boost::json::serialize(patch_of(pod, {{"nominatedNodeName", boost::json::value()}}));
}

}  // namespace gantry::scheduler
