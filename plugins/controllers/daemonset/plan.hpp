// What has to be made and deleted so that every node has its pod, apart from a rollout. Pure but for the waits of
// failed pods, which it counts; one thread.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "seats.hpp"

namespace gantry::daemonset {

struct Plan {
  std::vector<std::string> create;  // names of nodes
  std::vector<const Pod*> remove;
  bool empty() const { return create.empty() && remove.empty(); }
};

struct Notice {
  const char* type;
  const char* reason;
  std::string message;
};

struct Upkeep {
  Plan plan;
  std::vector<Notice> notices;
  int64_t wait_ms = 0;  // until the next failed pod may go; 0: none waits
};

// The set, and what it is looked at with.
struct View {
  const DaemonSet& set;
  const std::string& hash;  // of the present template
  int64_t now_ns;
  bool is_new(const Pod& pod) const { return hash_of(pod) == hash; }
  bool is_available(const Pod& pod) const;
};

// Whether a node may have an old and a new pod at once.
bool allows_surge(const DaemonSet& set);

// `failed_wait_ms(node)`: 0 when a failed pod of this node may go now, else after how long.
Upkeep plan_upkeep(const View& view, const Seats& seats,
                   const std::function<int64_t(const std::string& node)>& failed_wait_ms);

}  // namespace gantry::daemonset
