#include "sync.hpp"

#include <algorithm>

#include "gantry/batches.hpp"
#include "gantry/claims.hpp"
#include "gantry/pod_control.hpp"
#include "gantry/pods.hpp"
#include "gantry/writes.hpp"
#include "rolling_update.hpp"
#include "status.hpp"

namespace gantry::daemonset {

Status Sync::run() {
  const auto& selector = set_.spec().selector();
  auto candidates = sdk::claim_candidates<Pod>(host_, set_.metadata(), selector);
  if (!candidates) return std::move(candidates).error();
  auto claimed = sdk::claim(host_, set_, sdk::controller_reference(set_.metadata(), kApiVersion, kKind), selector,
                            std::move(*candidates));
  if (!claimed) return std::move(claimed).error();
  pods_ = std::move(*claimed);
  int32_t collisions = set_.status().collision_count();
  const auto history = read_history(host_, set_, pods_, collisions);
  if (collisions != set_.status().collision_count()) set_.mutable_status()->set_collision_count(collisions);
  if (!history) {
    auto failure = Status(history.error()).in("failed to construct revisions of DaemonSet");
    (void)write_status(set_.status());  // the collisions; the history's error is the one to return
    return failure;
  }
  const auto nodes = all_nodes(host_);
  const auto seats = seat_pods(nodes, pods_, Placement(set_));
  const View view{.set = set_, .hash = history->hash, .now_ns = host_.now_unix_ns()};
  const auto done = act(view, seats, *history);
  const auto status = next_status(view, seats);
  if (status.number_ready() != status.number_available()) {
    look_again_in(sdk::next_availability_ms(pods_, set_.spec().min_ready_seconds(), view.now_ns));
  }
  const auto written = write_status(status);
  return done.ok() ? written : done;
}

Status Sync::act(const View& view, const Seats& seats, const History& history) {
  const auto upkeep = plan_upkeep(view, seats, [this](const std::string& node) { return failed_wait_ms(node); });
  for (const auto& notice : upkeep.notices) {
    host_.event(set_, kApiVersion, kKind, notice.type, notice.reason, notice.message);
  }
  look_again_in(upkeep.wait_ms);
  if (auto done = apply(upkeep.plan, history.hash); !done.ok()) return done;
  // A rollout goes on when the caches have seen what upkeep did: their news brings this set here again.
  if (upkeep.plan.empty() && set_.spec().update_strategy().type() == "RollingUpdate") {
    const auto limits = limits_of(set_, count_wanted(seats));
    if (!limits) return limits.error();
    if (auto done = apply(plan_rolling_update(view, seats, *limits), history.hash); !done.ok()) return done;
  }
  const auto trimmed = trim_history(host_, set_, history, pods_);
  return trimmed.ok() ? trimmed : Status(trimmed).in("failed to clean up revisions of DaemonSet");
}

Status Sync::apply(const Plan& plan, const std::string& hash) const {
  const auto created = create(plan.create, hash);
  std::vector<Pod> doomed;
  for (size_t i = 0; i < std::min(burst_, plan.remove.size()); ++i) doomed.push_back(*plan.remove[i]);
  const sdk::PodControl control(host_, set_.metadata(), kApiVersion, kKind);
  auto removed = sdk::first_failure(control.remove(doomed));
  return created.ok() ? removed : created;
}

Status Sync::create(const std::vector<std::string>& nodes, const std::string& hash) const {
  if (nodes.empty()) return {};
  const auto plain = make_pod(set_, hash);
  const sdk::PodControl control(host_, set_.metadata(), kApiVersion, kKind);
  return sdk::slow_start(std::min(burst_, nodes.size()), 1, [&](size_t begin, size_t count) {
    std::vector<Pod> batch(count, plain);
    for (size_t i = 0; i < count; ++i) pin_to_node(batch[i], nodes[begin + i]);
    return control.create(batch);
  });
}

Status Sync::write_status(appsv1::DaemonSetStatus status) {
  return same_status(before_, status) ? Status() : sdk::write_status(host_, std::move(set_), std::move(status));
}

int64_t Sync::failed_wait_ms(const std::string& node) const {
  const auto key = set_.metadata().uid() + "/" + std::to_string(set_.status().observed_generation()) + "/" + node;
  return failed_.wait_ms(key, host_.monotonic_ns() / kNanosPerMilli);
}

void Sync::look_again_in(int64_t ms) {
  if (ms > 0) requeue_after_ms_ = requeue_after_ms_ == 0 ? ms : std::min(requeue_after_ms_, ms);
}

}  // namespace gantry::daemonset
