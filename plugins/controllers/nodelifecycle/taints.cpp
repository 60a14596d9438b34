#include "taints.hpp"

#include <algorithm>
#include <set>
#include <string_view>

#include "gantry/times.hpp"
#include "health.hpp"

namespace gantry::nodelifecycle {
namespace {

constexpr char kNotReady[] = "node.kubernetes.io/not-ready";
constexpr char kUnreachable[] = "node.kubernetes.io/unreachable";
constexpr char kUnschedulable[] = "node.kubernetes.io/unschedulable";
constexpr char kNoSchedule[] = "NoSchedule";
constexpr char kNoExecute[] = "NoExecute";

struct Rule {
  std::string_view condition, status;
  const char* taint;
};
constexpr Rule kRules[] = {
    {"Ready", "False", kNotReady},
    {"Ready", "Unknown", kUnreachable},
    {"MemoryPressure", "True", "node.kubernetes.io/memory-pressure"},
    {"DiskPressure", "True", "node.kubernetes.io/disk-pressure"},
    {"NetworkUnavailable", "True", "node.kubernetes.io/network-unavailable"},
    {"PIDPressure", "True", "node.kubernetes.io/pid-pressure"},
};

using Wanted = std::set<std::pair<std::string, std::string>>;  // key, effect

bool is_own(const corev1::Taint& taint) {
  if (taint.effect() == kNoExecute) return taint.key() == kNotReady || taint.key() == kUnreachable;
  if (taint.effect() != kNoSchedule) return false;
  return taint.key() == kUnschedulable ||
         std::any_of(std::begin(kRules), std::end(kRules), [&](const Rule& rule) { return taint.key() == rule.taint; });
}

Wanted wanted_taints(const corev1::Node& node, Execute execute) {
  Wanted wanted;
  for (const auto& condition : node.status().conditions()) {
    for (const auto& rule : kRules) {
      if (condition.type() == rule.condition && condition.status() == rule.status) {
        wanted.emplace(rule.taint, kNoSchedule);
      }
    }
  }
  if (node.spec().unschedulable()) wanted.emplace(kUnschedulable, kNoSchedule);
  const auto ready = readiness(node);
  if (ready != Ready::kFalse && ready != Ready::kUnknown) return wanted;
  if (execute == Execute::kAdd || (execute == Execute::kKeep && has_own_no_execute(node))) {
    wanted.emplace(ready == Ready::kFalse ? kNotReady : kUnreachable, kNoExecute);
  }
  return wanted;
}

}  // namespace

bool has_own_no_execute(const corev1::Node& node) {
  const auto& taints = node.spec().taints();
  return std::any_of(taints.begin(), taints.end(),
                     [](const auto& taint) { return taint.effect() == kNoExecute && is_own(taint); });
}

std::vector<corev1::Taint> no_execute_taints(const corev1::Node& node) {
  std::vector<corev1::Taint> found;
  for (const auto& taint : node.spec().taints()) {
    if (taint.effect() == kNoExecute) found.push_back(taint);
  }
  return found;
}

bool settle_taints(corev1::Node& node, Execute execute, int64_t now_ns) {
  auto missing = wanted_taints(node, execute);
  google::protobuf::RepeatedPtrField<corev1::Taint> kept;
  for (const auto& taint : node.spec().taints()) {
    // Each of ours that is wanted is kept once.
    if (!is_own(taint) || missing.erase({taint.key(), taint.effect()}) > 0) *kept.Add() = taint;
  }
  if (missing.empty() && kept.size() == node.spec().taints_size()) return false;
  for (const auto& [key, effect] : missing) {
    auto& taint = *kept.Add();
    taint.set_key(key);
    taint.set_effect(effect);
    *taint.mutable_time_added() = to_time(now_ns);
  }
  *node.mutable_spec()->mutable_taints() = std::move(kept);
  return true;
}

}  // namespace gantry::nodelifecycle
