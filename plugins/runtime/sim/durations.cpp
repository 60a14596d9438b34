#include "durations.hpp"

#include <array>
#include <charconv>
#include <utility>

namespace gantry::sim {
namespace {

// Takes a number off the front.
std::optional<double> take_number(std::string_view& text) {
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value, std::chars_format::fixed);
  if (error != std::errc() || value < 0) return std::nullopt;
  text.remove_prefix(static_cast<size_t>(end - text.data()));
  return value;
}

// Takes a unit off the front; 0 when there is none. "ms" before "m".
int64_t take_unit(std::string_view& text) {
  constexpr std::array<std::pair<std::string_view, int64_t>, 6> kUnits{
      {{"ms", kMilli}, {"us", 1'000}, {"ns", 1}, {"s", kSecond}, {"m", 60 * kSecond}, {"h", 3'600 * kSecond}}};
  for (const auto& [name, size] : kUnits) {
    if (!text.starts_with(name)) continue;
    text.remove_prefix(name.size());
    return size;
  }
  return 0;
}

}  // namespace

std::optional<int64_t> parse_duration(std::string_view text) {
  if (text == "0") return 0;
  if (text.empty()) return std::nullopt;
  double total = 0;
  while (!text.empty()) {
    const auto number = take_number(text);
    if (!number) return std::nullopt;
    const int64_t unit = take_unit(text);
    if (unit == 0) return std::nullopt;
    total += *number * static_cast<double>(unit);
  }
  // A century: what is longer was not meant.
  if (total > 100.0 * 365 * 86'400 * static_cast<double>(kSecond)) return std::nullopt;
  return static_cast<int64_t>(total);
}

std::optional<double> parse_share(std::string_view text) {
  const auto number = take_number(text);
  if (!number) return std::nullopt;
  const double share = text == "%" ? *number / 100 : *number;
  if ((!text.empty() && text != "%") || share > 1) return std::nullopt;
  return share;
}

}  // namespace gantry::sim
