// podgc: deletes pods that nobody else would, each looked at when it, or its node, changes. No sweeps: a pod's key is
// its own, and what several share (how many are over, which nodes are missing) is kept here and found anew from the
// caches after a start. reconcile runs on the host's workers, map on any thread.
#pragma once

#include <atomic>
#include <mutex>

#include "gantry/controller.hpp"
#include "k8s.io/api/core/v1/node.pb.h"
#include "k8s.io/api/core/v1/pod.pb.h"
#include "missing_nodes.hpp"
#include "terminated.hpp"

namespace gantry::podgc {

class PodGcController : public sdk::Controller {
 public:
  using Controller::Controller;

  abi::ControllerSpec spec() const override;
  Expected<Result> reconcile(const Key& key) override;
  // Of nodes: the pods on one that is gone, or out of service.
  void map(const abi::ObjectEvent& event, const Emit& emit) override;
  Status configure() override;

 private:
  Status count_all();
  Status remove_terminated();
  Expected<Result> look_at_orphan(corev1::Pod pod);
  bool has_node(const std::string& name) const;
  Status end(corev1::Pod pod, bool node_is_gone) const;

  int64_t threshold_ = 12'500;
  int64_t workers_ = 2;
  Terminated terminated_;
  MissingNodes missing_;
  std::mutex counting_;
  std::atomic<bool> counted_ = false;
};

}  // namespace gantry::podgc
