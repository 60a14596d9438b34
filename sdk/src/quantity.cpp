#include "gantry/quantity.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <limits>

namespace gantry::sdk {
namespace {

__extension__ using Int128 = __int128;

constexpr std::string_view kFormatWrong =
    "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'";
constexpr std::string_view kNumericWrong = "unable to parse numeric part of quantity";
constexpr std::string_view kSuffixWrong = "unable to parse quantity's suffix";
constexpr int32_t kNano = -9;
constexpr Int128 kInt128Max = (((static_cast<Int128>(1) << 126) - 1) << 1) + 1;

struct Unit {
  std::string_view text;
  int32_t exponent;
  bool binary;
};
constexpr std::array<Unit, 16> kUnits = {{{"Ki", 10, true},
                                          {"Mi", 20, true},
                                          {"Gi", 30, true},
                                          {"Ti", 40, true},
                                          {"Pi", 50, true},
                                          {"Ei", 60, true},
                                          {"n", -9, false},
                                          {"u", -6, false},
                                          {"m", -3, false},
                                          {"", 0, false},
                                          {"k", 3, false},
                                          {"M", 6, false},
                                          {"G", 9, false},
                                          {"T", 12, false},
                                          {"P", 15, false},
                                          {"E", 18, false}}};

bool digit(char c) { return c >= '0' && c <= '9'; }

bool multiply(Int128& value, Int128 factor) { return !__builtin_mul_overflow(value, factor, &value); }

// value * 10^exponent, saturating; exponent may be any size.
Int128 scale_up(Int128 value, int64_t exponent) {
  bool negative = value < 0;
  for (; exponent > 0 && value != 0; --exponent) {
    if (!multiply(value, 10)) return negative ? -kInt128Max : kInt128Max;
  }
  return value;
}

// value / 10^places, away from zero when it does not come out even.
Int128 divide_up(Int128 value, int64_t places, bool* exact = nullptr) {
  Int128 divisor = 1;
  for (; places > 0; --places) {
    if (!multiply(divisor, 10)) {
      if (exact != nullptr) *exact = value == 0;
      return value == 0 ? 0 : (value > 0 ? 1 : -1);
    }
  }
  Int128 quotient = value / divisor;
  bool even = value % divisor == 0;
  if (exact != nullptr) *exact = even;
  if (!even) quotient += value > 0 ? 1 : -1;
  return quotient;
}

std::string to_text(Int128 value) {
  if (value == 0) return "0";
  bool negative = value < 0;
  std::string out;
  while (value != 0) {
    auto low = static_cast<int>(value % 10);
    out.push_back(static_cast<char>('0' + (low < 0 ? -low : low)));
    value /= 10;
  }
  if (negative) out.push_back('-');
  std::reverse(out.begin(), out.end());
  return out;
}

// The pieces of "-0012.50Ki".
struct Pieces {
  bool positive = true;
  std::string_view whole, fraction, suffix;
};

bool split(std::string_view text, Pieces& out) {
  size_t pos = 0;
  if (text[0] == '-' || text[0] == '+') {
    out.positive = text[0] == '+';
    pos = 1;
  }
  while (pos < text.size() && text[pos] == '0') ++pos;
  size_t begin = pos;
  while (pos < text.size() && digit(text[pos])) ++pos;
  out.whole = text.substr(begin, pos - begin);
  if (pos < text.size() && text[pos] == '.') {
    begin = ++pos;
    while (pos < text.size() && digit(text[pos])) ++pos;
    out.fraction = text.substr(begin, pos - begin);
  }
  out.suffix = text.substr(pos);
  while (pos < text.size() && std::string_view("eEinumkKMGTP").find(text[pos]) != std::string_view::npos) ++pos;
  if (pos < text.size() && (text[pos] == '-' || text[pos] == '+')) ++pos;
  while (pos < text.size() && digit(text[pos])) ++pos;
  return pos == text.size();
}

std::string decimal_suffix(int32_t exponent) {
  for (const Unit& unit : kUnits) {
    if (!unit.binary && unit.exponent == exponent) return std::string(unit.text);
  }
  return "e" + std::to_string(exponent);
}

// mantissa and exponent with the exponent a multiple of three.
std::pair<Int128, int32_t> canonical_decimal(Int128 value, int32_t scale) {
  while (value != 0 && value % 10 == 0) {
    value /= 10;
    ++scale;
  }
  int32_t rest = ((scale % 3) + 3) % 3;
  return {scale_up(value, rest), scale - rest};
}

Status wrong(std::string_view text) { return Status::bad_request(std::string(text)); }

}  // namespace

Expected<Quantity> Quantity::parse(std::string_view text) {
  Quantity out;
  if (text.empty()) return wrong(kFormatWrong);
  Pieces pieces;
  if (!split(text, pieces)) return wrong(kFormatWrong);

  int32_t exponent = 0;
  std::string_view suffix = pieces.suffix;
  if (suffix.size() > 1 && (suffix[0] == 'e' || suffix[0] == 'E') && suffix != "Ei") {
    std::string_view number = suffix.substr(suffix[1] == '+' ? 2 : 1);
    auto [end, error] = std::from_chars(number.data(), number.data() + number.size(), exponent);
    if (error != std::errc() || end != number.data() + number.size() || exponent > 1000000 || exponent < -1000000) {
      return wrong(kSuffixWrong);
    }
    out.suffix_ = Suffix::kExponent;
  } else {
    auto unit = std::find_if(kUnits.begin(), kUnits.end(), [&](const Unit& u) { return u.text == suffix; });
    if (unit == kUnits.end()) return wrong(kSuffixWrong);
    exponent = unit->exponent;
    if (unit->binary) out.suffix_ = Suffix::kBinary;
  }

  // Digits beyond what 128 bits hold are refused for the whole part, and rounded up for the fraction.
  Int128 value = 0;
  for (char c : pieces.whole) {
    if (!multiply(value, 10) || __builtin_add_overflow(value, c - '0', &value)) return wrong(kNumericWrong);
  }
  int32_t scale = 0;
  for (char c : pieces.fraction) {
    Int128 longer = value;
    if (!multiply(longer, 10) || longer > kInt128Max / 2) {
      if (c != '0') {
        value += 1;
        break;
      }
      continue;
    }
    value = longer + (c - '0');
    --scale;
  }
  size_t digits = std::max<size_t>(pieces.whole.size(), 1) + pieces.fraction.size();
  if (out.suffix_ == Suffix::kBinary) {
    bool fast = pieces.fraction.empty() && static_cast<int>(digits) + exponent * 3 / 10 + 1 <= 15;
    if (fast && (value & 7) != 0) out.spelling_ = std::string(text);
    Int128 shifted = value;
    constexpr Int128 kMax = std::numeric_limits<int64_t>::max();
    if (!multiply(shifted, static_cast<Int128>(1) << exponent)) {
      shifted = kMax;
      scale = 0;
    }
    value = shifted;
    if (divide_up(value, -scale) > kMax) {
      value = kMax;
      scale = 0;
    }
  } else {
    scale += exponent;
    char first = !pieces.whole.empty() ? pieces.whole.front() : '0';
    std::string shifted = std::string(pieces.whole) + std::string(pieces.fraction);
    if (digits <= 18 && scale >= kNano && scale % 3 == 0 && !shifted.ends_with("000") && first != '0') {
      out.spelling_ = std::string(text);
    }
  }
  if (scale < kNano) {
    value = divide_up(value, kNano - scale);
    scale = kNano;
  }
  if (out.suffix_ == Suffix::kBinary && value > 0 && scale < 0 && divide_up(value, -scale) <= 1 &&
      value < scale_up(1, -scale)) {
    out.suffix_ = Suffix::kDecimal;
  }
  out.unscaled_ = pieces.positive ? value : -value;
  out.scale_ = scale;
  return out;
}

std::string Quantity::to_string() const {
  if (!spelling_.empty()) return spelling_;
  if (unscaled_ == 0) return "0";
  Suffix suffix = suffix_;
  Int128 whole = 0;
  if (suffix == Suffix::kBinary) {
    bool exact = true;
    whole = scale_ < 0 ? divide_up(unscaled_, -scale_, &exact) : scale_up(unscaled_, scale_);
    if (!exact || (whole > -1024 && whole < 1024)) suffix = Suffix::kDecimal;
  }
  if (suffix == Suffix::kBinary) {
    int power = 0;
    while (whole % 1024 == 0 && power < 6) {
      whole /= 1024;
      ++power;
    }
    constexpr std::array<std::string_view, 7> kBinary = {"", "Ki", "Mi", "Gi", "Ti", "Pi", "Ei"};
    return to_text(whole) + std::string(kBinary[static_cast<size_t>(power)]);
  }
  auto [value, exponent] = canonical_decimal(unscaled_, scale_);
  if (suffix == Suffix::kExponent) return to_text(value) + (exponent == 0 ? "" : "e" + std::to_string(exponent));
  return to_text(value) + decimal_suffix(exponent);
}

namespace {
int64_t saturate(Int128 value) {
  constexpr Int128 kMax = std::numeric_limits<int64_t>::max();
  constexpr Int128 kMin = std::numeric_limits<int64_t>::min();
  return static_cast<int64_t>(std::clamp(value, kMin, kMax));
}
}  // namespace

int64_t Quantity::value() const {
  return saturate(scale_ < 0 ? divide_up(unscaled_, -scale_) : scale_up(unscaled_, scale_));
}

int64_t Quantity::milli_value() const {
  int64_t scale = static_cast<int64_t>(scale_) + 3;
  return saturate(scale < 0 ? divide_up(unscaled_, -scale) : scale_up(unscaled_, scale));
}

int Quantity::compare(const Quantity& other) const {
  int32_t common = std::min(scale_, other.scale_);
  Int128 a = scale_up(unscaled_, scale_ - common), b = scale_up(other.unscaled_, other.scale_ - common);
  return a < b ? -1 : (a > b ? 1 : 0);
}

}  // namespace gantry::sdk
