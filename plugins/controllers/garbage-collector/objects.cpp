#include "objects.hpp"

#include "gantry/abi/cache.h"
#include "gantry/json_text.hpp"
#include "gantry/refusals.hpp"

namespace gantry::garbage_collector {
namespace {

using sdk::ApiRequest;

ApiRequest request_of(ApiRequest::Verb verb, const ObjectId& id) {
  ApiRequest request;
  request.set_verb(verb);
  request.set_group(id.group);
  request.set_version(id.version);
  request.set_resource(id.resource);
  request.set_namespace_(id.ns);
  request.set_name(id.name);
  request.set_metadata_only(true);
  return request;
}

Expected<Meta> only_meta(const Expected<sdk::ApiResponse>& answer) {
  if (!answer) return answer.error();
  auto meta = answer->objects_size() == 1 ? sdk::metadata_of(answer->objects(0)) : std::nullopt;
  if (!meta) return Status::internal("the server's object could not be decoded");
  return std::move(*meta);
}

Dependent dependent_of(const Resource& resource, Meta meta) {
  ObjectId id{resource.group, resource.version, resource.name, meta.namespace_(), meta.name()};
  return {std::move(id), std::move(meta)};
}

}  // namespace

std::string ObjectId::text() const {
  return resource + (group.empty() ? "" : "." + group) + " " + (ns.empty() ? "" : ns + "/") + name;
}

bool waits_for_dependents(const Meta& meta) {
  return meta.has_deletion_timestamp() && has_finalizer(meta, kForegroundFinalizer);
}

std::optional<Meta> Objects::cached(const ObjectId& id) const {
  const auto* table = host_.get<gantry_cache>(GANTRY_CACHE_ID);
  if (table == nullptr) return std::nullopt;
  const gantry_resource resource{to_slice(id.group), to_slice(id.version), to_slice(id.resource)};
  Buffer found;
  if (table->get(host_.raw(), &resource, to_slice(id.ns), to_slice(id.name), found.out()) != 0) return std::nullopt;
  return sdk::metadata_of(found.view());
}

std::vector<Dependent> Objects::dependents(const std::vector<Resource>& resources, std::string_view ns,
                                           std::string_view uid) const {
  std::vector<Dependent> all;
  const auto* table = host_.get<gantry_cache>(GANTRY_CACHE_ID);
  if (table == nullptr) return all;
  for (const auto& resource : resources) {
    std::vector<Meta> found;
    const gantry_resource name{to_slice(resource.group), to_slice(resource.version), to_slice(resource.name)};
    table->by_owner(
        host_.raw(), &name, to_slice(uid),
        [](void* context, gantry_slice object) -> int32_t {
          if (auto meta = sdk::metadata_of(to_view(object)))
            static_cast<std::vector<Meta>*>(context)->push_back(std::move(*meta));
          return 0;
        },
        &found);
    for (auto& meta : found) {
      if (ns.empty() || meta.namespace_() == ns) all.push_back(dependent_of(resource, std::move(meta)));
    }
  }
  return all;
}

Expected<Meta> Objects::get(const ObjectId& id) const { return only_meta(host_.call(request_of(ApiRequest::GET, id))); }

Expected<std::vector<Dependent>> Objects::live_dependents(const std::vector<Resource>& resources, const std::string& ns,
                                                          std::string_view uid) const {
  std::vector<Dependent> all;
  for (const auto& resource : resources) {
    if (!ns.empty() && !resource.namespaced) continue;
    const auto answer =
        host_.call(request_of(ApiRequest::LIST, {resource.group, resource.version, resource.name, ns, {}}));
    if (!answer) return Status(answer.error()).in("list " + resource.name);
    for (const auto& bytes : answer->objects()) {
      auto meta = sdk::metadata_of(bytes);
      if (!meta) return Status::internal("an object of " + resource.name + " could not be decoded");
      if (reference_to(*meta, uid) != nullptr) all.push_back(dependent_of(resource, std::move(*meta)));
    }
  }
  return all;
}

Status Objects::remove(const ObjectId& id, const Meta& judged, std::string_view policy) const {
  metav1::DeleteOptions options;
  options.set_propagation_policy(std::string(policy));
  options.mutable_preconditions()->set_uid(judged.uid());
  options.mutable_preconditions()->set_resource_version(judged.resource_version());
  auto request = request_of(ApiRequest::DELETE, id);
  request.set_metadata_only(false);
  request.set_body(options.SerializeAsString());
  const auto answer = host_.call(request);
  return sdk::unless_gone(answer);
}

Expected<Meta> Objects::write_owners(const ObjectId& id, const Meta& meta) const {
  std::string list;
  for (const auto& owner : meta.owner_references()) list += (list.empty() ? "" : ",") + sdk::json_of(owner);
  return patch(id, meta, "ownerReferences", list.empty() ? "null" : "[" + list + "]");
}

Expected<Meta> Objects::write_finalizers(const ObjectId& id, const Meta& meta) const {
  std::string list;
  for (const auto& finalizer : meta.finalizers()) {
    list += (list.empty() ? "" : ",") + sdk::json_string(finalizer);
  }
  return patch(id, meta, "finalizers", list.empty() ? "null" : "[" + list + "]");
}

Expected<Meta> Objects::patch(const ObjectId& id, const Meta& meta, const std::string& field, std::string json) const {
  // Only merge patches exist for every kind; the version makes it safe to send whole lists.
  std::string body = "{\"metadata\":{";
  sdk::add_json_member(body, "resourceVersion", meta.resource_version());
  body += ",\"" + field + "\":" + json + "}}";
  auto request = request_of(ApiRequest::PATCH, id);
  request.set_patch_type(ApiRequest::MERGE_PATCH);
  request.set_body(std::move(body));
  return only_meta(host_.call(request));
}

}  // namespace gantry::garbage_collector
