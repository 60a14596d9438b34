// Which pods wait for room that is being made for them, and on which node. Used under the Scheduler's lock.
#pragma once

#include <string>
#include <unordered_map>
#include <vector>

#include "core/scheduler/pod_info.hpp"

namespace gantry::scheduler {

class Nominations {
 public:
  void add(const WaitingPtr& pod, const std::string& node);
  // True when there was one.
  bool forget(const std::string& uid);
  // What the watch tells of a pod that waits. True: a promise is no more. One that it has never told of is kept, for
  // then the word of it is on its way.
  bool hear(const WaitingPtr& pod);
  void clear();

  bool empty() const { return promises_.empty(); }
  const std::string* node_of(const std::string& uid) const;  // null: none
  const std::vector<WaitingPtr>& on(const std::string& node) const;
  // Those to whom the node is promised though they are less important.
  std::vector<WaitingPtr> below(int32_t priority, const std::string& node) const;

 private:
  struct Promise {
    std::string node;
    bool told = false;  // by the watch
  };
  std::unordered_map<std::string, Promise> promises_;  // by uid
  std::unordered_map<std::string, std::vector<WaitingPtr>> by_node_;
};

}  // namespace gantry::scheduler
