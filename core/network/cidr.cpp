#include "core/network/cidr.hpp"

#include <arpa/inet.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstring>

namespace gantry::network {
namespace {

AddressBits mask_of(int bits, int prefix) {
  const AddressBits all = bits == 128 ? ~AddressBits{0} : (AddressBits{1} << bits) - 1;
  return prefix == 0 ? 0 : all & ~((AddressBits{1} << (bits - prefix)) - 1);
}

}  // namespace

Expected<Cidr> Cidr::parse(std::string_view text) {
  Cidr out;
  const size_t slash = text.find('/');
  const std::string address(text.substr(0, slash));
  out.ipv6 = address.find(':') != std::string::npos;
  std::array<unsigned char, sizeof(in6_addr)> raw{};
  bool good = slash != text.npos && ::inet_pton(out.ipv6 ? AF_INET6 : AF_INET, address.c_str(), raw.data()) == 1;
  if (good) {
    const auto* end = text.data() + text.size();
    const auto read = std::from_chars(text.data() + slash + 1, end, out.prefix);
    good = read.ec == std::errc() && read.ptr == end && out.prefix >= 0 && out.prefix <= out.bits();
  }
  if (!good) {
    return Status::invalid("\"" + std::string(text) + "\" is not a range such as 10.42.0.0/16 or fd00:42::/48");
  }
  for (int i = 0; i < out.bits() / 8; ++i) out.base = (out.base << 8) | raw[static_cast<size_t>(i)];
  out.base &= mask_of(out.bits(), out.prefix);
  return out;
}

std::string Cidr::text() const {
  std::array<unsigned char, sizeof(in6_addr)> raw{};
  const int bytes = bits() / 8;
  for (int i = 0; i < bytes; ++i) {
    raw[static_cast<size_t>(i)] = static_cast<unsigned char>(base >> (8 * (bytes - 1 - i)));
  }
  std::array<char, INET6_ADDRSTRLEN> address{};
  ::inet_ntop(ipv6 ? AF_INET6 : AF_INET, raw.data(), address.data(), address.size());
  return std::string(address.data()) + "/" + std::to_string(prefix);
}

bool Cidr::overlaps(const Cidr& other) const {
  if (ipv6 != other.ipv6) return false;
  const AddressBits mask = mask_of(bits(), std::min(prefix, other.prefix));
  return (base & mask) == (other.base & mask);
}

}  // namespace gantry::network
