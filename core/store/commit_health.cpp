#include "core/store/commit_health.hpp"

#include <algorithm>

#include "gantry/abi/log.h"

namespace gantry::store {
namespace {

constexpr const char* kTopic = "store-commit";
// What is asked of a disk before it counts as well again.
constexpr size_t kMostTried = 4 << 20;

}  // namespace

void CommitHealth::failed(const Status& why, size_t bytes) {
  failing_ = true;
  failed_bytes_ = std::max(failed_bytes_, std::min(bytes, kMostTried));
  {
    const std::lock_guard lock(mutex_);
    why_ = why;
  }
  if (notices_ != nullptr) {
    notices_->tell(kTopic, "store", GANTRY_LOG_ERROR,
                   "writes fail, and /readyz with them, until this is mended: " + why.message());
  }
}

void CommitHealth::worked(size_t bytes) {
  if (!failing_ || bytes < failed_bytes_) return;
  failing_ = false;
  failed_bytes_ = 0;
  {
    const std::lock_guard lock(mutex_);
    why_ = {};
  }
  if (notices_ != nullptr) notices_->over(kTopic, "store", "writes work again");
}

Status CommitHealth::status() const {
  const std::lock_guard lock(mutex_);
  return why_;
}

}  // namespace gantry::store
