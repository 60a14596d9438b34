#include "controller.hpp"

namespace gantry::replicationcontroller {

metav1::LabelSelector Kind::selector(const Owner& controller) {
  metav1::LabelSelector selector;
  *selector.mutable_match_labels() = controller.spec().selector();
  return selector;
}

Status ReplicationControllerController::configure() {
  return take(host().config_int("workers", workers_), host().config_int("burst_replicas", burst_));
}

}  // namespace gantry::replicationcontroller
