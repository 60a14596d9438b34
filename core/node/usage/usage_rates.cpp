#include "core/node/usage/usage_rates.hpp"

#include <algorithm>
#include <set>
#include <utility>

#include "core/node/runtime/labels.hpp"

namespace gantry::node {
namespace {

constexpr uint64_t kNanos = 1'000'000'000;

std::string label_of(const cri::ContainerStats& stats, const char* name) {
  const auto found = stats.attributes().labels().find(name);
  return found == stats.attributes().labels().end() ? std::string() : found->second;
}

}  // namespace

std::optional<uint64_t> UsageRates::rate(const Look& before, const Look& now) {
  if (now.at_ns <= before.at_ns || now.cpu_ns < before.cpu_ns) return {};
  const auto used = static_cast<double>(now.cpu_ns - before.cpu_ns);
  return static_cast<uint64_t>(used * static_cast<double>(kNanos) / static_cast<double>(now.at_ns - before.at_ns));
}

std::vector<PodUsage> UsageRates::pods(const cri::ListContainerStatsResponse& now) {
  std::map<std::string, Look> seen;
  std::map<std::string, PodUsage> found;
  std::set<std::string> partly_new;
  for (const auto& stats : now.stats()) {
    const auto uid = label_of(stats, labels::kPodUid);
    if (uid.empty()) continue;
    const Look look{stats.cpu().timestamp(), stats.cpu().usage_core_nano_seconds().value()};
    seen[stats.attributes().id()] = look;
    const auto before = containers_.find(stats.attributes().id());
    const auto cores = before == containers_.end() ? std::nullopt : rate(before->second, look);
    if (!cores) {
      partly_new.insert(uid);
      continue;
    }
    auto& pod = found[uid];
    pod.uid = uid;
    pod.ns = label_of(stats, labels::kPodNamespace);
    pod.name = label_of(stats, labels::kPodName);
    pod.at_ns = std::max(pod.at_ns, look.at_ns);
    pod.window_ns = std::max(pod.window_ns, look.at_ns - before->second.at_ns);
    pod.containers[label_of(stats, labels::kContainerName)] = {*cores, stats.memory().working_set_bytes().value()};
  }
  containers_ = std::move(seen);
  std::vector<PodUsage> out;
  for (auto& [uid, pod] : found) {
    if (!partly_new.contains(uid)) out.push_back(std::move(pod));
  }
  return out;
}

std::optional<MachineUsage> UsageRates::machine(const MachineCounters& now) {
  const Look look{now.at_ns, now.cpu_ns};
  const auto before = std::exchange(machine_, look);
  const auto cores = before ? rate(*before, look) : std::nullopt;
  if (!cores) return {};
  return MachineUsage{now.at_ns, now.at_ns - before->at_ns, {*cores, now.memory_bytes}};
}

}  // namespace gantry::node
