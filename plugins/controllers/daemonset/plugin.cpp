#include "controller.hpp"

GANTRY_CONTROLLER(gantry::daemonset::DaemonSetController, "daemonset", "1.0.0", "Gantry",
                  "Keeps one pod of a DaemonSet on every node that it is for");
