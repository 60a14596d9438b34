// Upstream's error Statuses about one object of a kind, word for word in structure: which resource, which name, what is
// wrong. Pure, any thread.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "core/schema/schema.hpp"
#include "gantry/status.hpp"

namespace gantry::schema {

// "pods", "deployments.apps".
std::string qualified(const Kind& kind);
StatusDetails details_of(const Kind& kind, std::string_view name);
Status not_found(const Kind& kind, std::string_view name);
Status already_exists(const Kind& kind, std::string_view name);
Status conflict(const Kind& kind, std::string_view name, std::string_view why);
// A conflict with what a deletion demands, which names the kind instead of the resource.
Status precondition_conflict(const Kind& kind, std::string_view name, std::string_view why);
Status modified_conflict(const Kind& kind, std::string_view name);
Status forbidden(const Kind& kind, std::string_view name, std::string_view why, std::vector<StatusCause> causes = {});

}  // namespace gantry::schema
