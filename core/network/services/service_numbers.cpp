#include "core/network/services/service_numbers.hpp"

#include <algorithm>
#include <utility>

#include "core/schema/values/json_access.hpp"

namespace gantry::network {
namespace {

// Neither the network's own address nor, of IPv4, the one of all.
size_t usable(const Cidr& range) {
  const size_t all = size_t{1} << std::min(range.bits() - range.prefix, ServiceRanges::kMostBits);
  const size_t lost = range.ipv6 ? 1 : 2;
  return all > lost ? all - lost : 0;
}

// Upstream's bands: of addresses a 16th, from 16 to 256; of ports a 32nd, from 16 to 128.
size_t band_of(size_t size, size_t share, size_t most) {
  const size_t low = std::clamp(size / share, size_t{16}, most);
  return low < size ? low : 0;
}

}  // namespace

ServiceNumbers::ServiceNumbers(ServiceRanges ranges, std::function<uint64_t()> random, IsStored is_stored)
    : ranges_(std::move(ranges)), random_(std::move(random)), is_stored_(std::move(is_stored)) {
  for (uint32_t i = 0; i < Claim::kPorts; ++i) {
    const size_t size = i < ranges_.addresses.size() ? usable(ranges_.addresses[i]) : 0;
    pools_.emplace_back(size, band_of(size, 16, 256));
  }
  const auto ports = static_cast<size_t>(ranges_.last_port - ranges_.first_port + 1);
  pools_.emplace_back(ports, band_of(ports, 32, 128));
}

std::optional<Claim> ServiceNumbers::claim_of(const Address& address) const {
  for (uint32_t i = 0; i < ranges_.addresses.size(); ++i) {
    const auto& range = ranges_.addresses[i];
    if (!range.contains(address)) continue;
    const AddressBits place = address.bits - range.base;
    if (place == 0 || place > pools_[i].size()) return std::nullopt;
    return Claim{i, static_cast<uint32_t>(place - 1)};
  }
  return std::nullopt;
}

std::optional<Claim> ServiceNumbers::claim_of_port(int64_t port) const {
  if (port < ranges_.first_port || port > ranges_.last_port) return std::nullopt;
  return Claim{Claim::kPorts, static_cast<uint32_t>(port - ranges_.first_port)};
}

Address ServiceNumbers::address_of(const Claim& claim) const {
  const auto& range = ranges_.addresses[claim.pool];
  return {range.base + claim.number + 1, range.ipv6};
}

Claims ServiceNumbers::claims_of(const boost::json::object& service) const {
  Claims out;
  const auto& spec = schema::object_at(service, "spec");
  const auto add = [&](const std::optional<Claim>& claim) {
    if (claim) out.push_back(*claim);
  };
  if (schema::get_text(spec, "type") == "ExternalName") return out;
  const auto add_address = [&](std::string_view text) {
    if (const auto address = Address::parse(text)) add(claim_of(*address));
  };
  if (const auto* addresses = schema::get_array(spec, "clusterIPs")) {
    for (const auto& address : *addresses) {
      if (address.is_string()) add_address(address.get_string());
    }
  }
  add_address(schema::get_text(spec, "clusterIP"));
  schema::each(spec, "ports",
               [&](const schema::JsonObject& port) { add(claim_of_port(schema::get_number(port, "nodePort"))); });
  add(claim_of_port(schema::get_number(spec, "healthCheckNodePort")));
  std::ranges::sort(out);
  const auto same = std::ranges::unique(out);
  out.erase(same.begin(), same.end());
  return out;
}

bool ServiceNumbers::use(const Claim& claim, const std::string* who) {
  Use& found = uses_[word(claim)];
  if (who != nullptr) found.who = who;
  if (found.count++ != 0) return false;
  pools_[claim.pool].take(claim.number);
  return true;
}

void ServiceNumbers::unuse(const Claim& claim) {
  const auto found = uses_.find(word(claim));
  if (found == uses_.end() || --found->second.count != 0) return;
  uses_.erase(found);
  pools_[claim.pool].give_back(claim.number);
}

bool ServiceNumbers::reserve(const Claim& claim) {
  const std::lock_guard lock(mutex_);
  const auto found = uses_.find(word(claim));
  if (found != uses_.end() && found->second.who != nullptr) {
    const std::string who = *found->second.who;
    const auto created = services_.at(who).created;
    if (!is_stored_(who, created)) forget_locked(who, created);
  }
  return !uses_.contains(word(claim)) && use(claim, nullptr);
}

std::optional<Claim> ServiceNumbers::pick(uint32_t pool) {
  const uint64_t chance = random_();
  const std::lock_guard lock(mutex_);
  const auto number = pools_[pool].pick(chance);
  if (!number) return std::nullopt;
  const Claim claim{pool, static_cast<uint32_t>(*number)};
  uses_[word(claim)].count = 1;
  return claim;
}

Claims ServiceNumbers::hold_locked(const std::string& key, Held held) {
  Claims shared;
  const auto known = services_.try_emplace(key).first;
  const Claims before = std::exchange(known->second.claims, held.claims);
  known->second.created = held.created;
  for (const auto& claim : held.claims) {
    if (!std::ranges::binary_search(before, claim) && !use(claim, &known->first)) shared.push_back(claim);
  }
  for (const auto& claim : before) {
    if (std::ranges::binary_search(held.claims, claim)) continue;
    leave(claim, known->first);
  }
  if (held.claims.empty()) services_.erase(known);
  return shared;
}

void ServiceNumbers::leave(const Claim& claim, const std::string& who) {
  const auto found = uses_.find(word(claim));
  if (found != uses_.end() && found->second.who == &who) found->second.who = nullptr;
  unuse(claim);
}

Claims ServiceNumbers::hold(const std::string& key, Held held) {
  const std::lock_guard lock(mutex_);
  return hold_locked(key, std::move(held));
}

void ServiceNumbers::settle(const std::string& key, const std::function<std::optional<Held>()>& look,
                            std::span<const Claim> reserved) {
  const std::lock_guard lock(mutex_);
  if (auto held = look()) hold_locked(key, std::move(*held));
  for (const auto& claim : reserved) unuse(claim);
}

void ServiceNumbers::forget(const std::string& key, int64_t created) {
  const std::lock_guard lock(mutex_);
  forget_locked(key, created);
}

void ServiceNumbers::forget_locked(const std::string& key, int64_t created) {
  const auto found = services_.find(key);
  if (found == services_.end() || found->second.created != created) return;
  for (const auto& claim : found->second.claims) leave(claim, found->first);
  services_.erase(found);
}

size_t ServiceNumbers::taken(uint32_t pool) const {
  const std::lock_guard lock(mutex_);
  return pools_[pool].size() - pools_[pool].free();
}

}  // namespace gantry::network
