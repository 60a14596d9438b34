// Spans of time as people write them: "300ms", "5s", "1m30s". Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace gantry::sim {

inline constexpr int64_t kMilli = 1'000'000;
inline constexpr int64_t kSecond = 1'000 * kMilli;

// Nanoseconds; nothing when the text is no span. A number needs a unit, but for 0.
std::optional<int64_t> parse_duration(std::string_view text);
// A share of one: "0.25" or "25%".
std::optional<double> parse_share(std::string_view text);

}  // namespace gantry::sim
