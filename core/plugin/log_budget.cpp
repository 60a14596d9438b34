#include "core/plugin/log_budget.hpp"

#include <algorithm>
#include <utility>

namespace gantry::plugin {

bool LogBudget::take(size_t bytes, int64_t now_ns, uint64_t* dropped) {
  const std::lock_guard lock(mutex_);
  *dropped = 0;
  // Whole milliseconds, so that nothing is lost to rounding however often this is asked.
  const int64_t passed_ms = std::clamp<int64_t>((now_ns - filled_ns_) / 1'000'000, 0, 3'600'000);
  if (passed_ms > 0) {
    left_ = std::min(burst_, left_ + static_cast<size_t>(passed_ms) * per_second_ / 1'000);
    filled_ns_ = now_ns - now_ns % 1'000'000;
  }
  // After a silence comes a second's worth at once: lines in a row are worth more than every hundredth of them.
  const bool enough = dropped_ == 0 ? bytes <= left_ : left_ >= std::min(burst_, std::max(bytes, per_second_));
  if (!enough) {
    ++dropped_;
    return false;
  }
  left_ -= std::min(left_, bytes);
  *dropped = std::exchange(dropped_, 0);
  return true;
}

}  // namespace gantry::plugin
