// What an answer that is no success means to a controller. Pure, any thread.
#pragma once

#include "gantry/status.hpp"

namespace gantry::sdk {

// Nothing can be created in it any more, and what is there goes with it.
bool is_namespace_ending(const Status& refusal);

// Success, too, when the object is gone: for writes that then have nothing left to do.
inline Status unless_gone(Status status) { return status.code() == 404 ? Status() : status; }
template <typename T>
Status unless_gone(const Expected<T>& answer) {
  return answer ? Status() : unless_gone(answer.error());
}

}  // namespace gantry::sdk
