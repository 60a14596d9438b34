#include "absent_owners.hpp"

namespace gantry::garbage_collector {

void AbsentOwners::add(const std::string& owner) {
  const std::lock_guard lock(mutex_);
  if (!known_.insert(owner).second) return;
  order_.push_back(owner);
  if (order_.size() <= limit_) return;
  known_.erase(order_.front());
  order_.pop_front();
}

bool AbsentOwners::contains(const std::string& owner) const {
  const std::lock_guard lock(mutex_);
  return known_.contains(owner);
}

}  // namespace gantry::garbage_collector
