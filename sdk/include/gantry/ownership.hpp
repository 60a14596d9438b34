// An object's metadata, whatever its kind: who manages it, and finalizers, which hold it. Pure, any thread.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "k8s.io/apimachinery/pkg/apis/meta/v1/object_meta.pb.h"

namespace gantry::sdk {

// Of an encoded object of any kind; null when the bytes are none.
std::optional<metav1::ObjectMeta> metadata_of(std::string_view object);

// The one owner that manages the object, or null.
const metav1::OwnerReference* controller_of(const metav1::ObjectMeta& meta);
// The reference to the owner with this uid, or null.
const metav1::OwnerReference* reference_to(const metav1::ObjectMeta& meta, std::string_view uid);

// Whether `owner` is there and of a kind of a group, in whichever version.
bool is_of_kind(const metav1::OwnerReference* owner, std::string_view group, std::string_view kind);

metav1::OwnerReference controller_reference(const metav1::ObjectMeta& owner, std::string_view api_version,
                                            std::string_view kind);

// As it stands in JSON; what is absent stays so.
std::string json_of(const metav1::OwnerReference& owner);

bool has_finalizer(const metav1::ObjectMeta& meta, std::string_view finalizer);

// "apps/v1" in its parts; the group is empty for "v1".
struct GroupVersion {
  std::string_view group, version;
};
GroupVersion split_api_version(std::string_view api_version);

}  // namespace gantry::sdk
