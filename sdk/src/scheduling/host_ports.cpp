#include "gantry/scheduling/host_ports.hpp"

#include "gantry/pods.hpp"

namespace gantry::sdk {
namespace {

constexpr const char* kAnyAddress = "0.0.0.0";

void read_ports(const corev1::Container& container, std::vector<HostPort>& ports) {
  for (const auto& port : container.ports()) {
    if (port.host_port() <= 0) continue;
    ports.push_back({port.host_ip().empty() ? kAnyAddress : port.host_ip(),
                     port.protocol().empty() ? "TCP" : port.protocol(), port.host_port()});
  }
}

}  // namespace

std::vector<HostPort> host_ports_of(const corev1::PodSpec& spec) {
  std::vector<HostPort> ports;
  for (const auto& container : spec.containers()) read_ports(container, ports);
  for (const auto& init : spec.init_containers()) {
    if (is_sidecar(init)) read_ports(init, ports);
  }
  return ports;
}

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

}  // namespace gantry::sdk
