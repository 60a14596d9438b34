#include "gantry/pod_control.hpp"

#include <utility>

#include "gantry/ownership.hpp"
#include "gantry/refusals.hpp"

namespace gantry::sdk {
namespace {

std::string name_of(const ApiResponse& made) {
  const auto meta = made.objects_size() > 0 ? metadata_of(made.objects(0)) : std::nullopt;
  return meta ? meta->name() : std::string();
}

ApiRequest creation_of(const corev1::Pod& pod) {
  auto request = Host::request_for<corev1::Pod>(ApiRequest::CREATE, pod.metadata().namespace_(), "");
  request.set_body(pod.SerializeAsString());
  return request;
}

}  // namespace

std::vector<Status> PodControl::create(const std::vector<corev1::Pod>& pods) const {
  std::vector<ApiRequest> requests;
  for (const auto& pod : pods) requests.push_back(creation_of(pod));
  return create(requests);
}

std::vector<Status> PodControl::create(const corev1::Pod& pod, size_t count) const {
  return create(std::vector<ApiRequest>(count, creation_of(pod)));
}

std::vector<Status> PodControl::create(const std::vector<ApiRequest>& requests) const {
  std::vector<Status> results;
  for (const auto& answer : host_.call_all(requests)) {
    Status& result = results.emplace_back();
    if (answer) {
      event("Normal", "SuccessfulCreate", "Created pod: " + name_of(*answer));
    } else if (!is_namespace_ending(answer.error())) {
      event("Warning", "FailedCreate", "Error creating: " + answer.error().message());
      result = answer.error();
    }
  }
  return results;
}

std::vector<Status> PodControl::remove(const std::vector<corev1::Pod>& pods) const {
  std::vector<ApiRequest> requests;
  for (const auto& pod : pods) {
    requests.push_back(
        Host::request_for<corev1::Pod>(ApiRequest::DELETE, pod.metadata().namespace_(), pod.metadata().name()));
    requests.back().set_body(metav1::DeleteOptions().SerializeAsString());
  }
  std::vector<Status> results;
  for (const auto& answer : host_.call_all(requests)) {
    const std::string& name = requests[results.size()].name();
    Status& result = results.emplace_back();
    if (answer) {
      event("Normal", "SuccessfulDelete", "Deleted pod: " + name);
    } else if (answer.error().code() != 404) {
      event("Warning", "FailedDelete", "Error deleting: " + answer.error().message());
      result = answer.error();
    }
  }
  return results;
}

void PodControl::event(std::string_view type, std::string_view reason, const std::string& message) const {
  host_.event(about_, api_version_, kind_, type, reason, message);
}

Status first_failure(std::vector<Status> all) {
  for (auto& status : all) {
    if (!status.ok()) return std::move(status);
  }
  return {};
}

}  // namespace gantry::sdk
