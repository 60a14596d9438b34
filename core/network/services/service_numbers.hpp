// The cluster IPs and node ports of the cluster, and which Services have them: the one truth about what is free.
//
// Made from the stored Services at the start, so that nothing can leak past one; then told of each write that changes
// what a Service has, and of each that goes. A number is free when no Service has it and no request holds it.
// Owned by the ServiceAllocation step. [any-thread]
#pragma once

#include <boost/json/object.hpp>
#include <compare>
#include <cstdint>
#include <functional>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "core/network/services/number_pool.hpp"
#include "core/network/services/service_ranges.hpp"

namespace gantry::network {

// A number of one of the pools: an address's place in its range, or a port's.
struct Claim {
  static constexpr uint32_t kPorts = 2;  // 0 and 1: the ranges of addresses
  uint32_t pool = 0, number = 0;
  auto operator<=>(const Claim&) const = default;
};
using Claims = std::vector<Claim>;  // sorted, each once

class ServiceNumbers {
 public:
  // Whether the Service with this key that was created at this revision is stored: asked before a number that it has is
  // refused, since word of its end may be on the way. Called under the lock.
  using IsStored = std::function<bool(const std::string& key, int64_t created)>;

  ServiceNumbers(ServiceRanges ranges, std::function<uint64_t()> random, IsStored is_stored);

  const ServiceRanges& ranges() const { return ranges_; }
  std::optional<Claim> claim_of(const Address& address) const;  // nothing: in none of the ranges
  std::optional<Claim> claim_of_port(int64_t port) const;
  Address address_of(const Claim& claim) const;
  int port_of(const Claim& claim) const { return ranges_.first_port + static_cast<int>(claim.number); }
  // What a Service as it is written has of ours.
  Claims claims_of(const boost::json::object& service) const;

  // For a request, until settle(). False: a Service or another request has it.
  bool reserve(const Claim& claim);
  std::optional<Claim> pick(uint32_t pool);

  // A Service as it is stored: when it was created, what it has.
  struct Held {
    int64_t created = 0;
    Claims claims;
  };
  // Returns what others have, too.
  Claims hold(const std::string& key, Held held);
  // That Service is no more.
  void forget(const std::string& key, int64_t created);
  // A request's reservations end, and its Service has what is stored of it: `look`, which is called under the lock, so
  // that of two who end the later one is right. Nothing: there is none, and forget() was or will be called.
  void settle(const std::string& key, const std::function<std::optional<Held>()>& look,
              std::span<const Claim> reserved);
  size_t taken(uint32_t pool) const;

 private:
  static uint64_t word(const Claim& claim) { return (uint64_t{claim.pool} << 32) | claim.number; }
  struct Use {
    uint32_t count = 0;                // Services and requests
    const std::string* who = nullptr;  // the Service that had it last: a key of services_
  };
  // By mutex_.
  bool use(const Claim& claim, const std::string* who);  // true: the first
  void unuse(const Claim& claim);
  void leave(const Claim& claim, const std::string& who);  // who had it does no more
  Claims hold_locked(const std::string& key, Held held);
  void forget_locked(const std::string& key, int64_t created);

  const ServiceRanges ranges_;
  const std::function<uint64_t()> random_;
  const IsStored is_stored_;
  mutable std::mutex mutex_;
  std::vector<NumberPool> pools_;                   // as Claim says
  std::unordered_map<uint64_t, Use> uses_;          // of what is taken
  std::unordered_map<std::string, Held> services_;  // by key
};

}  // namespace gantry::network
