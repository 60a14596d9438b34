// The cluster IPs and node ports of the cluster, and who has them: the one truth about what is free.
//
// Made from what is stored at the start, so that nothing can leak past one; then told of each write that changes what a
// Service has (or an IPAddress that somebody made, which has one address), and of each that goes. A number is free when
// none of them has it and no request holds it. Addresses are given out of the configured ranges, and of those that
// ServiceCIDRs offer. Owned by the ServiceAllocation step. [any-thread]
#pragma once

#include <boost/json/object.hpp>
#include <compare>
#include <cstdint>
#include <functional>
#include <list>
#include <map>
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

// An address, or a node port.
struct Claim {
  static constexpr uint32_t kPorts = 2;  // 0 and 1: addresses of IPv4 and IPv6
  uint32_t pool = 0;
  AddressBits number = 0;
  auto operator<=>(const Claim&) const = default;
};
using Claims = std::vector<Claim>;  // sorted, each once

class ServiceNumbers {
 public:
  static constexpr size_t kMostRanges = 64;  // that are offered, beside the configured ones

  // Whether the object with this key that was created at this revision is stored: asked before a number that it has is
  // refused, since word of its end may be on the way. Called under the lock.
  using IsStored = std::function<bool(const std::string& key, int64_t created)>;

  ServiceNumbers(ServiceRanges ranges, std::function<uint64_t()> random, IsStored is_stored);

  const ServiceRanges& ranges() const { return ranges_; }
  static Claim claim_of(const Address& address) { return {address.ipv6 ? 1U : 0U, address.bits}; }
  static Address address_of(const Claim& claim) { return {claim.number, claim.pool == 1}; }
  std::optional<Claim> claim_of_port(int64_t port) const;
  static int port_of(const Claim& claim) { return static_cast<int>(claim.number); }
  // What a Service as it is written has of ours.
  Claims claims_of(const boost::json::object& service) const;

  // Not the network's own address nor, of IPv4, the one of all.
  static bool range_gives(const Cidr& range, const Address& address);
  // Whether a Service may ask for this address: one of the ranges gives it.
  bool gives(const Address& address) const;
  // For a request, until settle(). False: somebody or another request has it.
  bool reserve(const Claim& claim);
  std::optional<Claim> pick(bool ipv6);
  std::optional<Claim> pick_port();

  // What `by` offers from now on; nothing: no more. Returns those for which there was no room.
  std::vector<Cidr> offer(const std::string& by, std::vector<Cidr> ranges);

  // A Service or an IPAddress as it is stored: when it was created, what it has.
  struct Held {
    int64_t created = 0;
    Claims claims;
  };
  // Returns what others have, too.
  Claims hold(const std::string& key, Held held);
  // Word of an object came: it has what `look`, which is called under the lock, finds stored of it now. Nothing: it is
  // no more, and what is written after that look has its own settle().
  void see(const std::string& key, const std::function<std::optional<Held>()>& look);
  // Those of the objects that have something.
  std::vector<std::string> keys() const;
  // A request's reservations end, and its object has what is stored of it: `look`, which is called under the lock, so
  // that of two who end the later one is right. Nothing: there is none, and see() was or will be called.
  void settle(const std::string& key, const std::function<std::optional<Held>()>& look,
              std::span<const Claim> reserved);
  size_t taken(uint32_t pool) const;

 private:
  struct Hash {
    size_t operator()(const Claim& claim) const noexcept {
      const auto low = static_cast<uint64_t>(claim.number), high = static_cast<uint64_t>(claim.number >> 64);
      return std::hash<uint64_t>()(low ^ (high * 0x9e3779b97f4a7c15U) ^ (uint64_t{claim.pool} << 62));
    }
  };
  struct Use {
    uint32_t count = 0;                // objects and requests
    const std::string* who = nullptr;  // the object that had it last: a key of objects_
  };
  // Of the numbers of a range those that are taken.
  struct Range {
    explicit Range(const Cidr& range);
    bool gives(const Claim& claim) const { return claim.pool != Claim::kPorts && range_gives(cidr, address_of(claim)); }
    // In the pool; of a wide range only the first addresses are in it, the others can be asked for.
    size_t place(const Claim& claim) const {
      const AddressBits place = claim.number - cidr.base - 1;
      return place < pool.size() ? static_cast<size_t>(place) : pool.size();
    }
    const Cidr cidr;
    NumberPool pool;
    size_t offers = 1;
  };
  // By mutex_.
  void mark(const Claim& claim, bool taken);
  bool use(const Claim& claim, const std::string* who);  // true: the first
  void unuse(const Claim& claim);
  void leave(const Claim& claim, const std::string& who);  // who had it does no more
  Claims hold_locked(const std::string& key, Held held);
  void forget_locked(const std::string& key);
  bool add_range(const Cidr& range);
  void drop_range(const Cidr& range);

  const ServiceRanges ranges_;
  const std::function<uint64_t()> random_;
  const IsStored is_stored_;
  mutable std::mutex mutex_;
  std::list<Range> pools_;  // the configured ones first
  NumberPool ports_;
  std::map<std::string, std::vector<Cidr>> offers_;
  std::unordered_map<Claim, Use, Hash> uses_;      // of what is taken
  std::unordered_map<std::string, Held> objects_;  // by key
};

}  // namespace gantry::network
