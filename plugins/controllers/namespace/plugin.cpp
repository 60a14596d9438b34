// The ABI face of the namespace controller: gantry.controller/1.
#include "namespace_controller.hpp"

GANTRY_CONTROLLER(gantry::namespaces::NamespaceController, "namespace", "1.0.0", "Gantry",
                  "Empties namespaces that are being deleted");
