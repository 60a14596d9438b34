#include "imaginary_network.hpp"

#include <arpa/inet.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <set>

namespace gantry::sim {

Status ImaginaryNetwork::set_node(const abi::NetworkNode& node) {
  const std::lock_guard lock(mutex_);
  const std::string cidr = node.pod_cidrs().empty() ? "" : node.pod_cidrs(0);
  const auto slash = cidr.find('/');
  in_addr raw{};
  const int prefix = slash == std::string::npos ? 0 : std::atoi(cidr.c_str() + slash + 1);
  if (prefix < 8 || prefix > 30 || ::inet_pton(AF_INET, cidr.substr(0, slash).c_str(), &raw) != 1) {
    return Status::invalid("the node's pod range \"" + cidr + "\" is not an IPv4 range");
  }
  base_ = ntohl(raw.s_addr);
  size_ = uint32_t{1} << (32 - prefix);
  return {};
}

// By a number that comes from the sandbox's name where it is free: the same one again after a restart, mostly.
Expected<abi::NetworkResult> ImaginaryNetwork::add(const abi::NetworkAttachment& attachment) {
  const std::lock_guard lock(mutex_);
  if (size_ == 0) return Status::unavailable("the node has no pod range yet");
  auto [known, fresh] = given_.try_emplace(attachment.sandbox_id(), 0);
  if (fresh) {
    std::set<uint32_t> used;
    for (const auto& [sandbox, slot] : given_) used.insert(slot);
    const uint32_t room = size_ - 3;
    auto slot = static_cast<uint32_t>(std::strtoul(attachment.sandbox_id().substr(0, 7).c_str(), nullptr, 16) % room);
    for (uint32_t tried = 0; tried < room && used.contains(slot + 2); ++tried) slot = (slot + 1) % room;
    known->second = slot + 2;
  }
  const in_addr raw{htonl(base_ + known->second)};
  std::array<char, INET_ADDRSTRLEN> text;
  ::inet_ntop(AF_INET, &raw, text.data(), text.size());
  abi::NetworkResult out;
  out.add_ips(text.data());
  return out;
}

Status ImaginaryNetwork::del(const abi::NetworkAttachment& attachment) {
  const std::lock_guard lock(mutex_);
  given_.erase(attachment.sandbox_id());
  return {};
}

Status ImaginaryNetwork::gc(const abi::NetworkLive& live) {
  const std::lock_guard lock(mutex_);
  const std::set<std::string> ids(live.sandbox_ids().begin(), live.sandbox_ids().end());
  std::erase_if(given_, [&](const auto& one) { return !ids.contains(one.first); });
  return {};
}

}  // namespace gantry::sim
