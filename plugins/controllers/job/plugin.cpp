#include "controller.hpp"

GANTRY_CONTROLLER(gantry::job::JobController, "job", "1.0.0", "Gantry",
                  "Runs the pods of Jobs to their end and counts them");
