// The HorizontalPodAutoscaler controller: every 15 s what an autoscaler's pods use, and how many there shall be.
//
// Looks at an autoscaler when its time has come or its spec changed, not at each event: its own status comes back as
// one. What it remembers of each (history, due time) is in memory alone. reconcile runs on the host's workers, for one
// autoscaler at a time.
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <vector>

#include "behaviour.hpp"
#include "gantry/controller.hpp"
#include "k8s.io/api/autoscaling/v2/horizontal_pod_autoscaler.pb.h"
#include "k8s.io/api/core/v1/pod.pb.h"
#include "pod_usage.hpp"
#include "target.hpp"

namespace gantry::autoscaler {

using HorizontalPodAutoscaler = autoscalingv2::HorizontalPodAutoscaler;

class Autoscaler : public sdk::Controller {
 public:
  explicit Autoscaler(sdk::Host host) : Controller(host), targets_(host) {}

  abi::ControllerSpec spec() const override;
  Expected<Result> reconcile(const Key& key) override;
  Status configure() override;

 private:
  struct Memory {
    std::string uid, spec;  // of the object that was looked at
    int64_t due_ns = 0;
    History history;
    std::set<std::string> pods;  // UIDs of those it counted last
  };
  using MemoryPtr = std::shared_ptr<Memory>;
  // What one look works with.
  struct Look {
    HorizontalPodAutoscaler& object;
    Memory& memory;
    const std::string id;  // "namespace/name"
    const int64_t now_ns;
    autoscalingv2::HorizontalPodAutoscalerStatus& status;
    std::vector<corev1::Pod> pods = {};
    std::vector<PodMetrics> metrics = {};
  };
  struct Wanted {
    int32_t replicas = 0;
    std::string because;  // the metric that wants most
    int failed = 0;
  };

  MemoryPtr memory_of(const Key& key);
  void forget(const Key& key);
  Status look(Look& look);
  Status scale(Look& look, Targets::Target& target);
  Status change(Look& look, Targets::Target& target, int32_t to, const std::string& why);
  Status find_pods(Look& look, const Targets::Target& target);
  Status check_alone(Look& look, const std::string& selector);
  Expected<Wanted> want(Look& look, const Targets::Target& target);
  Expected<Proposal> propose(Look& look, const autoscalingv2::MetricSpec& metric, int32_t replicas) const;
  Status fail(Look& look, std::string_view reason, const std::string& why, const std::string& whole) const;
  void event(const Look& look, std::string_view type, std::string_view reason, const std::string& message) const;

  Targets targets_;
  int64_t workers_ = 5, period_ms_ = 15'000, window_s_ = 300, tolerance_percent_ = 10;
  Patience patience_;
  std::mutex mutex_;
  std::map<std::pair<std::string, std::string>, MemoryPtr> memories_;
  std::map<std::string, std::set<std::string>> counted_by_;  // which autoscalers count a pod, by its UID
};

}  // namespace gantry::autoscaler
