// The StatefulSet controller: finds a set's pods and hands them to a Round.
//
// Stateless between reconciles: the host keeps caches and queue, and holds a set back until its own writes are seen
// (wait_own_writes). reconcile runs on the host's workers; map on any thread.
#pragma once

#include <vector>

#include "gantry/controller.hpp"
#include "identity.hpp"

namespace gantry::statefulset {

class StatefulSetController : public sdk::Controller {
 public:
  using Controller::Controller;

  abi::ControllerSpec spec() const override;
  Expected<Result> reconcile(const Key& key) override;
  void map(const abi::ObjectEvent& event, const Emit& emit) override;
  Status configure() override;

 private:
  Expected<std::vector<Pod>> claim_pods(const StatefulSet& set) const;
  Status release(const StatefulSet& set, const Pod& pod) const;

  int64_t workers_ = 5;
  int64_t burst_ = 500;
};

}  // namespace gantry::statefulset
