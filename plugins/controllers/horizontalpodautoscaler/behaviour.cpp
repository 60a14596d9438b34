#include "behaviour.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "gantry/quantity.hpp"
#include "gantry/times.hpp"

namespace gantry::autoscaler {
namespace {

using Spec = autoscalingv2::HorizontalPodAutoscalerSpec;
using Rules = autoscalingv2::HPAScalingRules;

constexpr int64_t kLongestPeriod = 1'800 * kNanosPerSecond;  // a policy's, by validation

// More moments than a look every second makes within the longest window.
constexpr size_t kMostMoments = 4'096;

void put_limit(Decision& decision, int64_t bound, const char* reason, const char* message) {
  decision.replicas = static_cast<int32_t>(bound);
  decision.limited = true;
  decision.limit_reason = reason;
  decision.limit_message = message;
}

constexpr char kTooFast[] = "the desired replica count is increasing faster than the maximum scale rate";
constexpr char kTooMany[] = "the desired replica count is more than the maximum replica count";
constexpr char kTooFastDown[] = "the desired replica count is decreasing faster than the maximum scale rate";
constexpr char kTooFew[] = "the desired replica count is less than the minimum replica count";

// Without behavior: at most twice as many at a time, but 4 from however few.
void limit_simply(const Bounds& bounds, int32_t current, Decision& decision) {
  const int64_t fast = std::max<int64_t>(2 * static_cast<int64_t>(current), 4);
  if (decision.replicas < bounds.least) return put_limit(decision, bounds.least, "TooFewReplicas", kTooFew);
  if (decision.replicas <= std::min<int64_t>(fast, bounds.most)) return;
  if (bounds.most > fast) return put_limit(decision, fast, "ScaleUpLimit", kTooFast);
  put_limit(decision, bounds.most, "TooManyReplicas", kTooMany);
}

}  // namespace

Bounds bounds_of(const Spec& spec) { return {spec.has_min_replicas() ? spec.min_replicas() : 1, spec.max_replicas()}; }

Tolerance tolerance_of(const Spec& spec, double usual) {
  const auto read = [&](bool has, const Rules& rules) {
    if (!has || !rules.has_tolerance()) return usual;
    const auto amount = sdk::Quantity::parse(rules.tolerance().string());
    return amount ? static_cast<double>(amount->milli_value()) / 1'000 : usual;
  };
  const auto& behavior = spec.behavior();
  return {read(behavior.has_scale_down(), behavior.scale_down()), read(behavior.has_scale_up(), behavior.scale_up())};
}

void History::begin(int32_t replicas, int64_t now_ns) {
  if (std::exchange(begun_, true)) return;
  recommended_.push_back({replicas, now_ns});
}

void History::drop_older(Moments& moments, int64_t than_ns) {
  while (!moments.empty() && (moments.front().at_ns < than_ns || moments.size() > kMostMoments)) moments.pop_front();
}

int32_t History::changed_since(const Moments& moments, int64_t since_ns) {
  int64_t sum = 0;
  for (const auto& moment : moments) {
    if (moment.at_ns > since_ns) sum += moment.replicas;
  }
  return static_cast<int32_t>(std::min<int64_t>(sum, std::numeric_limits<int32_t>::max()));
}

// Up to the lowest recommendation of the window for growing, down to the highest of that for shrinking.
// Without behavior nothing is known of growing, and the highest counts whatever the present number is.
int32_t History::stabilized(const Spec& spec, int32_t current, int32_t wanted, int64_t down_ns, int64_t now_ns) {
  const int64_t up_ns = spec.behavior().scale_up().stabilization_window_seconds() * kNanosPerSecond;
  int32_t up = wanted, down = wanted;
  for (const auto& moment : recommended_) {
    if (moment.at_ns > now_ns - up_ns) up = std::min(up, moment.replicas);
    if (moment.at_ns > now_ns - down_ns) down = std::max(down, moment.replicas);
  }
  recommended_.push_back({wanted, now_ns});
  drop_older(recommended_, now_ns - std::max(up_ns, down_ns));
  return spec.has_behavior() ? std::min(std::max(current, up), down) : down;
}

int64_t History::up_limit(const Rules& rules, int32_t current, int64_t now_ns) const {
  if (rules.select_policy() == "Disabled") return current;
  const bool least = rules.select_policy() == "Min";
  int64_t result = least ? std::numeric_limits<int32_t>::max() : std::numeric_limits<int32_t>::min();
  for (const auto& policy : rules.policies()) {
    const int64_t since = now_ns - policy.period_seconds() * kNanosPerSecond;
    const int64_t start = static_cast<int64_t>(current) - changed_since(ups_, since) + changed_since(downs_, since);
    // Rounded up, or few pods would never become more.
    const int64_t proposed =
        policy.type() == "Pods"
            ? start + policy.value()
            : static_cast<int64_t>(std::ceil(static_cast<double>(start) * (1 + policy.value() / 100.0)));
    result = least ? std::min(result, proposed) : std::max(result, proposed);
  }
  return result;
}

int64_t History::down_limit(const Rules& rules, int32_t current, int64_t now_ns) const {
  if (rules.select_policy() == "Disabled") return current;
  const bool least = rules.select_policy() == "Min";
  int64_t result = least ? std::numeric_limits<int32_t>::min() : std::numeric_limits<int32_t>::max();
  for (const auto& policy : rules.policies()) {
    const int64_t since = now_ns - policy.period_seconds() * kNanosPerSecond;
    const int64_t start = static_cast<int64_t>(current) - changed_since(ups_, since) + changed_since(downs_, since);
    const int64_t proposed = policy.type() == "Pods"
                                 ? start - policy.value()
                                 : static_cast<int64_t>(static_cast<double>(start) * (1 - policy.value() / 100.0));
    result = least ? std::max(result, proposed) : std::min(result, proposed);
  }
  return result;
}

void History::limit(const Spec& spec, int32_t current, int64_t now_ns, Decision& decision) const {
  const auto bounds = bounds_of(spec);
  if (decision.replicas > current) {
    const int64_t fast = std::max<int64_t>(up_limit(spec.behavior().scale_up(), current, now_ns), current);
    if (decision.replicas <= std::min<int64_t>(bounds.most, fast)) return;
    if (bounds.most > fast) return put_limit(decision, fast, "ScaleUpLimit", kTooFast);
    return put_limit(decision, bounds.most, "TooManyReplicas", kTooMany);
  }
  if (decision.replicas == current) return;
  const int64_t fast = std::min<int64_t>(down_limit(spec.behavior().scale_down(), current, now_ns), current);
  if (decision.replicas >= std::max<int64_t>(bounds.least, fast)) return;
  if (bounds.least < fast) return put_limit(decision, fast, "ScaleDownLimit", kTooFastDown);
  put_limit(decision, bounds.least, "TooFewReplicas", kTooFew);
}

Decision History::decide(const Spec& spec, int32_t current, int32_t wanted, int32_t window_s, int64_t now_ns) {
  const auto& shrinking = spec.behavior().scale_down();
  const int64_t window =
      shrinking.has_stabilization_window_seconds() ? shrinking.stabilization_window_seconds() : window_s;
  Decision out;
  out.replicas = stabilized(spec, current, wanted, window * kNanosPerSecond, now_ns);
  out.stabilized = out.replicas != wanted;
  out.able_reason = !out.stabilized     ? "ReadyForNewScale"
                    : wanted >= current ? "ScaleUpStabilized"
                                        : "ScaleDownStabilized";
  out.able_message =
      !out.stabilized ? "recommended size matches current size"
      : wanted >= current
          ? "recent recommendations were lower than current one, applying the lowest recent recommendation"
          : "recent recommendations were higher than current one, applying the highest recent recommendation";
  out.limit_reason = "DesiredWithinRange";
  out.limit_message = "the desired count is within the acceptable range";
  if (spec.has_behavior()) {
    limit(spec, current, now_ns, out);
  } else {
    limit_simply(bounds_of(spec), current, out);
  }
  return out;
}

void History::scaled(const Spec& spec, int32_t from, int32_t to, int64_t now_ns) {
  if (!spec.has_behavior() || from == to) return;
  auto& moments = to > from ? ups_ : downs_;
  moments.push_back({to > from ? to - from : from - to, now_ns});
  drop_older(ups_, now_ns - kLongestPeriod);
  drop_older(downs_, now_ns - kLongestPeriod);
}

}  // namespace gantry::autoscaler
