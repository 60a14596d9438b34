// The Deployment controller: finds a Deployment's sets and hands them to a Rollout.
//
// Stateless between reconciles. reconcile runs on the host's workers; map on any thread.
#pragma once

#include <deque>

#include "gantry/controller.hpp"
#include "k8s.io/api/apps/v1/deployment.pb.h"
#include "k8s.io/api/apps/v1/replica_set.pb.h"

namespace gantry::deployment {

class DeploymentController : public sdk::Controller {
 public:
  using Controller::Controller;

  abi::ControllerSpec spec() const override;
  Expected<Result> reconcile(const Key& key) override;
  void map(const abi::ObjectEvent& event, const Emit& emit) override;
  Status configure() override;

 private:
  Status refuse_everything(appsv1::Deployment deployment) const;
  Expected<std::deque<appsv1::ReplicaSet>> claim_sets(const appsv1::Deployment& deployment) const;

  int64_t workers_ = 5;
};

}  // namespace gantry::deployment
