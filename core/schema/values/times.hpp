// Time as Go keeps it: seconds and nanoseconds, years 0 to 9999. Used by the codecs; values.hpp has the public half.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "gantry/durations.hpp"
#include "gantry/status.hpp"

namespace gantry::schema {

struct Moment {
  int64_t seconds = 0;  // since 1970
  int32_t nanos = 0;
  // Go's zero time, the first second of year 1, which Kubernetes writes as null.
  bool is_zero() const { return seconds == -62135596800 && nanos == 0; }
};

// Errors are Go's. `micro`: as MicroTime is read, with six digits of fraction, no fewer.
Expected<Moment> parse_moment(std::string_view text, bool micro = false);
// digits: 0 or 6 of fraction.
std::string format_moment(const Moment& moment, int digits);

using sdk::format_duration;
using sdk::parse_duration;

}  // namespace gantry::schema
