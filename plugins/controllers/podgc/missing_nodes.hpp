// Nodes that pods name and the cache does not have, and since when: the cache may be behind, or the node about to come.
// Any thread.
#pragma once

#include <cstdint>
#include <map>
#include <mutex>
#include <string>

namespace gantry::podgc {

class MissingNodes {
 public:
  static constexpr int64_t kQuarantineMs = 40'000;

  // How long to wait before the node may be asked for; 0: it has been missing long enough.
  int64_t wait_ms(const std::string& node, int64_t monotonic_ns);
  void found(const std::string& node);

 private:
  std::mutex mutex_;
  std::map<std::string, int64_t> since_;
};

}  // namespace gantry::podgc
