#include "host_facts.hpp"

#include <algorithm>
#include <cstdlib>
#include <sstream>

#include "files.hpp"

namespace gantry::oci {

const std::vector<std::string>& capability_names() {
  static const std::vector<std::string> names = {"CAP_CHOWN",
                                                 "CAP_DAC_OVERRIDE",
                                                 "CAP_DAC_READ_SEARCH",
                                                 "CAP_FOWNER",
                                                 "CAP_FSETID",
                                                 "CAP_KILL",
                                                 "CAP_SETGID",
                                                 "CAP_SETUID",
                                                 "CAP_SETPCAP",
                                                 "CAP_LINUX_IMMUTABLE",
                                                 "CAP_NET_BIND_SERVICE",
                                                 "CAP_NET_BROADCAST",
                                                 "CAP_NET_ADMIN",
                                                 "CAP_NET_RAW",
                                                 "CAP_IPC_LOCK",
                                                 "CAP_IPC_OWNER",
                                                 "CAP_SYS_MODULE",
                                                 "CAP_SYS_RAWIO",
                                                 "CAP_SYS_CHROOT",
                                                 "CAP_SYS_PTRACE",
                                                 "CAP_SYS_PACCT",
                                                 "CAP_SYS_ADMIN",
                                                 "CAP_SYS_BOOT",
                                                 "CAP_SYS_NICE",
                                                 "CAP_SYS_RESOURCE",
                                                 "CAP_SYS_TIME",
                                                 "CAP_SYS_TTY_CONFIG",
                                                 "CAP_MKNOD",
                                                 "CAP_LEASE",
                                                 "CAP_AUDIT_WRITE",
                                                 "CAP_AUDIT_CONTROL",
                                                 "CAP_SETFCAP",
                                                 "CAP_MAC_OVERRIDE",
                                                 "CAP_MAC_ADMIN",
                                                 "CAP_SYSLOG",
                                                 "CAP_WAKE_ALARM",
                                                 "CAP_BLOCK_SUSPEND",
                                                 "CAP_AUDIT_READ",
                                                 "CAP_PERFMON",
                                                 "CAP_BPF",
                                                 "CAP_CHECKPOINT_RESTORE"};
  return names;
}

HostFacts HostFacts::read() {
  HostFacts facts;
  uint64_t effective = 0;
  if (const auto status = read_file("/proc/self/status")) {
    std::istringstream lines(*status);
    std::string key, value;
    while (lines >> key) {
      if (key == "CapBnd:" && lines >> value) facts.bounding = std::strtoull(value.c_str(), nullptr, 16);
      if (key == "CapEff:" && lines >> value) effective = std::strtoull(value.c_str(), nullptr, 16);
    }
  }
  if (const auto text = read_file("/proc/self/oom_score_adj")) facts.oom_score_adj = std::atoi(text->c_str());
  constexpr uint64_t kSysResource = 24;
  facts.may_lower_oom_score = ((effective >> kSysResource) & 1) != 0;
  return facts;
}

bool HostFacts::has(const std::string& capability) const {
  const auto& names = capability_names();
  const auto it = std::ranges::find(names, capability);
  return it != names.end() && ((bounding >> (it - names.begin())) & 1) != 0;
}

int64_t HostFacts::oom_score(int64_t wanted) const {
  return may_lower_oom_score ? wanted : std::max<int64_t>(wanted, oom_score_adj);
}

}  // namespace gantry::oci
