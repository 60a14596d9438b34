#include "core/network/services/key_inbox.hpp"

#include <utility>

namespace gantry::network {

void KeyInbox::put(const std::string& key) {
  {
    const std::lock_guard lock(mutex_);
    if (!everything_ && known_.insert(key).second) keys_.push_back(key);
    if (keys_.size() > kMost) {
      everything_ = true;
      keys_.clear();
      known_.clear();
    }
    if (std::exchange(draining_, true)) return;
  }
  if (!run_) return drain();
  run_([weak = weak_from_this()] {
    if (const auto self = weak.lock()) self->drain();
  });
}

void KeyInbox::drain() {
  const std::lock_guard looking(looking_);
  while (!stopped_) {
    Keys keys;
    {
      const std::lock_guard lock(mutex_);
      keys.swap(keys_);
      known_.clear();
      if (keys.empty() && !std::exchange(everything_, false)) {
        draining_ = false;
        return;
      }
    }
    look_(std::move(keys));
  }
}

void KeyInbox::stop() {
  const std::lock_guard looking(looking_);
  stopped_ = true;
}

}  // namespace gantry::network
