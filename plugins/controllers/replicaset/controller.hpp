// The ReplicaSet controller: compares what a set wants with its pods, and creates, deletes, adopts and reports.
//
// Stateless between reconciles: the host keeps caches and queue, and holds a set back until its own writes are seen
// (wait_own_writes), so that no pod is made twice. reconcile runs on the host's workers.
#pragma once

#include <vector>

#include "gantry/controller.hpp"
#include "k8s.io/api/apps/v1/replica_set.pb.h"
#include "k8s.io/api/core/v1/pod.pb.h"

namespace gantry::replicaset {

class ReplicaSetController : public sdk::Controller {
 public:
  using Controller::Controller;

  abi::ControllerSpec spec() const override;
  Expected<Result> reconcile(const Key& key) override;
  Status configure() override;

 private:
  struct Pods {
    std::vector<corev1::Pod> active;
    size_t terminating = 0;
  };
  Expected<Pods> claim_pods(const appsv1::ReplicaSet& set) const;
  Status manage(const appsv1::ReplicaSet& set, const std::vector<corev1::Pod>& active) const;
  Status create_pods(const appsv1::ReplicaSet& set, size_t count) const;
  Status delete_pods(const appsv1::ReplicaSet& set, const std::vector<corev1::Pod>& active, size_t count) const;
  std::vector<corev1::Pod> related_pods(const appsv1::ReplicaSet& set, const std::vector<corev1::Pod>& own) const;

  int64_t workers_ = 5;
  int64_t burst_ = 500;
};

}  // namespace gantry::replicaset
