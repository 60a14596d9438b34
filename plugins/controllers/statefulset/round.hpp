// One look at one StatefulSet, and the next step towards what it wants: made for a single reconcile, on that
// reconcile's thread. The plan says what; this writes it, as much at once as the order allows.
#pragma once

#include <cstdint>
#include <vector>

#include "claims.hpp"
#include "history.hpp"
#include "plan.hpp"
#include "writes.hpp"

namespace gantry::statefulset {

class Round {
 public:
  // `pods` are all that the set owns; `most` is how many are made at once, where all may be.
  Round(const sdk::Host& host, const StatefulSet& set, const std::vector<Pod>& pods, size_t most)
      : host_(host), set_(set), pods_(pods), most_(most), claims_(host, set), writes_(host, set) {}
  Round(const Round&) = delete;
  Round& operator=(const Round&) = delete;

  Status run();
  int64_t requeue_after_ms() const { return requeue_after_ms_; }

 private:
  Status act(const Scene& scene);
  Status keep_replicas(const Scene& scene, bool& wait);
  Status settle(const Scene& scene, const Replicas& plan);
  Status make(const Scene& scene, const std::vector<int64_t>& ordinals);
  std::vector<Status> add_pods(const std::vector<int64_t>& ordinals);
  Status add_pod(int64_t ordinal);
  Status send();

  const sdk::Host& host_;
  const StatefulSet& set_;
  const std::vector<Pod>& pods_;
  const size_t most_;
  Claims claims_;
  Writes writes_;  // what goes out with the status, or before what waits for it
  std::vector<const Pod*> replaced_;
  History* history_ = nullptr;
  int64_t requeue_after_ms_ = 0;
};

}  // namespace gantry::statefulset
