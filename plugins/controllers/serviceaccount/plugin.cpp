// The ABI face of the service account controller: gantry.controller/1.
#include "service_account_controller.hpp"

GANTRY_CONTROLLER(gantry::service_accounts::ServiceAccountController, "serviceaccount", "1.0.0", "Gantry",
                  "Keeps the ServiceAccount default in every namespace");
