#include "tracking.hpp"

#include <algorithm>

#include "gantry/json_text.hpp"
#include "gantry/ownership.hpp"
#include "gantry/pod_control.hpp"
#include "gantry/refusals.hpp"

namespace gantry::job {
namespace {

constexpr size_t kAtOnce = 500;

sdk::ApiRequest untrack(const metav1::ObjectMeta& pod) {
  using sdk::ApiRequest;
  auto request = sdk::Host::request_for<corev1::Pod>(ApiRequest::PATCH, pod.namespace_(), pod.name());
  request.set_patch_type(ApiRequest::STRATEGIC_MERGE_PATCH);
  request.set_body("{\"metadata\":{\"uid\":" + sdk::json_string(pod.uid()) +
                   ",\"$deleteFromPrimitiveList/finalizers\":[" + sdk::json_string(kTracking) + "]}}");
  return request;
}

std::vector<Status> send(const sdk::Host& host, const std::vector<sdk::ApiRequest>& requests) {
  std::vector<Status> results;
  for (const auto& answer : host.call_all(requests)) results.push_back(sdk::unless_gone(answer));
  return results;
}

int32_t take_tracked(void* context, gantry_slice bytes) {
  if (to_view(bytes).find(kTracking) == std::string_view::npos) return 0;
  auto meta = sdk::metadata_of(to_view(bytes));
  if (meta && sdk::has_finalizer(*meta, kTracking)) {
    static_cast<std::vector<metav1::ObjectMeta>*>(context)->push_back(std::move(*meta));
  }
  return 0;
}

}  // namespace

std::vector<Status> stop_tracking(const sdk::Host& host, const std::vector<const JobPod*>& pods) {
  std::vector<Status> results(pods.size());
  std::vector<sdk::ApiRequest> requests;
  std::vector<size_t> places;
  for (size_t i = 0; i < pods.size(); ++i) {
    if (!pods[i]->tracked) continue;
    requests.push_back(untrack(pods[i]->pod.metadata()));
    places.push_back(i);
  }
  auto sent = send(host, requests);
  for (size_t i = 0; i < places.size(); ++i) results[places[i]] = std::move(sent[i]);
  return results;
}

Status stop_tracking_all(const sdk::Host& host, std::string_view ns, std::string_view owner_uid) {
  const auto* table = host.get<gantry_cache>(GANTRY_CACHE_ID);
  if (table == nullptr || table->size < sizeof(gantry_cache)) return {};
  constexpr auto name = ResourceOf<corev1::Pod>::name;
  const gantry_resource pods{to_slice(name.group), to_slice(name.version), to_slice(name.resource)};
  std::vector<metav1::ObjectMeta> found;
  Buffer failure;
  const auto code = table->by_index(host.raw(), &pods, to_slice("metadata.controller"), to_slice(owner_uid),
                                    to_slice(ns), to_slice(""), &take_tracked, &found, failure.out());
  if (code != 0) return status_of(code, failure.view());
  Status first;
  for (size_t begin = 0; begin < found.size(); begin += kAtOnce) {
    std::vector<sdk::ApiRequest> requests;
    for (size_t i = begin; i < std::min(begin + kAtOnce, found.size()); ++i) requests.push_back(untrack(found[i]));
    auto failed = sdk::first_failure(send(host, requests));
    if (first.ok()) first = std::move(failed);
  }
  return first;
}

Status stop_tracking_orphan(const sdk::Host& host, std::string_view ns, std::string_view name) {
  const auto pod = host.cached<corev1::Pod>(ns, name);
  if (!pod || !sdk::has_finalizer(pod->metadata(), kTracking)) return {};
  if (sdk::controller_of(pod->metadata()) != nullptr) return {};
  return sdk::first_failure(send(host, {untrack(pod->metadata())}));
}

}  // namespace gantry::job
