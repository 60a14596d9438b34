#include "controller.hpp"

GANTRY_CONTROLLER(gantry::cronjob::CronJobController, "cronjob", "1.0.0", "Gantry", "Makes Jobs at certain times");
