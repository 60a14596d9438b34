// The replicaset controller under another name: a successor for the same job.
#include "controller.hpp"

GANTRY_CONTROLLER(gantry::replicaset::ReplicaSetController, "replicaset-next", "2.0.0", "tests",
                  "Keeps the number of pods that a ReplicaSet wants");
