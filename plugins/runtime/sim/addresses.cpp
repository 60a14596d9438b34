#include "addresses.hpp"

#include <arpa/inet.h>

#include <array>
#include <charconv>

namespace gantry::sim {
namespace {

constexpr uint32_t kFirst = 2;  // 0 is the network's, 1 a gateway's
constexpr uint32_t kNodes = (198U << 24) | (18U << 16);

std::string text(uint32_t address) {
  const in_addr raw{htonl(address)};
  std::array<char, INET_ADDRSTRLEN> out;
  ::inet_ntop(AF_INET, &raw, out.data(), out.size());
  return out.data();
}

bool read(std::string_view from, uint32_t& address) {
  in_addr raw{};
  if (::inet_pton(AF_INET, std::string(from).c_str(), &raw) != 1) return false;
  address = ntohl(raw.s_addr);
  return true;
}

}  // namespace

Addresses::Addresses(Addresses&& other) noexcept { *this = std::move(other); }
Addresses& Addresses::operator=(Addresses&& other) noexcept {
  base_ = other.base_;
  prefix_ = other.prefix_;
  nodes_ = std::move(other.nodes_);
  return *this;
}

Expected<Addresses> Addresses::plan(std::string_view cidr, int64_t nodes, int64_t pods) {
  const size_t slash = cidr.find('/');
  int prefix = -1;
  uint32_t base = 0;
  if (slash != std::string_view::npos) std::from_chars(cidr.data() + slash + 1, cidr.data() + cidr.size(), prefix);
  if (prefix < 1 || prefix > 30 || !read(cidr.substr(0, slash), base)) {
    return Status::invalid("pod_cidr: \"" + std::string(cidr) + "\" is not an IPv4 range such as 100.64.0.0/10");
  }
  Addresses out;
  out.base_ = base & (~uint32_t{0} << (32 - prefix));
  // As many again as pods may run: an address is not given to the next pod at once.
  while ((int64_t{1} << (32 - out.prefix_)) < 2 * pods + 3) --out.prefix_;
  if (out.prefix_ < prefix || (int64_t{1} << (out.prefix_ - prefix)) < nodes) {
    return Status::invalid("pod_cidr: " + std::string(cidr) + " has no room for " + std::to_string(nodes) +
                           " nodes with a /" + std::to_string(out.prefix_) + " each");
  }
  out.nodes_.resize(static_cast<size_t>(nodes));
  return out;
}

std::string Addresses::node_cidr(int64_t node) const {
  return text(base_ + (static_cast<uint32_t>(node) << (32 - prefix_))) + "/" + std::to_string(prefix_);
}

std::string Addresses::node_address(int64_t node) { return text(kNodes + 1 + static_cast<uint32_t>(node)); }

std::string Addresses::take(int64_t node) {
  const std::lock_guard lock(mutex_);
  auto& slots = nodes_[static_cast<size_t>(node)];
  const uint32_t count = (uint32_t{1} << (32 - prefix_)) - kFirst - 1;
  if (slots.used.empty()) slots.used.resize(count);
  for (uint32_t i = 0; i < count && slots.used[slots.next]; ++i) slots.next = (slots.next + 1) % count;
  const uint32_t found = slots.next;
  slots.used[found] = true;
  slots.next = (found + 1) % count;
  return text(base_ + (static_cast<uint32_t>(node) << (32 - prefix_)) + kFirst + found);
}

int64_t Addresses::slot(int64_t node, std::string_view address) const {
  uint32_t at = 0;
  if (!read(address, at)) return -1;
  const int64_t slot = int64_t{at} - (int64_t{base_} + (node << (32 - prefix_))) - kFirst;
  return slot < (int64_t{1} << (32 - prefix_)) - kFirst - 1 ? slot : -1;
}

void Addresses::reserve(int64_t node, std::string_view address) {
  const int64_t at = slot(node, address);
  if (at < 0) return;
  const std::lock_guard lock(mutex_);
  auto& slots = nodes_[static_cast<size_t>(node)];
  if (slots.used.empty()) slots.used.resize((size_t{1} << (32 - prefix_)) - kFirst - 1);
  slots.used[static_cast<size_t>(at)] = true;
}

void Addresses::give_back(int64_t node, std::string_view address) {
  const int64_t at = slot(node, address);
  const std::lock_guard lock(mutex_);
  auto& slots = nodes_[static_cast<size_t>(node)];
  if (at >= 0 && static_cast<size_t>(at) < slots.used.size()) slots.used[static_cast<size_t>(at)] = false;
}

}  // namespace gantry::sim
