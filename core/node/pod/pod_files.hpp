// Files that a pod's containers get from the node: /etc/hosts, /etc/hostname, /etc/resolv.conf, the termination log.
// [worker]
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "gantry/status.hpp"
#include "k8s.io/api/core/v1/pod.pb.h"

namespace gantry::node {

// Host name of a pod (spec.hostname or its name cut to 63 characters).
std::string pod_hostname(const corev1::Pod& pod);

struct DnsConfig {
  std::vector<std::string> servers, searches, options;
};
// By dnsPolicy and dnsConfig. There is no cluster DNS yet: ClusterFirst falls back to Default.
Expected<DnsConfig> dns_config(const corev1::Pod& pod, const std::filesystem::path& resolv_conf);

// Written into the pod's folder; hostNetwork pods get the host's file. Returns its path.
Expected<std::string> write_hosts_file(const corev1::Pod& pod, const std::vector<std::string>& pod_ips,
                                       const std::filesystem::path& pod_dir);
// An empty file for terminationMessagePath; and reading it afterwards (at most 4096 bytes, valid UTF-8).
Expected<std::string> make_termination_log(const std::filesystem::path& pod_dir, const std::string& container,
                                           const std::string& container_instance);
std::string read_termination_log(const std::string& path);

}  // namespace gantry::node
