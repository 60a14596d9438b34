#include "slow_runtime.hpp"

GANTRY_PLUGIN(slow::Runtime, "slow-runtime", "1.0.0", "Gantry examples", "Another runtime, slower", GANTRY_RUNTIME_ID);
