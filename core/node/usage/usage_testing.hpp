// For tests only: what a runtime says of containers, in few words.
#pragma once

#include <string>
#include <vector>

#include "core/node/runtime/labels.hpp"

namespace gantry::node {

struct ContainerLook {
  std::string id, pod, container;
  int64_t at_ns = 0;
  uint64_t cpu_ns = 0, memory = 0;
};

inline cri::ListContainerStatsResponse stats(const std::vector<ContainerLook>& looks, const std::string& uid = {}) {
  cri::ListContainerStatsResponse out;
  for (const auto& look : looks) {
    auto& item = *out.add_stats();
    item.mutable_attributes()->set_id(look.id);
    auto& known = *item.mutable_attributes()->mutable_labels();
    known[labels::kPodUid] = uid.empty() ? "uid-" + look.pod : uid;
    known[labels::kPodNamespace] = "default";
    known[labels::kPodName] = look.pod;
    known[labels::kContainerName] = look.container;
    item.mutable_cpu()->set_timestamp(look.at_ns);
    item.mutable_cpu()->mutable_usage_core_nano_seconds()->set_value(look.cpu_ns);
    item.mutable_memory()->mutable_working_set_bytes()->set_value(look.memory);
  }
  return out;
}

}  // namespace gantry::node
