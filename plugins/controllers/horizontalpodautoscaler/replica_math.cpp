#include "replica_math.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

namespace gantry::autoscaler {
namespace {

using State = PodUse::State;

// Sums of the pods that are looked at; the first from measured ones alone.
struct Sums {
  double used = 0, requested = 0;
  size_t pods = 0;

  void add(double use, double request) {
    used += use;
    requested += request;
    ++pods;
  }
};

// What the use comes to against the target, and what a pod is taken to use that has no measurement while less is used
// than is wanted.
struct Measure {
  int32_t percent = 0;  // 0: `target` is an amount
  int64_t target = 0;

  double ratio(const Sums& sums) const {
    if (percent == 0) return std::floor(sums.used / static_cast<double>(sums.pods)) / static_cast<double>(target);
    return static_cast<double>(utilization(sums)) / static_cast<double>(percent);
  }
  static int32_t utilization(const Sums& sums) {
    const double value = std::floor(sums.used * 100 / sums.requested);
    return static_cast<int32_t>(std::min(value, static_cast<double>(std::numeric_limits<int32_t>::max())));
  }
  double full(const PodUse& pod) const {
    if (percent == 0) return static_cast<double>(target);
    return static_cast<double>(pod.requested) * std::max(100, percent) / 100;
  }
};

int32_t rounded_up(double replicas) {
  return static_cast<int32_t>(std::min(std::ceil(replicas), static_cast<double>(std::numeric_limits<int32_t>::max())));
}

size_t count(const std::vector<PodUse>& pods, State state) {
  return static_cast<size_t>(
      std::count_if(pods.begin(), pods.end(), [&](const PodUse& pod) { return pod.state == state; }));
}

// With what is assumed of those that are not measured.
Sums assumed(const std::vector<PodUse>& pods, const Measure& measure, double ratio, Sums sums) {
  for (const auto& pod : pods) {
    const auto requested = static_cast<double>(pod.requested);
    // Nothing in between: of exactly what is wanted, a pod without measurement changes nothing.
    if (pod.state == State::kMissing && ratio < 1.0) sums.add(measure.full(pod), requested);
    if (pod.state == State::kMissing && (ratio > 1.0 || (ratio == 1.0 && measure.percent == 0))) sums.add(0, requested);
    if (pod.state == State::kUnready && ratio > 1.0) sums.add(0, requested);
  }
  return sums;
}

int32_t propose(const std::vector<PodUse>& pods, int32_t replicas, const Measure& measure, const Tolerance& tolerance,
                const Sums& measured) {
  const double ratio = measure.ratio(measured);
  const bool unready_count = ratio > 1.0 && count(pods, State::kUnready) > 0;
  if (!unready_count && count(pods, State::kMissing) == 0) {
    if (tolerance.covers(ratio)) return replicas;
    return rounded_up(ratio * static_cast<double>(measured.pods));
  }
  const Sums all = assumed(pods, measure, ratio, measured);
  const double careful = measure.ratio(all);
  const bool turned = (ratio < 1.0 && careful > 1.0) || (ratio > 1.0 && careful < 1.0);
  if (tolerance.covers(careful) || turned) return replicas;
  const int32_t wanted = rounded_up(careful * static_cast<double>(all.pods));
  const bool contrary = (careful < 1.0 && wanted > replicas) || (careful > 1.0 && wanted < replicas);
  return contrary ? replicas : wanted;
}

Expected<Proposal> calculate(const std::vector<PodUse>& pods, int32_t replicas, const Measure& measure,
                             const Tolerance& tolerance) {
  if (pods.empty()) return Status::invalid("no pods returned by selector while calculating replica count");
  Sums measured;
  for (const auto& pod : pods) {
    if (pod.state == State::kMeasured) {
      measured.add(static_cast<double>(pod.used), static_cast<double>(pod.requested));
    }
  }
  if (measured.pods == 0) return Status::invalid("did not receive metrics for targeted pods (pods might be unready)");
  if (measure.percent != 0 && measured.requested <= 0) {
    return Status::invalid("no metrics returned matched known pods");
  }
  Proposal out{propose(pods, replicas, measure, tolerance, measured),
               static_cast<int64_t>(measured.used / static_cast<double>(measured.pods)), std::nullopt};
  if (measure.percent != 0) out.utilization = Measure::utilization(measured);
  return out;
}

}  // namespace

Expected<Proposal> for_utilization(const std::vector<PodUse>& pods, int32_t replicas, int32_t target_percent,
                                   const Tolerance& tolerance) {
  return calculate(pods, replicas, {.percent = std::max(1, target_percent)}, tolerance);
}

Expected<Proposal> for_average(const std::vector<PodUse>& pods, int32_t replicas, int64_t target,
                               const Tolerance& tolerance) {
  return calculate(pods, replicas, {.target = std::max<int64_t>(1, target)}, tolerance);
}

}  // namespace gantry::autoscaler
