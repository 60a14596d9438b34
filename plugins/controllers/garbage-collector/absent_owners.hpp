// Owners that the API server said do not exist: saves asking again for each of their dependents.
//
// Owned by Collector, bounded, oldest out first. Uids never come back, so an entry never becomes wrong. [any-thread]
#pragma once

#include <cstddef>
#include <deque>
#include <mutex>
#include <string>
#include <unordered_set>

namespace gantry::garbage_collector {

class AbsentOwners {
 public:
  explicit AbsentOwners(size_t limit = 500) : limit_(limit) {}
  void add(const std::string& owner);
  bool contains(const std::string& owner) const;

 private:
  const size_t limit_;
  mutable std::mutex mutex_;
  std::unordered_set<std::string> known_;
  std::deque<std::string> order_;
};

}  // namespace gantry::garbage_collector
