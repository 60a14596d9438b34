// Durations as Go spells them, "1h30m0s", in nanoseconds. Pure, any thread.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "gantry/status.hpp"

namespace gantry::sdk {

// With a sign and fractions ("-1.5h", "0"); 400 for what is none, or longer than 64 bits hold (292 years).
Expected<int64_t> parse_duration(std::string_view text);
std::string format_duration(int64_t nanos);

}  // namespace gantry::sdk
