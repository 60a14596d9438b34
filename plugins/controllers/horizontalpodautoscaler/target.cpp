#include "target.hpp"

#include <algorithm>

#include "gantry/times.hpp"

namespace gantry::autoscaler {
namespace {

// However many autoscalers name a kind that is not there.
constexpr int64_t kAskAgainNs = 10 * kNanosPerSecond;

struct GroupVersion {
  std::string group, version;
};
Expected<GroupVersion> split(const std::string& api_version) {
  const auto slash = api_version.find('/');
  if (slash == std::string::npos) return GroupVersion{"", api_version};
  if (api_version.find('/', slash + 1) != std::string::npos) {
    return Status::invalid("unexpected GroupVersion string: " + api_version);
  }
  return GroupVersion{api_version.substr(0, slash), api_version.substr(slash + 1)};
}

}  // namespace

Status Targets::discover() {
  sdk::ApiRequest request;
  request.set_verb(sdk::ApiRequest::DISCOVER);
  const auto answer = host_.call(request);
  if (!answer) return answer.error();
  known_.clear();
  for (const auto& list : answer->objects()) {
    auto resources = sdk::read_resources(list);
    if (!resources) return std::move(resources).error();
    for (auto& resource : *resources) {
      if (resource.name.find('/') == std::string::npos) known_.emplace(Kind{resource.group, resource.kind}, resource);
    }
  }
  return {};
}

Expected<sdk::ServedResource> Targets::resource_of(const Reference& reference) {
  const auto wanted = split(reference.api_version());
  if (!wanted) return wanted.error();
  const std::lock_guard lock(mutex_);
  auto found = known_.find({wanted->group, reference.kind()});
  const int64_t now = host_.monotonic_ns();
  if (found == known_.end() && (known_.empty() || now - asked_ns_ >= kAskAgainNs)) {
    asked_ns_ = now;
    if (auto status = discover(); !status.ok()) return status;
    found = known_.find({wanted->group, reference.kind()});
  }
  if (found != known_.end()) return found->second;
  return Status::not_found("no matches for kind \"" + reference.kind() + "\" in group \"" + wanted->group + "\"");
}

Expected<Targets::Target> Targets::get(const std::string& ns, const Reference& reference) {
  auto resource = resource_of(reference);
  if (!resource) return std::move(resource).error();
  sdk::ApiRequest request;
  request.set_verb(sdk::ApiRequest::GET);
  request.set_group(resource->group);
  request.set_version(resource->version);
  request.set_resource(resource->name);
  request.set_namespace_(resource->namespaced ? ns : "");
  request.set_name(reference.name());
  request.set_subresource("scale");
  const auto answer = host_.call(request);
  if (!answer && answer.error().code() == 404 && answer.error().message().starts_with('{')) {
    // A path that no resource has is answered with a page, not with a status of its own.
    return Status::not_found("the server could not find the requested resource");
  }
  if (!answer) return answer.error();
  Target target{std::move(*resource), {}};
  if (answer->objects_size() != 1 || !target.scale.ParseFromString(answer->objects(0))) {
    return Status::internal("the scale could not be decoded");
  }
  return target;
}

Status Targets::set(const std::string& ns, const Target& target) const {
  sdk::ApiRequest request;
  request.set_verb(sdk::ApiRequest::UPDATE);
  request.set_group(target.resource.group);
  request.set_version(target.resource.version);
  request.set_resource(target.resource.name);
  request.set_namespace_(target.resource.namespaced ? ns : "");
  request.set_name(target.scale.metadata().name());
  request.set_subresource("scale");
  request.set_body(target.scale.SerializeAsString());
  const auto answer = host_.call(request);
  return answer ? Status() : answer.error();
}

}  // namespace gantry::autoscaler
