#include "gantry/claims.hpp"

#include "gantry/json_text.hpp"

namespace gantry::sdk {
namespace {

ApiRequest request_for(ResourceName resource, ApiRequest::Verb verb, const metav1::ObjectMeta& object) {
  ApiRequest request;
  request.set_verb(verb);
  request.set_group(std::string(resource.group));
  request.set_version(std::string(resource.version));
  request.set_resource(std::string(resource.resource));
  request.set_namespace_(object.namespace_());
  request.set_name(object.name());
  return request;
}

std::string with_uid(std::string_view references, std::string_view uid) {
  return "{\"metadata\":{\"ownerReferences\":[" + std::string(references) + "],\"uid\":" + json_string(uid) + "}}";
}

// Puts another member before a patch's closing braces, into its metadata.
std::string with_member(std::string patch, std::string_view key, std::string_view finalizer) {
  if (finalizer.empty()) return patch;
  patch.resize(patch.size() - 2);
  return patch + "," + json_string(key) + ":[" + json_string(finalizer) + "]}}";
}

}  // namespace

std::string adoption_patch(const metav1::OwnerReference& owner, std::string_view object_uid) {
  return with_uid(json_of(owner), object_uid);
}

std::string release_patch(std::string_view owner_uid, std::string_view object_uid) {
  return with_uid("{\"$patch\":\"delete\",\"uid\":" + json_string(owner_uid) + "}", object_uid);
}

Expected<Claimer::Outcome> Claimer::claim(const metav1::ObjectMeta& object) {
  const auto* controller = controller_of(object);
  const bool matches = selector_matches(selector_, object.labels());
  const bool owner_goes = owner_.has_deletion_timestamp();
  if (controller != nullptr) {
    if (controller->uid() != reference_.uid()) return Outcome{};
    if (matches) return Outcome{.ours = true, .adopted = {}};
    return owner_goes ? Outcome{} : release(object);
  }
  if (owner_goes || !matches || object.has_deletion_timestamp()) return Outcome{};
  return adopt(object);
}

Expected<Claimer::Outcome> Claimer::adopt(const metav1::ObjectMeta& object) {
  if (!rechecked_) rechecked_ = recheck();
  if (!rechecked_->ok()) return *rechecked_;
  auto patched = patch(object, with_member(adoption_patch(reference_, object.uid()), "finalizers", finalizer_));
  if (!patched) return patched.error().code() == 404 ? Expected<Outcome>(Outcome{}) : std::move(patched).error();
  if (patched->objects_size() != 1) return Status::internal("the server's object could not be decoded");
  return Outcome{.ours = true, .adopted = std::move(*patched->mutable_objects(0))};
}

Expected<Claimer::Outcome> Claimer::release(const metav1::ObjectMeta& object) const {
  const std::string_view held = sdk::has_finalizer(object, finalizer_) ? std::string_view(finalizer_) : "";
  const auto patched = patch(
      object, with_member(release_patch(reference_.uid(), object.uid()), "$deleteFromPrimitiveList/finalizers", held));
  // Gone, or no longer ours: as wanted.
  if (!patched && patched.error().code() != 404 && patched.error().code() != 422) return patched.error();
  return Outcome{};
}

Expected<ApiResponse> Claimer::patch(const metav1::ObjectMeta& object, std::string json) const {
  auto request = request_for(objects_, ApiRequest::PATCH, object);
  request.set_patch_type(ApiRequest::STRATEGIC_MERGE_PATCH);
  request.set_body(std::move(json));
  return host_.call(request);
}

// The cache may not know yet that the owner is being deleted or was replaced: ask before taking orphans.
Status Claimer::recheck() const {
  constexpr std::string_view kWhere = "can't recheck DeletionTimestamp";
  auto request = request_for(owners_, ApiRequest::GET, owner_);
  request.set_metadata_only(true);
  const auto answer = host_.call(request);
  if (!answer) return Status(answer.error()).in(kWhere);
  const auto fresh = answer->objects_size() == 1 ? metadata_of(answer->objects(0)) : std::nullopt;
  if (!fresh) return Status::internal("the server's object could not be decoded").in(kWhere);
  const std::string what = reference_.kind() + " " + owner_.namespace_() + "/" + owner_.name();
  if (fresh->uid() != owner_.uid()) {
    return Status::conflict("original " + what + " is gone: got uid " + fresh->uid() + ", wanted " + owner_.uid())
        .in(kWhere);
  }
  if (fresh->has_deletion_timestamp()) return Status::conflict(what + " has just been deleted").in(kWhere);
  return {};
}

}  // namespace gantry::sdk
