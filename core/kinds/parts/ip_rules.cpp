// Owns the reading and the spelling of IP addresses and ranges in rules. Pure functions, any thread.
#include "core/kinds/parts/ip_rules.hpp"

#include <arpa/inet.h>

#include <algorithm>

#include "core/kinds/parts/addresses.hpp"

namespace gantry::kinds {
namespace {

struct Ip : Address {
  bool mapped = false, zeros = false;  // ::ffff:10.0.0.1, 010.0.0.1
};

bool all_digits(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; });
}

bool has_leading_zero(std::string_view digits) { return digits.size() > 1 && digits.front() == '0'; }

// A number up to `most`.
std::optional<int> read_number(std::string_view digits, int most) {
  if (!all_digits(digits)) return std::nullopt;
  int number = 0;
  for (char c : digits) {
    number = number * 10 + (c - '0');
    if (number > most) return std::nullopt;
  }
  return number;
}

std::optional<Ip> read_ip(std::string_view text) {
  const bool colons = text.find(':') != std::string_view::npos;
  if (const auto address = parse_address(text)) return Ip{{*address}, colons && !address->six, false};
  const auto address = parse_loose_address(text);
  return address ? std::optional(Ip{{*address}, false, true}) : std::nullopt;
}

// RFC 5952, which inet_ntop follows but for addresses that begin with 96 bits of zero.
std::string ip_text(const std::array<uint8_t, 16>& bytes, bool six) {
  char out[INET6_ADDRSTRLEN];
  if (!six) return inet_ntop(AF_INET, bytes.data() + 12, out, sizeof out);
  std::string text = inet_ntop(AF_INET6, bytes.data(), out, sizeof out);
  if (text.find('.') == std::string::npos) return text;
  snprintf(out, sizeof out, "::%x:%x", bytes[12] << 8 | bytes[13], bytes[14] << 8 | bytes[15]);
  return out;
}

void keep_bits(std::array<uint8_t, 16>& bytes, bool six, int bits) {
  const int first = six ? 0 : 96;
  for (int bit = first + bits; bit < 128; ++bit) {
    bytes[static_cast<size_t>(bit / 8)] &= static_cast<uint8_t>(~(0x80U >> (bit % 8)));
  }
}

struct RangeText {
  Ip ip;
  int bits = 0;
  bool zeros = false;
};

std::optional<RangeText> read_range(std::string_view text) {
  const size_t slash = text.find('/');
  if (slash == std::string_view::npos) return std::nullopt;
  const auto ip = read_ip(text.substr(0, slash));
  const std::string_view digits = text.substr(slash + 1);
  if (!ip) return std::nullopt;
  const auto bits = read_number(digits, ip->six || ip->mapped ? 128 : 32);
  if (!bits) return std::nullopt;
  return RangeText{*ip, *bits, ip->zeros || has_leading_zero(digits)};
}

std::string canonical_problem(const std::string& canonical) {
  return "must be in canonical form (\"" + canonical + "\")";
}

std::vector<std::string> range_problems(std::string_view text, Spelling spelling) {
  const auto range = read_range(text);
  if (!range) return {"must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)"};
  if (range->zeros) return {"must not have leading 0s in IP or prefix length"};
  if (range->ip.mapped) return {"must not have an IPv4-mapped IPv6 address"};
  auto kept = range->ip.bytes;
  keep_bits(kept, range->ip.six, range->bits);
  if (kept != range->ip.bytes) return {"must not have bits set beyond the prefix length"};
  const std::string canonical = ip_text(kept, range->ip.six) + "/" + std::to_string(range->bits);
  if (spelling == Spelling::kCanonical && text != canonical) return {canonical_problem(canonical)};
  return {};
}

}  // namespace

std::optional<IpRange> parse_range(std::string_view text) {
  const auto range = read_range(text);
  if (!range) return std::nullopt;
  IpRange out{range->ip.bytes, range->ip.six, range->ip.mapped ? std::max(range->bits - 96, 0) : range->bits};
  keep_bits(out.bytes, out.six, out.bits);
  return out;
}

bool is_part(const IpRange& inner, const IpRange& outer) {
  if (inner.six != outer.six || inner.bits <= outer.bits) return false;
  auto start = inner.bytes;
  keep_bits(start, inner.six, outer.bits);
  return start == outer.bytes;
}

bool looks_like_ip(std::string_view text) { return read_ip(text).has_value(); }

std::vector<std::string> ip_problems(std::string_view text, Spelling spelling) {
  const auto ip = read_ip(text);
  if (!ip) return {"must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)"};
  if (ip->zeros) return {"must not have leading 0s"};
  if (ip->mapped) return {"must not be an IPv4-mapped IPv6 address"};
  const std::string canonical = ip_text(ip->bytes, ip->six);
  if (spelling == Spelling::kCanonical && text != canonical) return {canonical_problem(canonical)};
  return {};
}

Kept kept_texts(const JsonArray* list) {
  Kept out;
  for (size_t i = 0; list != nullptr && i < list->size(); ++i) {
    if (const auto* text = (*list)[i].if_string()) out.insert(*text);
  }
  return out;
}

void check_ip(std::string_view text, Spelling spelling, const At& at, std::string_view name, Errors& errors) {
  for (const std::string& problem : ip_problems(text, spelling)) errors.invalid(at, name, Json(text), problem);
}

void check_range(std::string_view text, Spelling spelling, const At& at, std::string_view name, Errors& errors) {
  for (const std::string& problem : range_problems(text, spelling)) errors.invalid(at, name, Json(text), problem);
}

void check_old_ip(std::string_view text, const Kept& kept, const At& at, std::string_view name, Errors& errors) {
  if (!kept.contains(text)) check_ip(text, Spelling::kAny, at, name, errors);
}

void check_old_range(std::string_view text, const Kept& kept, const At& at, std::string_view name, Errors& errors) {
  if (!kept.contains(text)) check_range(text, Spelling::kAny, at, name, errors);
}

void warn_ip(std::string_view text, const At& at, Warnings& warnings) {
  const auto ip = read_ip(text);
  if (!ip) return;
  const std::string canonical = schema::quoted(ip_text(ip->bytes, ip->six)), given = schema::quoted(text);
  if (ip->zeros || ip->mapped) {
    warnings.add(at, "",
                 "non-standard IP address " + given +
                     " will be considered invalid in a future Kubernetes release: use " + canonical);
  } else if (ip->six && given != canonical) {
    warnings.add(at, "", "IPv6 address " + given + " should be in RFC 5952 canonical format (" + canonical + ")");
  }
}

void warn_range(std::string_view text, const At& at, Warnings& warnings) {
  const auto range = read_range(text);
  if (!range) return;
  const auto& ip = range->ip;
  const bool mapped = ip.mapped && range->bits >= 96;
  const int bits = mapped ? range->bits - 96 : range->bits, all = ip.six ? 128 : 32;
  auto kept = ip.bytes;
  keep_bits(kept, ip.six, bits);
  const std::string given = schema::quoted(text);
  const std::string canonical = schema::quoted(ip_text(kept, ip.six) + "/" + std::to_string(bits));
  const bool ambiguous = kept != ip.bytes;
  if (ambiguous) {
    const std::string one = schema::quoted(ip_text(ip.bytes, ip.six) + "/" + std::to_string(all));
    warnings.add(at, "",
                 "CIDR value " + given + " is ambiguous in this context (should be " + canonical + " or " + one + "?)");
  }
  if (range->zeros || ip.mapped) {
    warnings.add(at, "",
                 "non-standard CIDR value " + given +
                     " will be considered invalid in a future Kubernetes release: use " + canonical);
  } else if (!ambiguous && ip.six && given != canonical) {
    warnings.add(at, "", "IPv6 CIDR value " + given + " should be in RFC 5952 canonical format (" + canonical + ")");
  }
}

namespace {

void warn_each(const JsonObject& object, std::string_view key, const At& at, Warnings& warnings,
               void (*warn)(std::string_view, const At&, Warnings&)) {
  const JsonArray* list = get_array(object, key);
  if (list == nullptr) return;
  for (size_t i = 0; i < list->size() && !warnings.full(); ++i) {
    if (const auto* text = (*list)[i].if_string()) warn(*text, at.child(key, i), warnings);
  }
}

}  // namespace

void warn_ips(const JsonObject& object, std::string_view key, const At& at, Warnings& warnings) {
  warn_each(object, key, at, warnings, warn_ip);
}

void warn_ranges(const JsonObject& object, std::string_view key, const At& at, Warnings& warnings) {
  warn_each(object, key, at, warnings, warn_range);
}

}  // namespace gantry::kinds
