#include "pod_writes.hpp"

#include <ctime>
#include <string>

#include "gantry/json_text.hpp"
#include "gantry/pods.hpp"

namespace gantry::nodelifecycle {
namespace {

struct Condition {
  const char *type, *status, *reason, *message;
};

std::string time_text(int64_t unix_ns) {
  const std::time_t seconds = unix_ns / kNanosPerSecond;
  std::tm parts{};
  ::gmtime_r(&seconds, &parts);
  char text[32];
  return {text, std::strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%SZ", &parts)};
}

// Of the pod that was looked at and no later one of its name.
sdk::ApiRequest condition_patch(const corev1::Pod& pod, const Condition& condition, int64_t now_ns) {
  const auto& meta = pod.metadata();
  std::string fields = "{";
  sdk::add_json_member(fields, "type", condition.type);
  sdk::add_json_member(fields, "status", condition.status);
  sdk::add_json_member(fields, "lastTransitionTime", time_text(now_ns));
  if (condition.reason != nullptr) sdk::add_json_member(fields, "reason", condition.reason);
  if (condition.message != nullptr) sdk::add_json_member(fields, "message", condition.message);
  auto request = sdk::Host::request_for<corev1::Pod>(sdk::ApiRequest::PATCH, meta.namespace_(), meta.name());
  request.set_patch_type(sdk::ApiRequest::STRATEGIC_MERGE_PATCH);
  request.set_subresource("status");
  request.set_body("{\"metadata\":{\"uid\":" + sdk::json_string(meta.uid()) + "},\"status\":{\"conditions\":[" +
                   fields + "}]}}");
  return request;
}

sdk::ApiRequest deletion(const corev1::Pod& pod) {
  const auto& meta = pod.metadata();
  metav1::DeleteOptions options;
  options.mutable_preconditions()->set_uid(meta.uid());
  auto request = sdk::Host::request_for<corev1::Pod>(sdk::ApiRequest::DELETE, meta.namespace_(), meta.name());
  request.set_body(options.SerializeAsString());
  return request;
}

// Of a pod that is gone, or whose name another one has now.
bool is_over(const Status& refusal) { return refusal.code() == 404 || refusal.code() == 409; }

}  // namespace

Status mark_not_ready(const sdk::Host& host, const PodRefs& pods) {
  std::vector<sdk::ApiRequest> requests;
  for (const auto* pod : pods) {
    if (!sdk::is_ready(*pod)) continue;
    host.event(*pod, "v1", "Pod", "Warning", "NodeNotReady", "Node is not ready");
    requests.push_back(condition_patch(*pod, {"Ready", "False", nullptr, nullptr}, host.now_unix_ns()));
  }
  if (requests.empty()) return {};
  for (const auto& answer : host.call_all(requests)) {
    if (!answer && !is_over(answer.error())) return answer.error();
  }
  return {};
}

Status evict(const sdk::Host& host, const PodRefs& pods) {
  if (pods.empty()) return {};
  std::vector<sdk::ApiRequest> conditions, deletions;
  for (const auto* pod : pods) {
    const auto& meta = pod->metadata();
    host.event(*pod, "v1", "Pod", "Normal", "TaintManagerEviction",
               "Marking for deletion Pod " + meta.namespace_() + "/" + meta.name());
    conditions.push_back(condition_patch(
        *pod, {"DisruptionTarget", "True", "DeletionByTaintManager", "Taint manager: deleting due to NoExecute taint"},
        host.now_unix_ns()));
  }
  Status first;
  const auto said = host.call_all(conditions);
  for (size_t i = 0; i < said.size(); ++i) {
    if (said[i]) {
      deletions.push_back(deletion(*pods[i]));
    } else if (!is_over(said[i].error()) && first.ok()) {
      first = said[i].error();
    }
  }
  if (deletions.empty()) return first;
  for (const auto& answer : host.call_all(deletions)) {
    if (!answer && !is_over(answer.error()) && first.ok()) first = answer.error();
  }
  return first;
}

}  // namespace gantry::nodelifecycle
