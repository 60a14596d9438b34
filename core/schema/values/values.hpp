// Quantity, Time, MicroTime: Kubernetes' scalar spellings, exact. Pure functions, any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "gantry/quantity.hpp"
#include "gantry/status.hpp"

namespace gantry::schema {

using sdk::Quantity;

// RFC 3339 to nanoseconds since the epoch, and back (seconds, or six digits of fraction), always UTC "Z".
Expected<int64_t> parse_time(std::string_view text);
std::string format_time(int64_t unix_ns);
std::string format_micro_time(int64_t unix_ns);

// Named checks of FieldRules.format; the empty string when fine, else upstream's explanation of the rule.
std::string check_format(std::string_view format, std::string_view value);
// Whether there is a check of that name.
bool known_format(std::string_view format);

// "5d3h", as kubectl's AGE column.
std::string human_duration(int64_t seconds);

}  // namespace gantry::schema
