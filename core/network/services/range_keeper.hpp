// ServiceCIDRs on their way: each gets a finalizer and the condition Ready, which says why Services get nothing from
// one where that is so; one that is being deleted goes when none of the Services' addresses would be left without a
// range, and until then its condition says what holds it.
//
// Addresses are given out of what ServiceCIDRs offer by ServiceNumbers, which hears of them from the store. Runs in the
// server role, on the thread that it is given.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>

#include "core/network/services/keeper.hpp"
#include "core/network/services/service_ranges.hpp"

namespace gantry::network {

struct RangeKeeperOptions : KeeperOptions {
  std::function<int64_t()> now_unix_ns;
  ServiceRanges ranges;  // the configured ones
};

class RangeKeeper {
 public:
  explicit RangeKeeper(RangeKeeperOptions options);
  ~RangeKeeper();  // stops
  RangeKeeper(const RangeKeeper&) = delete;
  RangeKeeper& operator=(const RangeKeeper&) = delete;

 private:
  class Impl;
  std::shared_ptr<Impl> impl_;
};

}  // namespace gantry::network
