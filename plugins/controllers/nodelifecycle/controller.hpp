// The node lifecycle controller: nodes that are silent become Unknown, nodes
// get the taints of their conditions, and pods leave nodes whose NoExecute
// taints they do not tolerate, in time.
//
// Keys are nodes, and "/zones" for what concerns all of them: whose turn it is
// to be given up. What is kept in memory (who was heard when, whose turn it
// was) begins anew with the instance, as after a restart of the control plane.
// reconcile runs on the host's workers; the tables have locks of their own.
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <vector>

#include "evictions.hpp"
#include "gantry/controller.hpp"
#include "heartbeats.hpp"
#include "k8s.io/api/core/v1/node.pb.h"
#include "k8s.io/api/core/v1/pod.pb.h"
#include "settings.hpp"
#include "zones.hpp"

namespace gantry::nodelifecycle {

class NodeLifecycleController : public sdk::Controller {
 public:
  using Controller::Controller;

  abi::ControllerSpec spec() const override;
  void map(const abi::ObjectEvent& event, const Emit& emit) override;
  Expected<Result> reconcile(const Key& key) override;
  Status configure() override;

 private:
  // Of one node, what its reconciles remember.
  struct Memory {
    TaintTimes taints;
    std::set<std::string> doomed;  // pods that had a time to go, as NAMESPACE/NAME
  };
  void map_lease(const abi::ObjectEvent& event);
  void map_pod(const abi::ObjectEvent& event, const Emit& emit) const;
  Status begin();
  Expected<Result> look_at_zones();
  Expected<Result> look_at_node(const corev1::Node& node);
  void forget(const Key& key);
  Status write_unknown(corev1::Node node) const;
  // The milliseconds until the next pod must go; 0: none.
  Expected<int64_t> look_at_pods(const corev1::Node& node);
  Expected<int64_t> evict_due(const std::vector<corev1::Pod>& pods, const std::vector<TimedTaint>& taints,
                              Memory& memory) const;
  void tell_spared(const std::vector<corev1::Pod>& pods, const std::set<std::string>& doomed, Memory& memory) const;
  Memory& memory_of(const std::string& node);

  Settings settings_;
  Heartbeats heartbeats_;
  std::unique_ptr<Zones> zones_ = std::make_unique<Zones>();
  std::mutex mutex_;  // of what follows
  bool begun_ = false;
  std::map<std::string, Memory> memories_;  // each is used by its node's reconcile alone
};

}  // namespace gantry::nodelifecycle
