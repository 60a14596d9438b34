// The ReplicationController controller: sdk::ReplicaController over ReplicationControllers, whose selector is a plain
// map of labels, and its configuration.
#pragma once

#include "gantry/replica_controller.hpp"
#include "k8s.io/api/core/v1/replication_controller.pb.h"

namespace gantry::replicationcontroller {

struct Kind {
  using Owner = corev1::ReplicationController;
  static constexpr char kName[] = "replicationcontroller", kGroup[] = "", kApiVersion[] = "v1",
                        kKind[] = "ReplicationController";
  // The 0 says that the selector before it is a map.
  static constexpr int kSelectorPath[] = {Owner::kSpecFieldNumber,
                                          corev1::ReplicationControllerSpec::kSelectorFieldNumber, 0};
  static metav1::LabelSelector selector(const Owner& controller);
};

class ReplicationControllerController : public sdk::ReplicaController<Kind> {
 public:
  using ReplicaController::ReplicaController;
  Status configure() override;
};

}  // namespace gantry::replicationcontroller
