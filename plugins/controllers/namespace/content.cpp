#include "content.hpp"

#include <algorithm>
#include <utility>

#include "gantry/discovery.hpp"
#include "gantry/pods.hpp"
#include "gantry/refusals.hpp"
#include "k8s.io/apimachinery/pkg/apis/meta/v1/list.pb.h"

namespace gantry::namespaces {
namespace {

using sdk::ApiRequest;

// What something held by finalizers is given before the next look; usually it is gone, and noticed, earlier.
constexpr int64_t kFinalizerSeconds = 15;
constexpr int64_t kDefaultGraceSeconds = 30;

struct Resource {
  std::string group, version, name;
  bool collection = false;  // can be deleted in one request
  std::string text() const { return name + "." + group; }
};

std::vector<Resource> discover(const sdk::Host& host, Pass& pass) {
  std::vector<Resource> found;
  ApiRequest request;
  request.set_verb(ApiRequest::DISCOVER);
  const auto answer = host.call(request);
  if (!answer) {
    pass.discovery_errors.push_back(answer.error().message());
    return found;
  }
  for (const auto& bytes : answer->objects()) {
    auto served = sdk::read_resources(bytes);
    if (!served) {
      pass.version_errors.push_back(served.error().message());
      continue;
    }
    for (auto& resource : *served) {
      if (!resource.namespaced || !resource.can("delete")) continue;
      const bool collection = resource.can("deletecollection");
      found.push_back({std::move(resource.group), std::move(resource.version), std::move(resource.name), collection});
    }
  }
  return found;
}

class Cleaner {
 public:
  Cleaner(const sdk::Host& host, const std::string& ns, int64_t deleted_at_ns, Pass& pass)
      : host_(host), ns_(ns), deleted_at_ns_(deleted_at_ns), pass_(pass) {}

  void clean(const Resource& resource) {
    if (auto done = try_clean(resource); !done.ok()) pass_.delete_errors.push_back(done.message());
  }

 private:
  ApiRequest request_of(ApiRequest::Verb verb, const Resource& resource) const {
    ApiRequest request;
    request.set_verb(verb);
    request.set_group(resource.group);
    request.set_version(resource.version);
    request.set_resource(resource.name);
    request.set_namespace_(ns_);
    return request;
  }

  Status try_clean(const Resource& resource) {
    int64_t wait = 0;
    if (resource.group.empty() && resource.name == "pods") {
      auto estimate = pod_wait(resource);
      if (!estimate) return std::move(estimate).error();
      wait = *estimate;
    }
    if (auto done = remove_all(resource); !done.ok()) return done;
    return count(resource, wait);
  }

  // How long the slowest pod may still take.
  Expected<int64_t> pod_wait(const Resource& resource) const {
    const auto answer = host_.call(request_of(ApiRequest::LIST, resource));
    if (!answer) return answer.error();
    int64_t longest = 0;
    for (const auto& bytes : answer->objects()) {
      corev1::Pod pod;
      if (!pod.ParseFromString(bytes)) return Status::internal("a pod could not be decoded");
      if (sdk::is_finished(pod)) continue;
      const auto& spec = pod.spec();
      longest = std::max(longest, spec.has_termination_grace_period_seconds() ? spec.termination_grace_period_seconds()
                                                                              : kDefaultGraceSeconds);
    }
    const int64_t passed = (host_.now_unix_ns() - deleted_at_ns_) / 1'000'000'000;
    return passed >= longest ? 0 : longest;
  }

  Status remove_all(const Resource& resource) const {
    metav1::DeleteOptions options;
    options.set_propagation_policy("Background");
    if (resource.collection) {
      auto request = request_of(ApiRequest::DELETE_COLLECTION, resource);
      request.set_body(options.SerializeAsString());
      const auto answer = host_.call(request);
      return sdk::unless_gone(answer);
    }
    const auto list = names(resource);
    if (!list) return list.error();
    for (const auto& object : *list) {
      auto request = request_of(ApiRequest::DELETE, resource);
      request.set_name(object.metadata().name());
      request.set_body(options.SerializeAsString());
      const auto answer = host_.call(request);
      if (auto done = sdk::unless_gone(answer); !done.ok()) return done;
    }
    return {};
  }

  Expected<std::vector<metav1::PartialObjectMetadata>> names(const Resource& resource) const {
    auto request = request_of(ApiRequest::LIST, resource);
    request.set_metadata_only(true);
    const auto answer = host_.call(request);
    std::vector<metav1::PartialObjectMetadata> found;
    if (!answer && answer.error().code() == 404) return found;
    if (!answer) return answer.error();
    for (const auto& bytes : answer->objects()) {
      if (!found.emplace_back().ParseFromString(bytes)) return Status::internal("an object could not be decoded");
    }
    return found;
  }

  Status count(const Resource& resource, int64_t wait) const {
    const auto left = names(resource);
    if (!left) return left.error();
    if (left->empty()) return {};
    pass_.remaining[resource.text()] = static_cast<int64_t>(left->size());
    bool held = false;
    for (const auto& object : *left) {
      for (const auto& finalizer : object.metadata().finalizers()) {
        ++pass_.finalizers[finalizer];
        held = true;
      }
    }
    if (wait == 0 && held) wait = kFinalizerSeconds;
    pass_.wait_seconds = std::max(pass_.wait_seconds, wait);
    if (wait > 0) return {};
    return Status::internal("unexpected items still remain in namespace: " + ns_ + " for gvr: " + resource.group + "/" +
                            resource.version + ", Resource=" + resource.name);
  }

  const sdk::Host& host_;
  const std::string& ns_;
  const int64_t deleted_at_ns_;
  Pass& pass_;
};

}  // namespace

Pass delete_content(const sdk::Host& host, const std::string& ns, int64_t deleted_at_ns) {
  Pass pass;
  auto resources = discover(host, pass);
  const auto is_pods = [](const Resource& resource) { return resource.group.empty() && resource.name == "pods"; };
  std::stable_partition(resources.begin(), resources.end(), is_pods);
  Cleaner cleaner(host, ns, deleted_at_ns, pass);
  for (const auto& resource : resources) {
    if (!is_pods(resource) && pass.remaining.contains("pods.")) break;
    cleaner.clean(resource);
  }
  return pass;
}

}  // namespace gantry::namespaces
