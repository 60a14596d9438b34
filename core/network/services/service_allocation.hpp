// The admission step that gives Services their cluster IPs and node ports, and takes them back: upstream does it in the
// storage of Services, behind its admission steps and before validation, which is where the last step that may change a
// request stands. An IPAddress that somebody makes reserves its address, and ServiceCIDRs offer more of them.
//
// Made by the control plane with its store; a number that a write did not keep is free again when its request has
// ended, and those of a Service that is gone when the store has said so, and its word was read: until then a number is
// free too late, and never too early. [any-thread]
#pragma once

#include <functional>
#include <string_view>

#include "core/admission/chain.hpp"
#include "core/network/services/service_numbers.hpp"
#include "core/store/store.hpp"

namespace gantry::network {

// The label, and its value, of IPAddresses that follow the Services' addresses: they reserve nothing themselves.
inline constexpr std::string_view kManagedBy = "ipaddress.kubernetes.io/managed-by";
inline constexpr std::string_view kAddressManager = "ipallocator.k8s.io";

struct ServiceAllocationOptions {
  store::Store* store = nullptr;  // outlives the step
  ServiceRanges ranges;           // no addresses: Services get neither
  std::function<uint64_t()> random;
  // Reads what the store tells, on a thread of the caller's, soon; may drop fn only at the end. Null: on the store's.
  std::function<void(std::function<void()> fn)> run = nullptr;
  std::function<void(int32_t level, std::string_view text)> log;
};

// Reads what is stored; Services that have the same number are logged.
Expected<admission::StepPtr> make_service_allocation(ServiceAllocationOptions options);

}  // namespace gantry::network
