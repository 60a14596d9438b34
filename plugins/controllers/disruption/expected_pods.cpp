#include "expected_pods.hpp"

#include <algorithm>
#include <limits>
#include <map>
#include <set>

#include "gantry/int_or_percent.hpp"

namespace gantry::disruption {
namespace {

// The sum of the scales of all controllers of the pods, each once.
Status add_scales(const sdk::Host& host, ScaleResources& resources, const std::vector<corev1::Pod>& pods,
                  ExpectedPods& expected) {
  std::set<std::string> asked;
  std::map<std::string, int32_t> scales;
  for (const auto& pod : pods) {
    const auto* controller = sdk::controller_of(pod.metadata());
    if (controller == nullptr) {
      expected.unmanaged.push_back(pod.metadata().name());
      continue;
    }
    if (!asked.insert(controller->uid()).second) continue;
    auto scale = find_scale(host, resources, pod.metadata().namespace_(), *controller);
    if (!scale) return std::move(scale).error();
    if (!*scale) return Status::not_found("found no controllers for pod \"" + pod.metadata().name() + "\"");
    scales[(*scale)->uid] = (*scale)->replicas;
  }
  int64_t sum = 0;
  for (const auto& [uid, replicas] : scales) sum += replicas;
  expected.pods = static_cast<int32_t>(std::min<int64_t>(sum, std::numeric_limits<int32_t>::max()));
  return {};
}

}  // namespace

Expected<ExpectedPods> expected_pods(const sdk::Host& host, ScaleResources& resources,
                                     const policyv1::PodDisruptionBudget& budget,
                                     const std::vector<corev1::Pod>& pods) {
  ExpectedPods expected;
  const auto& spec = budget.spec();
  const bool by_loss = spec.has_max_unavailable();
  if (!by_loss && !spec.has_min_available()) return expected;
  const auto& limit = by_loss ? spec.max_unavailable() : spec.min_available();
  if (!by_loss && limit.type() == 0) {
    expected.pods = static_cast<int32_t>(pods.size());
    expected.healthy = limit.int_val();
    return expected;
  }
  if (auto status = add_scales(host, resources, pods, expected); !status.ok()) return status;
  const auto amount = sdk::scaled_value(limit, expected.pods, true);
  if (!amount) return amount.error();
  expected.healthy = by_loss ? std::max(expected.pods - *amount, 0) : *amount;
  return expected;
}

}  // namespace gantry::disruption
