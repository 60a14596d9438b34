#include "core/scheduler/host_ports.hpp"

namespace gantry::scheduler {
namespace {

constexpr const char* kAnyAddress = "0.0.0.0";

}  // namespace

void HostPorts::add(const HostPort& port) { ++taken_[{port.port, port.protocol}][port.ip]; }

void HostPorts::remove(const HostPort& port) {
  const auto at = taken_.find({port.port, port.protocol});
  if (at == taken_.end()) return;
  const auto address = at->second.find(port.ip);
  if (address == at->second.end()) return;
  if (--address->second == 0) at->second.erase(address);
  if (at->second.empty()) taken_.erase(at);
}

bool HostPorts::clashes(const HostPort& wanted) const {
  const auto at = taken_.find({wanted.port, wanted.protocol});
  if (at == taken_.end()) return false;
  return wanted.ip == kAnyAddress || at->second.contains(wanted.ip) || at->second.contains(kAnyAddress);
}

}  // namespace gantry::scheduler
