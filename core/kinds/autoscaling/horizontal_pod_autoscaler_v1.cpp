// HorizontalPodAutoscalers as their first version has them: views of those of v2. Pure functions, any thread.
#include "core/kinds/parts/autoscaler.hpp"

namespace gantry::kinds::autoscaling_horizontal_pod_autoscaler_v1 {
namespace {

// Outside of the document's arena, which gives nothing back.
JsonObject in_v2(const JsonObject& autoscaler) {
  JsonObject out(autoscaler, boost::json::storage_ptr());
  autoscaler_to_v2(out);
  return out;
}

void default_after(JsonObject& autoscaler) {
  JsonObject& spec = ensure_object(autoscaler, "spec");
  if (get(spec, kTargetCpu) == nullptr && annotated_metrics(autoscaler).empty()) spec[kTargetCpu] = kDefaultCpu;
}

void validate(const JsonObject& autoscaler, const JsonObject* old, Errors& errors) {
  const JsonObject now = in_v2(autoscaler);
  if (old == nullptr) return check_autoscaler(now, nullptr, errors);
  const JsonObject before = in_v2(*old);
  check_autoscaler(now, &before, errors);
}

void take_annotation(JsonObject& to, const JsonObject& from, std::string_view key) {
  static const JsonObject kNone;
  const JsonObject* metadata = get_object(from, "metadata");
  const JsonObject* annotations = metadata != nullptr ? get_object(*metadata, "annotations") : nullptr;
  take_key(ensure_object(ensure_object(to, "metadata"), "annotations"), annotations != nullptr ? *annotations : kNone,
           key);
}

// The status is in annotations too, and the spec.
void create(JsonObject& autoscaler) {
  for (std::string_view key : {kCurrentMetricsAnnotation, kConditionsAnnotation}) take_annotation(autoscaler, {}, key);
}

void update(JsonObject& next, const JsonObject& old) {
  for (std::string_view key : {kCurrentMetricsAnnotation, kConditionsAnnotation}) take_annotation(next, old, key);
  for (std::string_view key : {kMetricsAnnotation, kBehaviorAnnotation}) {
    if (same_json(autoscaler_annotation(next, key), autoscaler_annotation(old, key))) continue;
    const JsonObject* metadata = get_object(old, "metadata");
    if (metadata != nullptr) ensure_object(next, "metadata")["generation"] = get_number(*metadata, "generation") + 1;
  }
}

void update_status(JsonObject& next, const JsonObject& old) {
  for (std::string_view key : {kMetricsAnnotation, kBehaviorAnnotation}) take_annotation(next, old, key);
}

void targets(Row& row, std::string& out) {
  const auto* autoscaler = row.document.if_object();
  if (autoscaler == nullptr) return put(out, "");
  const Json stored(in_v2(*autoscaler));
  Row there{stored, row.now_ns, {}};
  autoscaler_targets(there, out);
}

constexpr NamedCell kCells[] = {{"autoscaler-reference", autoscaler_reference}, {"autoscaler-targets", targets}};

constexpr schema::Conversion kStored{.group = "autoscaling",
                                     .version = "v2",
                                     .plural = "horizontalpodautoscalers",
                                     .from_stored = autoscaler_to_v1,
                                     .to_stored = autoscaler_to_v2};

}  // namespace

constinit const Behavior behavior{.group = "autoscaling",
                                  .kind = "HorizontalPodAutoscaler",
                                  .default_after = default_after,
                                  .validate = validate,
                                  .create = create,
                                  .update = update,
                                  .update_status = update_status,
                                  .cells = kCells,
                                  .read_at_once = false,
                                  .conversion = &kStored};

}  // namespace gantry::kinds::autoscaling_horizontal_pod_autoscaler_v1
