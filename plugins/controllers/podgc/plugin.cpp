#include "controller.hpp"

GANTRY_CONTROLLER(gantry::podgc::PodGcController, "podgc", "1.0.0", "Gantry", "Deletes pods that nobody else would");
