#include "controller.hpp"

GANTRY_CONTROLLER(gantry::statefulset::StatefulSetController, "statefulset", "1.0.0", "Gantry",
                  "Keeps the pods of StatefulSets, each with a name and storage of its own");
