// The lists of groups, versions and resources as documents. Pure functions, any thread.
#include "core/apiserver/discovery/lists.hpp"

#include <openssl/sha.h>
#include <sys/utsname.h>

#include <algorithm>
#include <boost/json/serialize.hpp>

#include "core/schema/values/text.hpp"

namespace gantry::apiserver {
namespace {

std::string api_version_of(std::string_view group, std::string_view version) {
  return group.empty() ? std::string(version) : std::string(group) + "/" + std::string(version);
}

JsonArray strings(const std::vector<std::string>& values) {
  JsonArray out;
  for (const auto& value : values) out.emplace_back(value);
  return out;
}

JsonArray sorted_strings(std::vector<std::string> values) {
  std::sort(values.begin(), values.end());
  return strings(values);
}

// Upstream's: clients only compare it.
std::string storage_version_hash(const schema::Kind& kind) {
  const std::string name = kind.group + "/" + kind.version + "/" + kind.kind;
  unsigned char digest[SHA256_DIGEST_LENGTH];
  SHA256(reinterpret_cast<const unsigned char*>(name.data()), name.size(), digest);
  return schema::base64_encode({reinterpret_cast<const char*>(digest), 8});
}

// Kinds that are only sent, never stored (Binding), have no storage version.
bool is_stored(const schema::Kind& kind) { return kind.has_verb("get"); }

JsonObject plain_resource(const schema::Kind& kind) {
  JsonObject out{{"name", kind.plural},
                 {"singularName", kind.singular},
                 {"namespaced", kind.namespaced},
                 {"kind", kind.kind},
                 {"verbs", sorted_strings(kind.verbs)}};
  if (!kind.short_names.empty()) out["shortNames"] = strings(kind.short_names);
  if (!kind.categories.empty()) out["categories"] = strings(kind.categories);
  if (is_stored(kind)) out["storageVersionHash"] = storage_version_hash(*kind.storage);
  return out;
}

JsonObject plain_subresource(const schema::Kind& kind, const schema::Subresource& sub) {
  JsonObject out{{"name", kind.plural + "/" + sub.name}, {"singularName", ""}, {"namespaced", kind.namespaced}};
  if (!sub.group.empty()) out["group"] = sub.group;
  if (!sub.version.empty()) out["version"] = sub.version;
  out["kind"] = sub.kind.empty() ? kind.kind : sub.kind;
  out["verbs"] = sorted_strings(sub.verbs);
  return out;
}

std::vector<schema::Subresource> sorted_subresources(const schema::Kind& kind) {
  auto out = kind.subresources;
  std::sort(out.begin(), out.end(), [](const auto& a, const auto& b) { return a.name < b.name; });
  return out;
}

JsonObject group_version(std::string_view group, std::string_view version) {
  return {{"groupVersion", api_version_of(group, version)}, {"version", version}};
}

JsonObject response_kind(std::string_view group, std::string_view version, std::string_view kind) {
  return {{"group", group}, {"version", version}, {"kind", kind}};
}

JsonObject aggregated_subresource(const schema::Kind& kind, const schema::Subresource& sub) {
  const bool own = sub.version.empty();
  const std::string& name = sub.kind.empty() ? kind.kind : sub.kind;
  return {{"subresource", sub.name},
          {"responseKind",
           own ? response_kind(kind.group, kind.version, name) : response_kind(sub.group, sub.version, name)},
          {"verbs", sorted_strings(sub.verbs)}};
}

JsonObject aggregated_resource(const schema::Kind& kind) {
  JsonObject out{{"resource", kind.plural},
                 {"responseKind", response_kind(kind.group, kind.version, kind.kind)},
                 {"scope", kind.namespaced ? "Namespaced" : "Cluster"},
                 {"singularResource", kind.singular},
                 {"verbs", sorted_strings(kind.verbs)}};
  if (!kind.short_names.empty()) out["shortNames"] = strings(kind.short_names);
  if (!kind.categories.empty()) out["categories"] = strings(kind.categories);
  JsonArray subresources;
  for (const auto& sub : sorted_subresources(kind)) subresources.push_back(aggregated_subresource(kind, sub));
  if (!subresources.empty()) out["subresources"] = std::move(subresources);
  return out;
}

JsonObject aggregated_group(const GroupResources& group) {
  JsonArray versions;
  for (const auto& [version, kinds] : group.versions) {
    JsonArray resources;
    for (const auto* kind : kinds) resources.push_back(aggregated_resource(*kind));
    versions.push_back(JsonObject{{"version", version}, {"resources", std::move(resources)}, {"freshness", "Current"}});
  }
  JsonObject metadata;
  if (!group.name.empty()) metadata["name"] = group.name;
  return {{"metadata", std::move(metadata)}, {"versions", std::move(versions)}};
}

std::string platform() {
  utsname name{};
  std::string machine = ::uname(&name) == 0 ? name.machine : "unknown";
  if (machine == "x86_64") machine = "amd64";
  if (machine == "aarch64") machine = "arm64";
  return "linux/" + machine;
}

std::string_view trimmed(std::string_view text) {
  const auto begin = text.find_first_not_of(" \t");
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(" \t") - begin + 1);
}

std::string_view cut(std::string_view& rest, char separator) {
  const auto end = rest.find(separator);
  const auto part = rest.substr(0, end);
  rest.remove_prefix(end == std::string_view::npos ? rest.size() : end + 1);
  return trimmed(part);
}

}  // namespace

std::vector<GroupResources> group_resources(const schema::Schema& schema) {
  std::vector<GroupResources> groups;
  for (const auto* kind : schema.kinds()) {
    auto group = std::find_if(groups.begin(), groups.end(), [&](const auto& g) { return g.name == kind->group; });
    if (group == groups.end()) group = groups.insert(groups.end(), {kind->group, {}});
    auto version = std::find_if(group->versions.begin(), group->versions.end(),
                                [&](const auto& v) { return v.first == kind->version; });
    if (version == group->versions.end()) version = group->versions.insert(version, {kind->version, {}});
    version->second.push_back(kind);
  }
  for (auto& group : groups) {
    for (auto& [version, kinds] : group.versions) {
      std::sort(kinds.begin(), kinds.end(), [](const auto* a, const auto* b) { return a->plural < b->plural; });
    }
  }
  return groups;
}

Json legacy_versions(std::string_view host) {
  JsonObject out{{"kind", "APIVersions"}, {"versions", JsonArray{"v1"}}};
  JsonArray addresses;
  if (!host.empty()) addresses.push_back(JsonObject{{"clientCIDR", "0.0.0.0/0"}, {"serverAddress", host}});
  out["serverAddressByClientCIDRs"] = std::move(addresses);
  return out;
}

Json group_document(const GroupResources& group, bool with_type) {
  JsonObject out;
  if (with_type) out = {{"kind", "APIGroup"}, {"apiVersion", "v1"}};
  out["name"] = group.name;
  JsonArray versions;
  for (const auto& [version, kinds] : group.versions) versions.push_back(group_version(group.name, version));
  out["versions"] = std::move(versions);
  out["preferredVersion"] = group_version(group.name, group.versions.front().first);
  return out;
}

Json group_list(const std::vector<GroupResources>& groups) {
  JsonArray items;
  for (const auto& group : groups) {
    if (!group.name.empty()) items.push_back(group_document(group, false));
  }
  return JsonObject{{"kind", "APIGroupList"}, {"apiVersion", "v1"}, {"groups", std::move(items)}};
}

Json resource_list(std::string_view group, std::string_view version, const std::vector<const schema::Kind*>& kinds) {
  JsonArray resources;
  for (const auto* kind : kinds) {
    resources.push_back(plain_resource(*kind));
    for (const auto& sub : sorted_subresources(*kind)) resources.push_back(plain_subresource(*kind, sub));
  }
  JsonObject out{{"kind", "APIResourceList"}};
  // Upstream leaves it out for the core group.
  if (!group.empty()) out["apiVersion"] = "v1";
  out["groupVersion"] = api_version_of(group, version);
  out["resources"] = std::move(resources);
  return out;
}

Json aggregated_list(const std::vector<GroupResources>& groups, bool legacy, std::string_view api_version) {
  JsonArray items;
  for (const auto& group : groups) {
    if (group.name.empty() == legacy) items.push_back(aggregated_group(group));
  }
  return JsonObject{{"kind", "APIGroupDiscoveryList"},
                    {"apiVersion", "apidiscovery.k8s.io/" + std::string(api_version)},
                    {"metadata", JsonObject()},
                    {"items", std::move(items)}};
}

std::string version_json(const Options& options) {
  std::string_view rest = options.git_version;
  if (rest.starts_with('v')) rest.remove_prefix(1);
  const std::string major(cut(rest, '.'));
  const std::string minor(cut(rest, '.'));
  const std::pair<std::string_view, std::string> members[] = {{"major", major},
                                                              {"minor", minor},
                                                              {"emulationMajor", major},
                                                              {"emulationMinor", minor},
                                                              {"minCompatibilityMajor", major},
                                                              {"minCompatibilityMinor", minor},
                                                              {"gitVersion", options.git_version},
                                                              {"gitCommit", options.git_commit},
                                                              {"gitTreeState", "clean"},
                                                              {"buildDate", options.build_date},
                                                              {"goVersion", "n/a"},
                                                              {"compiler", "gcc"},
                                                              {"platform", platform()}};
  std::string out = "{";
  for (const auto& [key, value] : members) {
    out += out.size() == 1 ? "\n  " : ",\n  ";
    out += quoted(key) + ": " + quoted(value);
  }
  return out + "\n}";
}

std::string list_json(const Json& document) { return boost::json::serialize(document) + "\n"; }

std::string_view aggregated_version(std::string_view accept) {
  while (!accept.empty()) {
    auto range = cut(accept, ',');
    const auto type = cut(range, ';');
    std::string_view as, group, version;
    while (!range.empty()) {
      auto parameter = cut(range, ';');
      const auto key = cut(parameter, '=');
      if (key == "as") as = parameter;
      if (key == "g") group = parameter;
      if (key == "v") version = parameter;
    }
    if (as.empty()) return {};  // a plain form is preferred
    if (type != "application/json" || as != "APIGroupDiscoveryList" || group != "apidiscovery.k8s.io") continue;
    if (version == "v2") return "v2";
    if (version == "v2beta1") return "v2beta1";
  }
  return {};
}

}  // namespace gantry::apiserver
