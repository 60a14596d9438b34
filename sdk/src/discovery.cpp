#include "gantry/discovery.hpp"

#include <algorithm>

#include "gantry/ownership.hpp"
#include "k8s.io/apimachinery/pkg/apis/meta/v1/discovery.pb.h"

namespace gantry::sdk {

bool ServedResource::can(std::string_view verb) const {
  return std::find(verbs.begin(), verbs.end(), verb) != verbs.end();
}

Expected<std::vector<ServedResource>> read_resources(const std::string& list) {
  metav1::APIResourceList parsed;
  const bool readable = parsed.ParseFromString(list);
  const auto at = split_api_version(parsed.group_version());
  if (!readable || at.version.empty() || at.version.find('/') != std::string_view::npos) {
    return Status::internal("unexpected GroupVersion string: " + parsed.group_version());
  }
  std::vector<ServedResource> found;
  for (const auto& resource : parsed.resources()) {
    if (resource.name().find('/') != std::string::npos) continue;
    const auto& verbs = resource.verbs().items();
    found.push_back({std::string(at.group), std::string(at.version), resource.name(), resource.kind(),
                     resource.namespaced(), std::vector<std::string>(verbs.begin(), verbs.end())});
  }
  return found;
}

}  // namespace gantry::sdk
