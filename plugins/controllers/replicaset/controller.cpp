#include "controller.hpp"

namespace gantry::replicaset {

Status ReplicaSetController::configure() {
  return take(host().config_int("workers", workers_), host().config_int("burst_replicas", burst_));
}

}  // namespace gantry::replicaset
