#include "core/kinds/parts/eviction.hpp"

#include <string>

#include "core/kinds/kind.hpp"
#include "core/schema/selector/selector.hpp"
#include "core/schema/values/values.hpp"

namespace gantry::kinds {
namespace {

// Evictions that no controller has taken notice of yet.
constexpr size_t kMostUnconfirmed = 2'000;

std::string_view phase_of(const JsonObject& pod) { return get_text(object_at(pod, "status"), "phase"); }

// The condition of a type, made when absent.
JsonObject& condition(JsonObject& object, std::string_view type) {
  Json& list = ensure_object(object, "status")["conditions"];
  if (!list.is_array()) list.emplace_array();
  for (auto& item : list.get_array()) {
    if (item.is_object() && get_text(item.get_object(), "type") == type) return item.get_object();
  }
  list.get_array().push_back(JsonObject{{"type", type}});
  return list.get_array().back().get_object();
}

void set(JsonObject& condition, std::string_view status, std::string_view reason, std::string_view message,
         int64_t now_ns) {
  if (get_text(condition, "status") != status) condition["lastTransitionTime"] = schema::format_time(now_ns);
  condition["status"] = status;
  condition["reason"] = reason;
  condition["message"] = message;
}

Status refused(std::string why, int32_t retry_after_seconds) {
  StatusDetails details;
  details.causes.push_back({"DisruptionBudget", std::move(why), ""});
  details.retry_after_seconds = retry_after_seconds;
  return Status::too_many_requests("Cannot evict pod as it would violate the pod's disruption budget.")
      .with_details(std::move(details));
}

Status unusable(std::string_view budget, const std::string& why) {
  StatusDetails details;
  details.name = budget;
  details.group = "policy";
  details.kind = "poddisruptionbudget";
  return Status::forbidden("poddisruptionbudget.policy \"" + details.name + "\" is forbidden: " + why)
      .with_details(std::move(details));
}

}  // namespace

bool has_ended(const JsonObject& pod) {
  const auto phase = phase_of(pod);
  return phase == "Succeeded" || phase == "Failed" ||
         !get_text(object_at(pod, "metadata"), "deletionTimestamp").empty();
}

bool goes_without_budget(const JsonObject& pod) { return has_ended(pod) || phase_of(pod) == "Pending"; }

bool is_covered(const JsonObject& pod, const JsonObject& budget) {
  const JsonObject* wanted = get_object(object_at(budget, "spec"), "selector");
  if (wanted == nullptr) return false;  // while an empty one is meant for all
  const auto selector = schema::LabelSelector::from_document(*wanted);
  return selector && selector->matches(object_at(object_at(pod, "metadata"), "labels"));
}

bool spares_unready(const JsonObject& budget, const JsonObject& pod) {
  const JsonArray* conditions = get_array(object_at(pod, "status"), "conditions");
  for (size_t i = 0; conditions != nullptr && i < conditions->size(); ++i) {
    const JsonObject* condition = (*conditions)[i].if_object();
    if (condition == nullptr || get_text(*condition, "type") != "Ready") continue;
    if (get_text(*condition, "status") == "True") return false;
  }
  if (get_text(object_at(budget, "spec"), "unhealthyPodEvictionPolicy") == "AlwaysAllow") return true;
  const JsonObject& status = object_at(budget, "status");
  const auto desired = get_number(status, "desiredHealthy");
  return desired > 0 && get_number(status, "currentHealthy") >= desired;
}

Status no_room(std::string_view budget) {
  return refused("The disruption budget " + std::string(budget) + " is still being processed by the server.", 10);
}

Status take_disruption(JsonObject& budget, std::string_view pod, int64_t now_ns) {
  const JsonObject& metadata = object_at(budget, "metadata");
  const std::string name(get_text(metadata, "name"));
  const auto generation = get_number(metadata, "generation");
  JsonObject& status = ensure_object(budget, "status");
  if (get_number(status, "observedGeneration") < generation) return no_room(name);
  const auto allowed = get_number(status, "disruptionsAllowed");
  if (allowed < 0) return unusable(name, "pdb disruptions allowed is negative");
  JsonObject& gone = ensure_object(status, "disruptedPods");
  if (gone.size() > kMostUnconfirmed) {
    return unusable(name, "DisruptedPods map too big - too many evictions not confirmed by PDB controller");
  }
  if (allowed == 0) {
    return refused("The disruption budget " + name + " needs " + std::to_string(get_number(status, "desiredHealthy")) +
                       " healthy pods and has " + std::to_string(get_number(status, "currentHealthy")) + " currently",
                   0);
  }
  status["disruptionsAllowed"] = allowed - 1;
  gone[pod] = schema::format_time(now_ns);
  if (allowed == 1) {
    JsonObject& allows = condition(budget, "DisruptionAllowed");
    set(allows, "False", "InsufficientPods", "", now_ns);
    allows["observedGeneration"] = generation;
  }
  return {};
}

void mark_evicted(JsonObject& pod, int64_t now_ns) {
  set(condition(pod, "DisruptionTarget"), "True", "EvictionByEvictionAPI", "Eviction API: evicting", now_ns);
}

}  // namespace gantry::kinds
