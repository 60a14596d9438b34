#include "controller.hpp"

GANTRY_CONTROLLER(gantry::disruption::DisruptionController, "disruption", "1.0.0", "Gantry",
                  "Counts how many pods of a PodDisruptionBudget may be evicted");
