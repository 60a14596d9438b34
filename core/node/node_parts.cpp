#include "core/node/node_parts.hpp"

#include "core/limits/notices.hpp"
#include "core/node/runtime/container_config.hpp"
#include "gantry/abi/log.h"

namespace gantry::node {
namespace {

// At a time.
constexpr size_t kMostPulls = 16, kMostSandboxStops = 32;

}  // namespace

void NodeOptions::trouble(std::string_view topic, const std::string& text) const {
  if (notices != nullptr)
    notices->tell(topic, "node", GANTRY_LOG_WARN, text);
  else if (log)
    log(GANTRY_LOG_WARN, text);
}

void NodeParts::make_lasting() {
  pulls = std::make_unique<LastingCalls>(kMostPulls, wake);
  sandbox_stops = std::make_unique<LastingCalls>(kMostSandboxStops, wake);
}

void NodeParts::stop_calls() const {
  pulls->stop();
  sandbox_stops->stop();
  hooks->stop();
  commands->stop();
  killer->stop();
}

std::filesystem::path NodeParts::log_dir(const corev1::Pod& pod) const {
  return pod_log_dir(options.data_dir, pod.metadata().namespace_(), pod.metadata().name(), pod.metadata().uid());
}

PodFacts NodeParts::facts(const std::vector<std::string>& pod_ips) const {
  PodFacts out;
  out.node_name = options.node_name;
  out.host_ip = options.node_address;
  out.host_ips = {options.node_address};
  out.pod_ips = pod_ips;
  if (!pod_ips.empty()) out.pod_ip = pod_ips.front();
  out.allocatable_cpu_milli = capacity.cpu * 1000;
  out.allocatable_memory = capacity.memory;
  return out;
}

}  // namespace gantry::node
