// Which answers of the API say that the same request can never succeed. Pure function, any thread.
#pragma once

#include "gantry/status.hpp"

namespace gantry::client {

// The request itself is wrong (invalid, too large, not understood): sending it again changes nothing. Not so where time
// helps, or another's write: who may (401, 403), what is there (404, 409, 410), load (408, 429), and all failures of
// the server.
inline bool is_final(const Status& error) {
  switch (error.code()) {
    case 401:
    case 403:
    case 404:
    case 408:
    case 409:
    case 410:
    case 425:
    case 429:
      return false;
    default:
      return error.code() >= 400 && error.code() < 500;
  }
}

}  // namespace gantry::client
