#include "gantry/refusals.hpp"

#include <algorithm>

namespace gantry::sdk {

bool is_namespace_ending(const Status& refusal) {
  if (!refusal.details()) return false;
  const auto& causes = refusal.details()->causes;
  return std::any_of(causes.begin(), causes.end(),
                     [](const StatusCause& cause) { return cause.reason == "NamespaceTerminating"; });
}

}  // namespace gantry::sdk
