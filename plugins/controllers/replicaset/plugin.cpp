#include "controller.hpp"

GANTRY_CONTROLLER(gantry::replicaset::ReplicaSetController, "replicaset", "1.0.0", "Gantry",
                  "Keeps the number of pods that a ReplicaSet wants");
