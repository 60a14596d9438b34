#include "controller.hpp"

GANTRY_CONTROLLER(gantry::autoscaler::Autoscaler, "horizontalpodautoscaler", "1.0.0", "Gantry",
                  "Keeps a number of pods that fits what they have to do");
