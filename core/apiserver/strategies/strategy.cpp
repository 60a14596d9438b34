// The table of strategies. Pure, any thread.
#include "core/apiserver/strategies/strategy.hpp"

#include <array>

namespace gantry::apiserver {
namespace {

constexpr Strategy kDefault{};

const std::array kStrategies{
    Strategy{.group = "",
             .plural = "pods",
             .create = pod_create,
             .update = pod_update,
             .update_status = pod_update_status,
             .returns_deleted = true},
    Strategy{.group = "", .plural = "namespaces", .create = namespace_create, .update = namespace_update},
    Strategy{.group = "", .plural = "nodes", .keeps_status_on_create = true},
    Strategy{.group = "", .plural = "secrets", .create = secret_create, .update = secret_update},
    Strategy{.group = "", .plural = "serviceaccounts", .returns_deleted = true},
    Strategy{.group = "", .plural = "podtemplates", .returns_deleted = true},
    Strategy{.group = "", .plural = "events", .create_on_update = true, .read_at_once = false},
    Strategy{.group = "events.k8s.io",
             .plural = "events",
             .create_on_update = true,
             .read_at_once = false,
             .shared = &kCoreEvents},
    Strategy{
        .group = "coordination.k8s.io", .plural = "leases", .unconditional_update = false, .create_on_update = true},
    Strategy{.group = "apps", .plural = "deployments", .update_status = workload_update_status},
    Strategy{.group = "apps", .plural = "replicasets", .update_status = workload_update_status},
};

}  // namespace

const Strategy& strategy_of(const schema::Kind& kind) {
  for (const auto& strategy : kStrategies) {
    if (strategy.plural == kind.plural && strategy.group == kind.group) return strategy;
  }
  return kDefault;
}

}  // namespace gantry::apiserver
