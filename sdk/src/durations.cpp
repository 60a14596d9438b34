#include "gantry/durations.hpp"

#include <array>
#include <charconv>

namespace gantry::sdk {

Expected<int64_t> parse_duration(std::string_view text) {
  auto bad = [&] { return Status::bad_request("time: invalid duration \"" + std::string(text) + "\""); };
  std::string_view rest = text;
  bool negative = rest.starts_with('-');
  if (negative || rest.starts_with('+')) rest.remove_prefix(1);
  if (rest == "0") return int64_t{0};
  if (rest.empty()) return bad();
  struct Unit {
    std::string_view text;
    double nanos;
  };
  constexpr std::array<Unit, 8> kUnits = {{{"ns", 1},
                                           {"us", 1e3},
                                           {"\xc2\xb5s", 1e3},
                                           {"\xce\xbcs", 1e3},
                                           {"ms", 1e6},
                                           {"s", 1e9},
                                           {"m", 60e9},
                                           {"h", 3600e9}}};
  double total = 0;
  while (!rest.empty()) {
    double number = 0;
    auto [end, error] = std::from_chars(rest.data(), rest.data() + rest.size(), number, std::chars_format::fixed);
    if (error != std::errc() || !(number >= 0)) return bad();  // "nan" is a number to from_chars
    rest.remove_prefix(static_cast<size_t>(end - rest.data()));
    const Unit* found = nullptr;
    for (const Unit& unit : kUnits) {
      bool longer = unit.text == "m" && rest.starts_with("ms");
      if (rest.starts_with(unit.text) && !longer) found = &unit;
    }
    if (found == nullptr) return bad();
    rest.remove_prefix(found->text.size());
    total += number * found->nanos;
    if (total > 9.2e18) return bad();
  }
  return static_cast<int64_t>(negative ? -total : total);
}

std::string format_duration(int64_t nanos) {
  if (nanos == 0) return "0s";
  std::string sign = nanos < 0 ? "-" : "";
  uint64_t n = nanos < 0 ? 0 - static_cast<uint64_t>(nanos) : static_cast<uint64_t>(nanos);
  auto fraction = [](uint64_t value, uint64_t unit, int digits) {
    std::string out = std::to_string(value / unit);
    if (value % unit != 0) {
      std::string tail = std::to_string(value % unit);
      tail.insert(0, static_cast<size_t>(digits) - tail.size(), '0');
      while (tail.back() == '0') tail.pop_back();
      out += "." + tail;
    }
    return out;
  };
  if (n < 1000) return sign + std::to_string(n) + "ns";
  if (n < 1000000) return sign + fraction(n, 1000, 3) + "\xc2\xb5s";
  if (n < 1000000000) return sign + fraction(n, 1000000, 6) + "ms";
  uint64_t seconds = n / 1000000000;
  std::string out = fraction(n % 60000000000, 1000000000, 9) + "s";
  if (seconds >= 60) out = std::to_string(seconds / 60 % 60) + "m" + out;
  if (seconds >= 3600) out = std::to_string(seconds / 3600) + "h" + out;
  return sign + out;
}

}  // namespace gantry::sdk
