#include "controller.hpp"

GANTRY_CONTROLLER(gantry::ttl_after_finished::TtlController, "ttl-after-finished", "1.0.0", "Gantry",
                  "Deletes Jobs some time after they are done");
