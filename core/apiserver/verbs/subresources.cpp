#include "core/apiserver/verbs/subresources.hpp"

namespace gantry::apiserver {
namespace {

constexpr SubresourceRoute kRoutes[] = {
    {.name = "status"},
    {.name = "approval"},
    {.name = "finalize"},
    {.name = "scale", .run = scale},
    {.name = "eviction", .run = pod_evict},
    {.name = "log", .run = pod_log, .streams = true},
    {.name = "exec", .run = pod_exec, .streams = true, .connects = true},
    {.name = "attach", .run = not_implemented, .streams = true, .connects = true, .missing = true},
    {.name = "portforward", .run = not_implemented, .streams = true, .connects = true, .missing = true},
};

}  // namespace

const SubresourceRoute* find_subresource(std::string_view name) {
  for (const auto& route : kRoutes) {
    if (route.name == name) return &route;
  }
  return nullptr;
}

}  // namespace gantry::apiserver
