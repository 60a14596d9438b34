// Pods: phase and QoS class of new ones, what a status update may change. Pure, any thread.
#include <array>
#include <map>
#include <string>

#include "core/apiserver/strategies/strategy.hpp"
#include "core/schema/values.hpp"

namespace gantry::apiserver {
namespace {

using Amounts = std::map<std::string, int64_t, std::less<>>;
constexpr std::array<std::string_view, 2> kCounted{"cpu", "memory"};

// Adds the positive cpu and memory amounts; returns how many resources were named.
size_t add_amounts(const Json& container, std::string_view which, Amounts& sum) {
  size_t named = 0;
  for (const auto resource : kCounted) {
    const auto text = text_at(container, {"resources", which, resource});
    auto quantity = schema::Quantity::parse(text);
    if (text.empty() || !quantity || quantity->milli_value() <= 0) continue;
    sum[std::string(resource)] += quantity->milli_value();
    ++named;
  }
  return named;
}

}  // namespace

std::string_view qos_class(const Json& pod) {
  Amounts requests, limits;
  bool guaranteed = true;
  for (const std::string_view list : {"containers", "initContainers"}) {
    const Json* containers = find(pod, {"spec", list});
    if (containers == nullptr || !containers->is_array()) continue;
    for (const auto& container : containers->get_array()) {
      add_amounts(container, "requests", requests);
      if (add_amounts(container, "limits", limits) != kCounted.size()) guaranteed = false;
    }
  }
  if (requests.empty() && limits.empty()) return "BestEffort";
  return guaranteed && requests == limits ? "Guaranteed" : "Burstable";
}

void pod_create(Json& pod) {
  auto& document = pod.as_object();
  JsonObject status{{"phase", "Pending"}};
  if (has_items(pod, {"spec", "schedulingGates"})) {
    status["conditions"] =
        JsonArray{JsonObject{{"type", "PodScheduled"},
                             {"status", "False"},
                             {"reason", "SchedulingGated"},
                             {"message", "Scheduling is blocked due to non-empty scheduling gates"}}};
  }
  status["qosClass"] = qos_class(pod);
  document["status"] = std::move(status);
}

void pod_update(Json& next, const Json& old) { take_key(next.as_object(), old, "status"); }

void pod_update_status(Json& next, const Json& old) {
  auto& status = object_in(next.as_object(), "status");
  // What a status writer does not know, it must not lose.
  if (!status.contains("qosClass")) {
    if (const Json* qos = find(old, {"status", "qosClass"})) status["qosClass"] = *qos;
  }
  const Json* metadata = find(old, {"metadata"});
  if (metadata != nullptr) take_key(metadata_of(next), *metadata, "ownerReferences");
}

}  // namespace gantry::apiserver
