#include "gantry/int_or_percent.hpp"

#include <algorithm>
#include <charconv>
#include <limits>
#include <string>

namespace gantry::sdk {

Expected<int32_t> scaled_value(const k8s::io::apimachinery::pkg::util::intstr::IntOrString& value, int32_t total,
                               bool round_up) {
  using Limits = std::numeric_limits<int32_t>;
  if (value.type() == 0) return value.int_val();
  const std::string& text = value.str_val();
  int64_t percent = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), percent);
  if (error != std::errc() || end + 1 != text.data() + text.size() || *end != '%') {
    return Status::invalid("invalid value \"" + text + "\": it is not a percentage");
  }
  int64_t product = 0;
  if (__builtin_mul_overflow(percent, total, &product))
    return (percent > 0) == (total > 0) ? Limits::max() : Limits::min();
  const int64_t rest = product % 100;
  const int64_t scaled = product / 100 + (round_up && rest > 0 ? 1 : 0) - (!round_up && rest < 0 ? 1 : 0);
  return static_cast<int32_t>(std::clamp<int64_t>(scaled, Limits::min(), Limits::max()));
}

}  // namespace gantry::sdk
