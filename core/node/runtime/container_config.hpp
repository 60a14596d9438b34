// CRI configurations of a pod's sandbox and containers, from its spec. Pure; any thread.
#pragma once

#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include "core/node/pod/pod_files.hpp"
#include "core/node/runtime/container_environment.hpp"
#include "core/node/runtime/runtime_client.hpp"
#include "core/node/volumes/volumes.hpp"

namespace gantry::node {

// data_dir/logs/NAMESPACE_NAME_UID
std::filesystem::path pod_log_dir(const std::filesystem::path& data_dir, const std::string& ns, const std::string& name,
                                  const std::string& uid);

struct SandboxInput {
  const corev1::Pod* pod = nullptr;
  uint32_t attempt = 0;
  DnsConfig dns;
  std::string cgroup_parent, log_directory, node_name;
};
cri::PodSandboxConfig sandbox_config(const SandboxInput& input);

struct ContainerInput {
  const corev1::Pod* pod = nullptr;
  const corev1::Container* container = nullptr;
  int32_t restart_count = 0;
  std::string sandbox_id;
  const cri::PodSandboxConfig* sandbox = nullptr;
  std::vector<std::pair<std::string, std::string>> environment;
  std::vector<VolumeMount> mounts;
  std::string hosts_file;       // empty: none
  std::string termination_log;  // of the host; empty: none
  int64_t memory_capacity = 0;
  bool cgroup_v2 = false;
  const cri::Image* image = nullptr;
};
// An error is a CreateContainerConfigError: runAsNonRoot and an image or spec that runs as root.
Expected<cri::CreateContainerRequest> container_request(const ContainerInput& input);

}  // namespace gantry::node
