// What an eviction asks of a pod and of the budget that covers it, and what it does to them. Pure functions, any
// thread.
#pragma once

#include <boost/json/object.hpp>
#include <cstdint>
#include <string_view>

#include "gantry/status.hpp"

namespace gantry::kinds {

using JsonObject = boost::json::object;

// It has ended, has not begun, or goes already: no budget is asked.
bool goes_without_budget(const JsonObject& pod);
// Its end is no disruption: nothing that happens to it meanwhile can make it one.
bool has_ended(const JsonObject& pod);
bool is_covered(const JsonObject& pod, const JsonObject& budget);
// Whether the budget lets a pod that is not ready go without counting it.
bool spares_unready(const JsonObject& budget, const JsonObject& pod);
// Counts one disruption, or says why there may be none: TooManyRequests while there is no room, Forbidden when the
// budget is no good.
Status take_disruption(JsonObject& budget, std::string_view pod, int64_t now_ns);
// Somebody else was faster again and again, or the pod changed under the decision.
Status no_room(std::string_view budget);
// Says in the pod's conditions why it goes.
void mark_evicted(JsonObject& pod, int64_t now_ns);

}  // namespace gantry::kinds
