// Requests for certificates, and certificates, as PEM. Pure functions, any thread.
#pragma once

#include <string_view>

#include "gantry/status.hpp"

namespace gantry::kinds {

// A PKCS#10 request that its own key has signed.
Status check_request_pem(std::string_view pem);
// One certificate or more, and nothing else.
Status check_certificate_pem(std::string_view pem);

}  // namespace gantry::kinds
