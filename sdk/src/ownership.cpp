#include "gantry/ownership.hpp"

#include <algorithm>
#include <utility>

#include "gantry/json_text.hpp"
#include "k8s.io/apimachinery/pkg/apis/meta/v1/list.pb.h"

namespace gantry::sdk {

std::optional<metav1::ObjectMeta> metadata_of(std::string_view object) {
  metav1::PartialObjectMetadata partial;
  if (!partial.ParseFromArray(object.data(), static_cast<int>(object.size()))) return std::nullopt;
  return std::move(*partial.mutable_metadata());
}

const metav1::OwnerReference* controller_of(const metav1::ObjectMeta& meta) {
  const auto& owners = meta.owner_references();
  const auto it = std::find_if(owners.begin(), owners.end(), [](const auto& owner) { return owner.controller(); });
  return it == owners.end() ? nullptr : &*it;
}

const metav1::OwnerReference* reference_to(const metav1::ObjectMeta& meta, std::string_view uid) {
  const auto& owners = meta.owner_references();
  const auto it = std::find_if(owners.begin(), owners.end(), [&](const auto& owner) { return owner.uid() == uid; });
  return it == owners.end() ? nullptr : &*it;
}

bool is_of_kind(const metav1::OwnerReference* owner, std::string_view group, std::string_view kind) {
  return owner != nullptr && owner->kind() == kind && split_api_version(owner->api_version()).group == group;
}

metav1::OwnerReference controller_reference(const metav1::ObjectMeta& owner, std::string_view api_version,
                                            std::string_view kind) {
  metav1::OwnerReference reference;
  reference.set_api_version(std::string(api_version));
  reference.set_kind(std::string(kind));
  reference.set_name(owner.name());
  reference.set_uid(owner.uid());
  reference.set_controller(true);
  reference.set_block_owner_deletion(true);
  return reference;
}

std::string json_of(const metav1::OwnerReference& owner) {
  std::string out = "{";
  add_json_member(out, "apiVersion", owner.api_version());
  add_json_member(out, "kind", owner.kind());
  add_json_member(out, "name", owner.name());
  add_json_member(out, "uid", owner.uid());
  if (owner.has_controller()) out += owner.controller() ? ",\"controller\":true" : ",\"controller\":false";
  if (owner.has_block_owner_deletion()) {
    out += owner.block_owner_deletion() ? ",\"blockOwnerDeletion\":true" : ",\"blockOwnerDeletion\":false";
  }
  return out + "}";
}

bool has_finalizer(const metav1::ObjectMeta& meta, std::string_view finalizer) {
  return std::find(meta.finalizers().begin(), meta.finalizers().end(), finalizer) != meta.finalizers().end();
}

GroupVersion split_api_version(std::string_view api_version) {
  const size_t slash = api_version.find('/');
  if (slash == std::string_view::npos) return {{}, api_version};
  return {api_version.substr(0, slash), api_version.substr(slash + 1)};
}

}  // namespace gantry::sdk
