#include "controller.hpp"

GANTRY_CONTROLLER(gantry::nodelifecycle::NodeLifecycleController, "nodelifecycle", "1.0.0", "Gantry",
                  "Notices nodes that fall silent, taints nodes, and evicts "
                  "pods that do not tolerate it");
