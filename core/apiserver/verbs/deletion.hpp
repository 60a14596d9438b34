// What a delete request does to an object: marks it, shortens its grace, or removes it. Pure, any thread.
#pragma once

#include "core/apiserver/verbs/mutate.hpp"

namespace gantry::apiserver {

Expected<Change> plan_deletion(const Call& call, const Json& options, const store::Entry& entry, const Json& current);

}  // namespace gantry::apiserver
