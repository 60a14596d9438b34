// One reconcile of one DaemonSet, from its history to its status. [worker]; made for one run.
#pragma once

#include <cstdint>
#include <vector>

#include "failed_pods.hpp"
#include "history.hpp"
#include "plan.hpp"

namespace gantry::daemonset {

class Sync {
 public:
  // `burst`: most pods that are created, and most that are deleted, in one run. Borrows host and waits.
  Sync(const sdk::Host& host, DaemonSet set, FailedPods& failed, int64_t burst)
      : host_(host),
        set_(std::move(set)),
        before_(set_.status()),
        failed_(failed),
        burst_(static_cast<size_t>(burst)) {}

  Status run();
  // When to look again should nothing happen; 0: no need.
  int64_t requeue_after_ms() const { return requeue_after_ms_; }

 private:
  Status act(const View& view, const Seats& seats, const History& history);
  Status apply(const Plan& plan, const std::string& hash) const;
  Status create(const std::vector<std::string>& nodes, const std::string& hash) const;
  // The last step: the set goes into it.
  Status write_status(appsv1::DaemonSetStatus status);
  int64_t failed_wait_ms(const std::string& node) const;
  void look_again_in(int64_t ms);

  const sdk::Host& host_;
  DaemonSet set_;
  const appsv1::DaemonSetStatus before_;  // as the server has it
  FailedPods& failed_;
  const size_t burst_;
  std::vector<Pod> pods_;
  int64_t requeue_after_ms_ = 0;
};

}  // namespace gantry::daemonset
