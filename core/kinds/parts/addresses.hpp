// IP addresses in the rules of Services and Endpoints. Pure functions, any thread.
#pragma once

#include <array>
#include <optional>

#include "core/kinds/kind.hpp"

namespace gantry::kinds {

// One of IPv4 is its last four bytes, also when it is written as one of IPv6 (::ffff:10.0.0.1).
struct Address {
  std::array<uint8_t, 16> bytes{};
  bool six = false;
};
std::optional<Address> parse_address(std::string_view text);
// As older clients may write it, too: "010.0.0.005".
std::optional<Address> parse_loose_address(std::string_view text);
// Whether it is an address of IPv6.
bool is_six(std::string_view text);

// An address that other machines may send to: none that stands for nobody, oneself or a link. Of what is no address at
// all others tell.
void check_reachable(const At& at, std::string_view name, std::string_view text, Errors& errors);

}  // namespace gantry::kinds
