#include "controller.hpp"

GANTRY_CONTROLLER(gantry::deployment::DeploymentController, "deployment", "1.0.0", "Gantry",
                  "Rolls pods from one version of a template to the next");
