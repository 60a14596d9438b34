// Which of the ranges that ServiceCIDRs offer Services get addresses from: those of the configured families, and of
// them as many as ServiceNumbers takes. One that has been served stays before others; of the rest the older come first.
//
// Used by the keeper of ServiceCIDRs, under its lock. Not thread-safe.
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <tuple>
#include <vector>

#include "core/network/services/service_ranges.hpp"

namespace gantry::network {

class ServedRanges {
 public:
  explicit ServedRanges(ServiceRanges configured);

  struct Offer {
    std::vector<Cidr> ranges;
    bool ready = false;  // it was served
    int64_t created_ns = 0;
  };
  // True: others are served by that than before.
  bool put(const std::string& name, Offer offer);
  bool drop(const std::string& name);

  // Why Services get nothing from some of a ServiceCIDR's ranges.
  struct Answer {
    bool all = true, any = false;  // of its ranges are served
    std::string reason, message;   // of the first that is not
  };
  Answer answer(const std::string& name) const;

 private:
  using Rank = std::tuple<bool, int64_t, std::string>;  // those that were served come first
  static Rank rank_of(const std::string& name, const Offer& offer) { return {!offer.ready, offer.created_ns, name}; }
  bool choose();
  bool is_served(const Cidr& range) const;

  const ServiceRanges configured_;
  std::map<std::string, Offer> offers_;
  std::set<Rank> ranks_;
  std::vector<Cidr> served_;  // beside the configured ones
};

}  // namespace gantry::network
