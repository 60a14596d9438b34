// Deletes what is in a namespace: one pass over every namespaced resource that discovery names. [worker]: blocks on the
// API.
#pragma once

#include <string>

#include "conditions.hpp"
#include "gantry/host.hpp"

namespace gantry::namespaces {

// Asks for the deletion of everything and says what is still there. Pods first: as long as one is left, nothing else is
// touched. `deleted_at_ns` is when the namespace was deleted: what pods may take counts from there.
Pass delete_content(const sdk::Host& host, const std::string& ns, int64_t deleted_at_ns);

}  // namespace gantry::namespaces
