#include "scales.hpp"

#include "k8s.io/api/apps/v1/deployment.pb.h"
#include "k8s.io/api/apps/v1/replica_set.pb.h"
#include "k8s.io/api/apps/v1/stateful_set.pb.h"
#include "k8s.io/api/autoscaling/v1/scale.pb.h"
#include "k8s.io/api/core/v1/replication_controller.pb.h"
#include "k8s.io/apimachinery/pkg/apis/meta/v1/discovery.pb.h"

namespace gantry::disruption {
namespace {

using Found = std::optional<Scale>;

// The object that a reference means, if the cache has it.
template <typename Owner>
std::optional<Owner> referred(const sdk::Host& host, const std::string& ns, const metav1::OwnerReference& reference) {
  auto owner = host.cached<Owner>(ns, reference.name());
  if (owner && owner->metadata().uid() != reference.uid()) owner.reset();
  return owner;
}

template <typename Owner>
Found scale_in_cache(const sdk::Host& host, const std::string& ns, const metav1::OwnerReference& reference) {
  const auto owner = referred<Owner>(host, ns, reference);
  if (!owner) return std::nullopt;
  return Scale{reference.uid(), owner->spec().replicas()};
}

Found scale_of_set(const sdk::Host& host, const std::string& ns, const metav1::OwnerReference& reference) {
  const auto set = referred<appsv1::ReplicaSet>(host, ns, reference);
  if (!set) return std::nullopt;
  const auto* above = sdk::controller_of(set->metadata());
  if (sdk::is_of_kind(above, "apps", "Deployment")) {
    if (auto scale = scale_in_cache<appsv1::Deployment>(host, ns, *above)) return scale;
  }
  return Scale{reference.uid(), set->spec().replicas()};
}

Found known_scale(const sdk::Host& host, const std::string& ns, const metav1::OwnerReference& reference) {
  if (sdk::is_of_kind(&reference, "apps", "ReplicaSet")) return scale_of_set(host, ns, reference);
  if (sdk::is_of_kind(&reference, "apps", "StatefulSet")) {
    return scale_in_cache<appsv1::StatefulSet>(host, ns, reference);
  }
  if (sdk::is_of_kind(&reference, "", "ReplicationController")) {
    return scale_in_cache<corev1::ReplicationController>(host, ns, reference);
  }
  return std::nullopt;
}

bool has_scale(const metav1::APIResourceList& list, const std::string& resource) {
  for (const auto& one : list.resources()) {
    if (one.name() == resource + "/scale" && one.kind() == "Scale") return true;
  }
  return false;
}

Expected<Found> asked_scale(const sdk::Host& host, ScaleResources& resources, const std::string& ns,
                            const metav1::OwnerReference& reference) {
  const auto at = sdk::split_api_version(reference.api_version());
  const auto resource = resources.find(host, at, reference.kind());
  if (!resource) return resource.error();
  sdk::ApiRequest request;
  request.set_verb(sdk::ApiRequest::GET);
  request.set_group(std::string(at.group));
  request.set_version(resource->version);
  request.set_resource(resource->name);
  request.set_namespace_(ns);
  request.set_name(reference.name());
  request.set_subresource("scale");
  const auto answer = host.call(request);
  if (!answer) {
    if (answer.error().code() != 404) return answer.error();
    resources.forget(at, reference.kind());
    return Found();
  }
  k8s::io::api::autoscaling::v1::Scale scale;
  if (answer->objects_size() != 1 || !scale.ParseFromString(answer->objects(0))) {
    return Status::internal("the server's scale could not be decoded");
  }
  if (scale.metadata().uid() != reference.uid()) return Found();
  return Found(Scale{reference.uid(), scale.spec().replicas()});
}

}  // namespace

Expected<ScaleResources::Resource> ScaleResources::find(const sdk::Host& host, const sdk::GroupVersion& at,
                                                        const std::string& kind) {
  const Key key{std::string(at.group), kind};
  {
    const std::lock_guard lock(mutex_);
    if (const auto it = known_.find(key); it != known_.end()) return it->second;
  }
  const std::string version(at.version);
  const std::string full = key.first.empty() ? version : key.first + "/" + version;
  sdk::ApiRequest request;
  request.set_verb(sdk::ApiRequest::DISCOVER);
  const auto answer = host.call(request);
  if (!answer) return answer.error();
  for (const auto& bytes : answer->objects()) {
    metav1::APIResourceList list;
    if (!list.ParseFromString(bytes) || list.group_version() != full) continue;
    for (const auto& one : list.resources()) {
      if (one.kind() != kind || one.name().find('/') != std::string::npos) continue;
      if (!has_scale(list, one.name())) {
        const std::string of = key.first.empty() ? one.name() : one.name() + "." + key.first;
        return Status::not_found(of + " does not implement the scale subresource");
      }
      const std::lock_guard lock(mutex_);
      return known_[key] = Resource{version, one.name()};
    }
  }
  return Status::not_found("no matches for kind \"" + kind + "\" in version \"" + full + "\"");
}

void ScaleResources::forget(const sdk::GroupVersion& at, const std::string& kind) {
  const std::lock_guard lock(mutex_);
  known_.erase({std::string(at.group), kind});
}

Expected<std::optional<Scale>> find_scale(const sdk::Host& host, ScaleResources& resources, const std::string& ns,
                                          const metav1::OwnerReference& controller) {
  if (auto scale = known_scale(host, ns, controller)) return scale;
  return asked_scale(host, resources, ns, controller);
}

}  // namespace gantry::disruption
