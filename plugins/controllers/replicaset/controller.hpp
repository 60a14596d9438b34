// The ReplicaSet controller: sdk::ReplicaController over ReplicaSets, and its configuration.
#pragma once

#include "gantry/replica_controller.hpp"
#include "k8s.io/api/apps/v1/replica_set.pb.h"

namespace gantry::replicaset {

struct Kind {
  using Owner = appsv1::ReplicaSet;
  static constexpr char kName[] = "replicaset", kGroup[] = "apps", kApiVersion[] = "apps/v1", kKind[] = "ReplicaSet";
  static constexpr int kSelectorPath[] = {Owner::kSpecFieldNumber, appsv1::ReplicaSetSpec::kSelectorFieldNumber};
  static const metav1::LabelSelector& selector(const Owner& set) { return set.spec().selector(); }
};

class ReplicaSetController : public sdk::ReplicaController<Kind> {
 public:
  using ReplicaController::ReplicaController;
  Status configure() override;
};

}  // namespace gantry::replicaset
