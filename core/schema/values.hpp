// Quantity, Time, MicroTime, IntOrString: Kubernetes' scalar spellings, exact. Pure functions, any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "gantry/status.hpp"

namespace gantry::schema {

// A resource.Quantity. Keeps upstream's canonical spelling: "1500m" stays, "1024Mi" becomes "1Gi", "0.5" becomes
// "500m".
class Quantity {
 public:
  static Expected<Quantity> parse(std::string_view text);
  std::string to_string() const;  // canonical
  // Rounded up, saturating at int64's ends.
  int64_t value() const;
  int64_t milli_value() const;
  bool negative() const { return unscaled_ < 0; }
  bool zero() const { return unscaled_ == 0; }
  // Less than, equal to, greater than zero, as this is to the other.
  int compare(const Quantity& other) const;

 private:
  __extension__ using Int128 = __int128;
  enum class Suffix : uint8_t { kDecimal, kBinary, kExponent };
  Int128 unscaled_ = 0;  // value = unscaled * 10^scale
  int32_t scale_ = 0;
  Suffix suffix_ = Suffix::kDecimal;
  std::string spelling_;  // upstream keeps some spellings as they came ("1.234"); empty: canonical
};

// RFC 3339 to nanoseconds since the epoch, and back (seconds, or six digits of fraction), always UTC "Z".
Expected<int64_t> parse_time(std::string_view text);
std::string format_time(int64_t unix_ns);
std::string format_micro_time(int64_t unix_ns);

// "25%" of total, or the integer itself. round_up as intstr.GetScaledValueFromIntOrPercent.
Expected<int64_t> scaled_value(std::string_view int_or_percent, int64_t total, bool round_up);

// Named checks of FieldRules.format; the empty string when fine, else upstream's explanation of the rule.
std::string check_format(std::string_view format, std::string_view value);
// Whether there is a check of that name.
bool known_format(std::string_view format);

// "5d3h", as kubectl's AGE column.
std::string human_duration(int64_t seconds);

}  // namespace gantry::schema
