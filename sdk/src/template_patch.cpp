#include "gantry/template_patch.hpp"

#include "gantry/stable_bytes.hpp"
#include "json_table.hpp"

namespace gantry::sdk {
namespace {

using json::FieldType, json::Form, json::JsonField, json::JsonMessage;
using json::kAlways, json::kInline, json::kMap, json::kPointer, json::kRepeated;

#include "template_json_table.inc"

constexpr json::JsonTable kTemplate{kFields, kMessages};
constexpr uint16_t kPodTemplateSpec = 0;

}  // namespace

std::string template_patch(const corev1::PodTemplateSpec& from) {
  const auto spec = json::to_json(kTemplate, kPodTemplateSpec, stable_bytes(from), R"("$patch":"replace")");
  return R"({"spec":{"template":)" + spec + "}}";
}

Expected<corev1::PodTemplateSpec> template_of_patch(std::string_view json) {
  static constexpr std::string_view kWhere[] = {"spec", "template"};
  const auto encoded = json::from_json(kTemplate, kPodTemplateSpec, json, kWhere);
  if (!encoded) return encoded.error();
  corev1::PodTemplateSpec spec;
  if (!spec.ParseFromString(*encoded)) return Status::bad_request("the patch holds no pod template");
  return spec;
}

}  // namespace gantry::sdk
