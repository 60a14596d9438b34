#include "core/network/services/service_numbers.hpp"

#include <algorithm>
#include <utility>

#include "core/schema/values/json_access.hpp"

namespace gantry::network {
namespace {

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

size_t count_of_ports(const ServiceRanges& ranges) {
  return static_cast<size_t>(ranges.last_port - ranges.first_port + 1);
}

}  // namespace

ServiceNumbers::Range::Range(const Cidr& range) : cidr(range), pool(usable(range), band_of(usable(range), 16, 256)) {}

bool ServiceNumbers::range_gives(const Cidr& range, const Address& address) {
  if (!range.contains(address) || address.bits == range.base) return false;
  return range.ipv6 || address.bits - range.base + 1 < AddressBits{1} << (range.bits() - range.prefix);
}

ServiceNumbers::ServiceNumbers(ServiceRanges ranges, std::function<uint64_t()> random, IsStored is_stored)
    : ranges_(std::move(ranges)),
      random_(std::move(random)),
      is_stored_(std::move(is_stored)),
      ports_(count_of_ports(ranges_), band_of(count_of_ports(ranges_), 32, 128)) {
  for (const auto& range : ranges_.addresses) pools_.emplace_back(range);
}

std::optional<Claim> ServiceNumbers::claim_of_port(int64_t port) const {
  if (port < ranges_.first_port || port > ranges_.last_port) return std::nullopt;
  return Claim{Claim::kPorts, static_cast<AddressBits>(port)};
}

Claims ServiceNumbers::claims_of(const boost::json::object& service) const {
  Claims out;
  const auto& spec = schema::object_at(service, "spec");
  const auto add = [&](const std::optional<Claim>& claim) {
    if (claim) out.push_back(*claim);
  };
  if (schema::get_text(spec, "type") == "ExternalName") return out;
  const auto add_address = [&](std::string_view text) {
    if (const auto address = Address::parse(text)) out.push_back(claim_of(*address));
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

bool ServiceNumbers::gives(const Address& address) const {
  const std::lock_guard lock(mutex_);
  return std::ranges::any_of(pools_, [&](const Range& range) { return range.gives(claim_of(address)); });
}

void ServiceNumbers::mark(const Claim& claim, bool taken) {
  const auto in = [&](NumberPool& pool, size_t place) { taken ? void(pool.take(place)) : pool.give_back(place); };
  if (claim.pool == Claim::kPorts) return in(ports_, static_cast<size_t>(port_of(claim) - ranges_.first_port));
  for (auto& range : pools_) {
    if (range.gives(claim)) in(range.pool, range.place(claim));
  }
}

bool ServiceNumbers::use(const Claim& claim, const std::string* who) {
  Use& found = uses_[claim];
  if (who != nullptr) found.who = who;
  if (found.count++ != 0) return false;
  mark(claim, true);
  return true;
}

void ServiceNumbers::unuse(const Claim& claim) {
  const auto found = uses_.find(claim);
  if (found == uses_.end() || --found->second.count != 0) return;
  uses_.erase(found);
  mark(claim, false);
}

bool ServiceNumbers::reserve(const Claim& claim) {
  const std::lock_guard lock(mutex_);
  const auto found = uses_.find(claim);
  if (found != uses_.end() && found->second.who != nullptr) {
    const std::string who = *found->second.who;
    if (!is_stored_(who, objects_.at(who).created)) forget_locked(who);
  }
  return !uses_.contains(claim) && use(claim, nullptr);
}

std::optional<Claim> ServiceNumbers::pick(bool ipv6) {
  const uint64_t chance = random_();
  const std::lock_guard lock(mutex_);
  for (auto& range : pools_) {
    if (range.cidr.ipv6 != ipv6) continue;
    const auto place = range.pool.pick(chance);
    if (!place) continue;
    const Claim claim{ipv6 ? 1U : 0U, range.cidr.base + *place + 1};
    use(claim, nullptr);
    return claim;
  }
  return std::nullopt;
}

std::optional<Claim> ServiceNumbers::pick_port() {
  const uint64_t chance = random_();
  const std::lock_guard lock(mutex_);
  const auto place = ports_.pick(chance);
  if (!place) return std::nullopt;
  const Claim claim{Claim::kPorts, static_cast<AddressBits>(ranges_.first_port) + *place};
  use(claim, nullptr);
  return claim;
}

bool ServiceNumbers::add_range(const Cidr& range) {
  const auto known = std::ranges::find(pools_, range, &Range::cidr);
  if (known != pools_.end()) return ++known->offers != 0;
  if (pools_.size() >= ranges_.addresses.size() + kMostRanges) return false;
  auto& added = pools_.emplace_back(range);
  for (const auto& [claim, used] : uses_) {
    if (added.gives(claim)) added.pool.take(added.place(claim));
  }
  return true;
}

void ServiceNumbers::drop_range(const Cidr& range) {
  const auto known = std::ranges::find(pools_, range, &Range::cidr);
  if (known != pools_.end() && --known->offers == 0) pools_.erase(known);
}

std::vector<Cidr> ServiceNumbers::offer(const std::string& by, std::vector<Cidr> ranges) {
  const std::lock_guard lock(mutex_);
  std::vector<Cidr> refused;
  const auto before = std::exchange(offers_[by], {});
  auto& now = offers_[by];
  for (const auto& range : ranges) {
    const bool had = std::ranges::find(before, range) != before.end();
    (had || add_range(range) ? now : refused).push_back(range);
  }
  for (const auto& range : before) {
    if (std::ranges::find(now, range) == now.end()) drop_range(range);
  }
  if (now.empty()) offers_.erase(by);
  return refused;
}

Claims ServiceNumbers::hold_locked(const std::string& key, Held held) {
  Claims shared;
  const auto known = objects_.try_emplace(key).first;
  const Claims before = std::exchange(known->second.claims, held.claims);
  known->second.created = held.created;
  for (const auto& claim : held.claims) {
    if (!std::ranges::binary_search(before, claim) && !use(claim, &known->first)) shared.push_back(claim);
  }
  for (const auto& claim : before) {
    if (std::ranges::binary_search(held.claims, claim)) continue;
    leave(claim, known->first);
  }
  if (held.claims.empty()) objects_.erase(known);
  return shared;
}

void ServiceNumbers::leave(const Claim& claim, const std::string& who) {
  const auto found = uses_.find(claim);
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

void ServiceNumbers::see(const std::string& key, const std::function<std::optional<Held>()>& look) {
  const std::lock_guard lock(mutex_);
  if (auto held = look()) {
    hold_locked(key, std::move(*held));
  } else {
    forget_locked(key);
  }
}

void ServiceNumbers::forget_locked(const std::string& key) {
  const auto found = objects_.find(key);
  if (found == objects_.end()) return;
  for (const auto& claim : found->second.claims) leave(claim, found->first);
  objects_.erase(found);
}

std::vector<std::string> ServiceNumbers::keys() const {
  const std::lock_guard lock(mutex_);
  std::vector<std::string> out;
  for (const auto& [key, held] : objects_) out.push_back(key);
  for (const auto& [key, ranges] : offers_) out.push_back(key);
  return out;
}

size_t ServiceNumbers::taken(uint32_t pool) const {
  const std::lock_guard lock(mutex_);
  return static_cast<size_t>(std::ranges::count_if(uses_, [&](const auto& use) { return use.first.pool == pool; }));
}

}  // namespace gantry::network
