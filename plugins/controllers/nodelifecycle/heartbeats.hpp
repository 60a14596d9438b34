// When each node was heard of last, by this machine's clock: the times that
// nodes write may be wrong.
//
// A node is heard when its Lease is renewed or its status has a new heartbeat.
// In memory alone: after a restart each node has its time once more, for what
// it sent meanwhile was not seen. Any thread.
#pragma once

#include <cstdint>
#include <map>
#include <mutex>
#include <string>

#include "k8s.io/api/core/v1/node.pb.h"
#include "settings.hpp"

namespace gantry::nodelifecycle {

class Heartbeats {
 public:
  // A node's Lease says that it was renewed then.
  void lease(const std::string& node, int64_t renewed_ns, int64_t now_ns);
  // Milliseconds until the node has been silent for too long, 0 when it has;
  // takes notice of what its status says.
  int64_t silent_after_ms(const corev1::Node& node, const Settings& settings, int64_t now_ns);
  void forget(const std::string& node);
  // All nodes as if heard now: nobody could be heard before.
  void restart(int64_t now_ns);

 private:
  struct Heard {
    std::string uid;  // empty before the node was looked at
    int64_t at_ns = 0;
    int64_t renewed_ns = 0;
    bool reported = false;  // its status has the condition Ready
    int64_t heartbeat_ns = 0;
  };
  std::mutex mutex_;
  std::map<std::string, Heard> nodes_;
};

}  // namespace gantry::nodelifecycle
