#include "core/network/services/service_ranges.hpp"

#include <charconv>

namespace gantry::network {
namespace {

bool read_port(std::string_view text, int& port) {
  const auto read = std::from_chars(text.data(), text.data() + text.size(), port);
  return read.ec == std::errc() && read.ptr == text.data() + text.size() && port >= 1 && port <= 65'535;
}

}  // namespace

Expected<ServiceRanges> ServiceRanges::parse(std::span<const std::string> addresses, std::string_view ports) {
  ServiceRanges out;
  for (const auto& text : addresses) {
    auto range = Cidr::parse(text);
    if (!range) return std::move(range).error();
    if (out.of_family(range->ipv6) != nullptr) {
      return Status::invalid("\"" + text +
                             "\" is a second range of its family: there may be one of IPv4 and one of IPv6");
    }
    const int count = range->bits() - range->prefix;
    if (count > kMostBits || count < 2) {
      return Status::invalid("\"" + text + "\" must have a prefix from /" + std::to_string(range->bits() - kMostBits) +
                             " to /" + std::to_string(range->bits() - 2));
    }
    out.addresses.push_back(*range);
  }
  const size_t dash = ports.find('-');
  if (dash == std::string_view::npos || !read_port(ports.substr(0, dash), out.first_port) ||
      !read_port(ports.substr(dash + 1), out.last_port) || out.first_port > out.last_port) {
    return Status::invalid("\"" + std::string(ports) + "\" is no range of ports such as 30000-32767");
  }
  return out;
}

const Cidr* ServiceRanges::of_family(bool ipv6) const {
  for (const auto& range : addresses) {
    if (range.ipv6 == ipv6) return &range;
  }
  return nullptr;
}

}  // namespace gantry::network
