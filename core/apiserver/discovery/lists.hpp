// The lists of groups, versions and resources as documents, plain and aggregated. Pure functions, any thread; used by
// Discovery.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/apiserver/request/documents.hpp"
#include "core/apiserver/server.hpp"

namespace gantry::apiserver {

constexpr std::string_view kMetaV1 = "k8s.io.apimachinery.pkg.apis.meta.v1.";

struct GroupResources {
  std::string name;  // empty: the core group
  // The preferred version first; kinds sorted by plural.
  std::vector<std::pair<std::string, std::vector<const schema::Kind*>>> versions;
};

// In discovery order.
std::vector<GroupResources> group_resources(const schema::Schema& schema);

Json legacy_versions(std::string_view host);  // of /api; host: by which the client reached the server
Json group_list(const std::vector<GroupResources>& groups);
Json group_document(const GroupResources& group, bool with_type);
Json resource_list(std::string_view group, std::string_view version, const std::vector<const schema::Kind*>& kinds);
// APIGroupDiscoveryList of the core group (legacy) or of all others.
Json aggregated_list(const std::vector<GroupResources>& groups, bool legacy, std::string_view api_version);
std::string version_json(const Options& options);
std::string list_json(const Json& document);

// The version of apidiscovery.k8s.io ("v2", "v2beta1") that an Accept header prefers; empty: plain discovery.
std::string_view aggregated_version(std::string_view accept);

}  // namespace gantry::apiserver
