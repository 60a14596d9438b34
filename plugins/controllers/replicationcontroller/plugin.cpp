#include "controller.hpp"

GANTRY_CONTROLLER(gantry::replicationcontroller::ReplicationControllerController, "replicationcontroller", "1.0.0",
                  "Gantry", "Keeps the number of pods that a ReplicationController wants");
