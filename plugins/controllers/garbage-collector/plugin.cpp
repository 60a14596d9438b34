// The ABI face of the garbage collector: gantry.controller/1.
#include "collector.hpp"

GANTRY_CONTROLLER(gantry::garbage_collector::Collector, "garbage-collector", "1.0.0", "Gantry",
                  "Deletes objects whose owners are gone");
