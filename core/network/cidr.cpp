#include "core/network/cidr.hpp"

#include <arpa/inet.h>

#include <algorithm>
#include <array>
#include <charconv>

namespace gantry::network {
namespace {

AddressBits mask_of(int bits, int prefix) {
  const AddressBits all = bits == 128 ? ~AddressBits{0} : (AddressBits{1} << bits) - 1;
  return prefix == 0 ? 0 : all & ~((AddressBits{1} << (bits - prefix)) - 1);
}

}  // namespace

std::optional<Address> Address::parse(std::string_view text) {
  Address out;
  const std::string terminated(text);
  out.ipv6 = terminated.find(':') != std::string::npos;
  std::array<unsigned char, sizeof(in6_addr)> raw{};
  if (::inet_pton(out.ipv6 ? AF_INET6 : AF_INET, terminated.c_str(), raw.data()) != 1) return std::nullopt;
  const size_t bytes = out.ipv6 ? 16 : 4;
  for (size_t i = 0; i < bytes; ++i) out.bits = (out.bits << 8) | raw[i];
  return out;
}

std::string Address::text() const {
  std::array<unsigned char, sizeof(in6_addr)> raw{};
  const int bytes = ipv6 ? 16 : 4;
  for (int i = 0; i < bytes; ++i) {
    raw[static_cast<size_t>(i)] = static_cast<unsigned char>(bits >> (8 * (bytes - 1 - i)));
  }
  std::array<char, INET6_ADDRSTRLEN> out{};
  ::inet_ntop(ipv6 ? AF_INET6 : AF_INET, raw.data(), out.data(), out.size());
  return out.data();
}

Expected<Cidr> Cidr::parse(std::string_view text) {
  Cidr out;
  const size_t slash = text.find('/');
  const auto address = Address::parse(text.substr(0, slash));
  bool good = slash != text.npos && address.has_value();
  if (good) {
    out.ipv6 = address->ipv6;
    const auto* end = text.data() + text.size();
    const auto read = std::from_chars(text.data() + slash + 1, end, out.prefix);
    good = read.ec == std::errc() && read.ptr == end && out.prefix >= 0 && out.prefix <= out.bits();
  }
  if (!good) {
    return Status::invalid("\"" + std::string(text) + "\" is not a range such as 10.42.0.0/16 or fd00:42::/48");
  }
  out.base = address->bits & mask_of(out.bits(), out.prefix);
  return out;
}

Cidr Cidr::around(const Address& address, int prefix) {
  Cidr out{0, prefix, address.ipv6};
  out.base = address.bits & mask_of(out.bits(), prefix);
  return out;
}

std::string Cidr::text() const { return Address{base, ipv6}.text() + "/" + std::to_string(prefix); }

bool Cidr::overlaps(const Cidr& other) const {
  if (ipv6 != other.ipv6) return false;
  const AddressBits mask = mask_of(bits(), std::min(prefix, other.prefix));
  return (base & mask) == (other.base & mask);
}

bool Cidr::contains(const Address& address) const {
  return ipv6 == address.ipv6 && (address.bits & mask_of(bits(), prefix)) == base;
}

}  // namespace gantry::network
