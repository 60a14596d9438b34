// VolumeAttachments: a volume and a node that stay, and how far it has come. Pure functions, any thread.
#include "core/kinds/parts/storage.hpp"
#include "core/kinds/parts/storage_class_rules.hpp"

namespace gantry::kinds::storage_volume_attachment {
namespace {

constexpr size_t kMostMetadata = 256 * 1024, kLongestMessage = 1024;
constexpr int64_t kHighestCode = 0x7fffffff;

void check_source(const JsonObject& source, const At& at, Errors& errors) {
  constexpr std::string_view kOne = "must specify exactly one of inlineVolumeSpec and persistentVolumeName";
  const JsonObject* in_line = get_object(source, "inlineVolumeSpec");
  const Json* named = get(source, "persistentVolumeName");
  if (in_line == nullptr && named == nullptr) return errors.required(at, "", kOne);
  if (in_line != nullptr && named != nullptr) return errors.forbidden(at, "", kOne);
  if (in_line != nullptr) return check_persistent_volume_spec(*in_line, true, at.child("inlineVolumeSpec"), errors);
  const std::string_view name = get_text(source, "persistentVolumeName");
  if (name.empty()) errors.required(at, "persistentVolumeName", "must specify non empty persistentVolumeName");
  errors.format(at, "persistentVolumeName", "dns1123-subdomain", name);
}

void check_error(const JsonObject& status, std::string_view key, const At& at, Errors& errors) {
  const JsonObject* error = get_object(status, key);
  if (error == nullptr) return;
  At here = at.child(key);
  // Upstream names the other limit.
  if (get_text(*error, "message").size() > kLongestMessage) errors.too_long(here, "message", kMostMetadata);
  const int64_t code = get_number(*error, "errorCode");
  if (code < 0) errors.invalid(here, "errorCode", code, schema::inclusive_range(0, kHighestCode));
}

void check_status(const JsonObject& status, const At& at, Errors& errors) {
  size_t bytes = 0;
  for (const auto& entry : object_at(status, "attachmentMetadata")) {
    const auto* text = entry.value().if_string();
    bytes += entry.key().size() + (text != nullptr ? text->size() : 0);
  }
  if (bytes > kMostMetadata) errors.too_long(at, "attachmentMetadata", kMostMetadata);
  check_error(status, "attachError", at, errors);
  check_error(status, "detachError", at, errors);
}

void validate(const JsonObject& attachment, const JsonObject* old, Errors& errors) {
  At root;
  At at = root.child("spec");
  const JsonObject& spec = object_at(attachment, "spec");
  if (old != nullptr) {
    if (!same_json(spec, object_at(*old, "spec"))) errors.invalid(at, "", spec, "field is immutable");
    return check_status(object_at(attachment, "status"), root.child("status"), errors);
  }
  check_csi_driver_name(get_text(spec, "attacher"), at, "attacher", errors);
  check_source(object_at(spec, "source"), at.child("source"), errors);
  errors.format(at, "nodeName", "dns1123-subdomain", get_text(spec, "nodeName"));
}

}  // namespace

constinit const Behavior behavior{.group = "storage.k8s.io",
                                  .kind = "VolumeAttachment",
                                  .validate = validate,
                                  .unconditional_update = false,
                                  .read_at_once = false};

}  // namespace gantry::kinds::storage_volume_attachment
