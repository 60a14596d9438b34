// Owns the reading of IP addresses for rules, and which of them are of use to other machines. Pure functions, any
// thread.
#include "core/kinds/parts/addresses.hpp"

#include <arpa/inet.h>

#include <algorithm>

namespace gantry::kinds {
namespace {

constexpr size_t kLongestAddress = 45;

bool starts_with_zeros(const Address& address, size_t count) {
  return std::all_of(address.bytes.begin(), address.bytes.begin() + static_cast<ptrdiff_t>(count),
                     [](uint8_t byte) { return byte == 0; });
}

bool is_loopback(const Address& address) {
  return address.six ? starts_with_zeros(address, 15) && address.bytes[15] == 1 : address.bytes[12] == 127;
}

bool is_link_local(const Address& address) {
  const auto& b = address.bytes;
  return address.six ? b[0] == 0xfe && (b[1] & 0xc0) == 0x80 : b[12] == 169 && b[13] == 254;
}

bool is_link_local_group(const Address& address) {
  const auto& b = address.bytes;
  return address.six ? b[0] == 0xff && (b[1] & 0x0f) == 0x02 : b[12] == 224 && b[13] == 0 && b[14] == 0;
}

// "10.0.0.5" of "010.0.0.005".
std::string without_zeros(std::string_view text) {
  std::string out;
  for (size_t begin = 0; begin <= text.size();) {
    const size_t end = std::min(text.find('.', begin), text.size());
    std::string_view part = text.substr(begin, end - begin);
    while (part.size() > 1 && part.front() == '0') part.remove_prefix(1);
    if (begin > 0) out += '.';
    out += part;
    begin = end + 1;
  }
  return out;
}

}  // namespace

std::optional<Address> parse_address(std::string_view text) {
  if (text.size() > kLongestAddress || text.find('\0') != std::string_view::npos) return std::nullopt;
  const std::string spelled(text);
  Address address;
  if (text.find(':') == std::string_view::npos) {
    if (inet_pton(AF_INET, spelled.c_str(), address.bytes.data() + 12) != 1) return std::nullopt;
    return address;
  }
  if (inet_pton(AF_INET6, spelled.c_str(), address.bytes.data()) != 1) return std::nullopt;
  const bool mapped = starts_with_zeros(address, 10) && address.bytes[10] == 0xff && address.bytes[11] == 0xff;
  if (mapped) {
    address.bytes[10] = address.bytes[11] = 0;
  } else {
    address.six = true;
  }
  return address;
}

std::optional<Address> parse_loose_address(std::string_view text) {
  const bool colons = text.find(':') != std::string_view::npos;
  return colons ? parse_address(text) : parse_address(without_zeros(text));
}

bool is_six(std::string_view text) {
  const auto address = parse_address(text);
  return address && address->six;
}

void check_reachable(const At& at, std::string_view name, std::string_view text, Errors& errors) {
  const auto address = parse_loose_address(text);
  if (!address) return;
  if (starts_with_zeros(*address, 16)) {
    errors.invalid(at, name, Json(text), "may not be unspecified (" + std::string(text) + ")");
  }
  if (is_loopback(*address)) {
    errors.invalid(at, name, Json(text), "may not be in the loopback range (127.0.0.0/8, ::1/128)");
  }
  if (is_link_local(*address)) {
    errors.invalid(at, name, Json(text), "may not be in the link-local range (169.254.0.0/16, fe80::/10)");
  }
  if (is_link_local_group(*address)) {
    errors.invalid(at, name, Json(text), "may not be in the link-local multicast range (224.0.0.0/24, ff02::/10)");
  }
}

}  // namespace gantry::kinds
