#include "plan.hpp"

#include <algorithm>

#include "gantry/int_or_percent.hpp"
#include "gantry/pods.hpp"

namespace gantry::daemonset {
namespace {

class Planner {
 public:
  Planner(const View& view, const std::function<int64_t(const std::string&)>& failed_wait_ms)
      : view_(view), failed_wait_ms_(failed_wait_ms), surging_(allows_surge(view.set)) {}

  void add(const Seat& seat) {
    if (seat.fit.wanted && seat.pods.empty()) {
      upkeep_.plan.create.push_back(seat.name());
    } else if (seat.fit.may_stay) {
      keep(seat);
    } else {
      std::copy_if(seat.pods.begin(), seat.pods.end(), std::back_inserter(upkeep_.plan.remove),
                   [](const Pod* pod) { return !pod->metadata().has_deletion_timestamp(); });
    }
  }
  // Nothing ends a pod that waits for a node that is not there; one that ran there is its node's business.
  void add_homeless(const Pod* pod) {
    if (pod->spec().node_name().empty() && !pod->metadata().has_deletion_timestamp()) remove(pod);
  }
  Upkeep take() { return std::move(upkeep_); }

 private:
  void remove(const Pod* pod) { upkeep_.plan.remove.push_back(pod); }

  void keep(const Seat& seat) {
    std::vector<const Pod*> running;
    for (const auto* pod : seat.pods) {
      if (pod->metadata().has_deletion_timestamp()) continue;
      if (pod->status().phase() == "Failed") {
        end_failed(seat, pod);
      } else if (pod->status().phase() == "Succeeded") {
        notice("Normal", "SucceededDaemonPod", "succeeded", seat, pod, "delete");
        remove(pod);
      } else {
        running.push_back(pod);
      }
    }
    if (!surging_) {
      for (size_t i = 1; i < running.size(); ++i) remove(running[i]);
    } else if (running.empty()) {
      if (seat.fit.wanted) upkeep_.plan.create.push_back(seat.name());
    } else if (running.size() > 1) {
      keep_two(running);
    }
  }

  // At most one old and one new pod; the old one as long as it works and the new one does not yet.
  void keep_two(const std::vector<const Pod*>& running) {
    const Pod *fresh = nullptr, *old = nullptr;
    for (const auto* pod : running) {
      const Pod*& oldest = view_.is_new(*pod) ? fresh : old;
      if (oldest == nullptr) {
        oldest = pod;
      } else {
        remove(pod);
      }
    }
    if (fresh == nullptr || old == nullptr) return;
    if (!sdk::is_ready(*old) || view_.is_available(*fresh)) remove(old);
  }

  void end_failed(const Seat& seat, const Pod* pod) {
    const int64_t wait = failed_wait_ms_(seat.name());
    if (wait > 0) {
      upkeep_.wait_ms = upkeep_.wait_ms == 0 ? wait : std::min(upkeep_.wait_ms, wait);
      return;
    }
    notice("Warning", "FailedDaemonPod", "failed", seat, pod, "kill");
    remove(pod);
  }

  void notice(const char* type, const char* reason, const char* what, const Seat& seat, const Pod* pod,
              const char* end) {
    upkeep_.notices.push_back({type, reason,
                               std::string("Found ") + what + " daemon pod " + pod->metadata().namespace_() + "/" +
                                   pod->metadata().name() + " on node " + seat.name() + ", will try to " + end +
                                   " it"});
  }

  const View& view_;
  const std::function<int64_t(const std::string&)>& failed_wait_ms_;
  const bool surging_;
  Upkeep upkeep_;
};

}  // namespace

bool View::is_available(const Pod& pod) const { return sdk::is_available(pod, set.spec().min_ready_seconds(), now_ns); }

bool allows_surge(const DaemonSet& set) {
  const auto& strategy = set.spec().update_strategy();
  if (strategy.type() != "RollingUpdate" || !strategy.rolling_update().has_max_surge()) return false;
  const auto surge = sdk::scaled_value(strategy.rolling_update().max_surge(), 1, true);
  return surge && *surge > 0;
}

Upkeep plan_upkeep(const View& view, const Seats& seats,
                   const std::function<int64_t(const std::string& node)>& failed_wait_ms) {
  Planner planner(view, failed_wait_ms);
  for (const auto& seat : seats.all) planner.add(seat);
  for (const auto* pod : seats.homeless) planner.add_homeless(pod);
  return planner.take();
}

}  // namespace gantry::daemonset
