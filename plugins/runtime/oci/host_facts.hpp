// What this host allows the daemon, and so its containers: capabilities, the lowest OOM score. Read once; then
// constant.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace gantry::oci {

// "CAP_CHOWN", ... by number.
const std::vector<std::string>& capability_names();

struct HostFacts {
  uint64_t bounding = 0;  // capability bits that can be given
  int oom_score_adj = 0;  // of this process
  bool may_lower_oom_score = false;

  static HostFacts read();
  bool has(const std::string& capability) const;
  // The score a container gets: without CAP_SYS_RESOURCE none can be lower than the daemon's own.
  int64_t oom_score(int64_t wanted) const;
};

}  // namespace gantry::oci
