// Which nodes are not ready, zone by zone, and how fast their pods may be given
// up: where many nodes fail at once the fault is likelier the network's than
// theirs.
//
// In memory: nodes are put in as they are looked at. Times are given; any
// thread.
#pragma once

#include <cstdint>
#include <map>
#include <mutex>
#include <string>
#include <vector>

#include "health.hpp"
#include "k8s.io/api/core/v1/node.pb.h"
#include "settings.hpp"
#include "taints.hpp"

namespace gantry::nodelifecycle {

class Zones {
 public:
  explicit Zones(const Settings& settings = {}) : settings_(settings) {}

  // As it is now; true when that may change a decision.
  bool put(const corev1::Node& node, int64_t now_ns);
  // False when it was not known.
  bool remove(const std::string& node);
  bool knows(const std::string& node) const;
  // What may be done about its NoExecute taint.
  Execute execute(const std::string& node) const;
  // Whether pods that come to it are to be looked at. True of nodes that are
  // not known.
  bool concerns_pods(const std::string& node) const;

  struct Decision {
    std::vector<std::string> look_at;  // nodes for which execute() is another one now
    bool recovered = false;            // the first node is ready again after none was
    int64_t wait_ms = 0;               // until the next node's turn; 0: none waits for its turn
  };
  Decision decide(int64_t now_ns);

 private:
  enum class State : uint8_t { kInitial, kNormal, kPartial, kFull };
  struct Member {
    std::string zone;
    bool excluded = false;  // from counting
    Ready ready = Ready::kNever;
    bool tainted = false;  // with NoExecute, for not being ready
    bool any_no_execute = false;
    bool granted = false;
    int64_t waits_since_ns = 0;  // for its turn; 0: it does not
  };
  struct Zone {
    State state = State::kInitial;
    int64_t period_ms = 0;  // between two nodes; below 0: never
    int64_t next_ns = 0;
  };
  struct Count {
    int64_t ready = 0, not_ready = 0;
    State state(int64_t unhealthy_percent) const;
  };
  std::map<std::string, Count> count_locked() const;
  void set_state_locked(Zone& zone, State state, int64_t nodes, int64_t now_ns) const;
  static void set_period(Zone& zone, int64_t period_ms, int64_t now_ns);
  void halt_locked(Decision& decision, int64_t now_ns);
  void grant_locked(Decision& decision, int64_t now_ns);

  const Settings settings_;
  mutable std::mutex mutex_;
  std::map<std::string, Member> nodes_;
  std::map<std::string, Zone> zones_;
  bool halted_ = false;
};

// Of a node's labels; the same for all nodes without any.
std::string zone_of(const metav1::ObjectMeta& node);

}  // namespace gantry::nodelifecycle
