// Kubernetes' quantities ("1500m", "2Gi", "1e3"), exact. Value type, any thread.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "gantry/status.hpp"

namespace gantry::sdk {

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

}  // namespace gantry::sdk
