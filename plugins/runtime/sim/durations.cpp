#include "durations.hpp"

#include <charconv>

#include "gantry/durations.hpp"

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

}  // namespace

std::optional<int64_t> parse_duration(std::string_view text) {
  const auto nanos = sdk::parse_duration(text);
  // A century: what is longer was not meant.
  if (!nanos || *nanos < 0 || *nanos > int64_t{100} * 365 * 86'400 * kSecond) return std::nullopt;
  return *nanos;
}

std::optional<double> parse_share(std::string_view text) {
  const auto number = take_number(text);
  if (!number) return std::nullopt;
  const double share = text == "%" ? *number / 100 : *number;
  if ((!text.empty() && text != "%") || share > 1) return std::nullopt;
  return share;
}

}  // namespace gantry::sim
