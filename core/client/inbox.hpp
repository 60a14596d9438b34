// An inbox: what one consumer of a watch has yet to take in. Bounded in messages and bytes.
//
// put() never waits and never calls the consumer, so that whoever tells many is held up by none of them. What lies
// there is taken by one drain at a time, all of it at once: `run` is called for the first message alone, and not while
// a drain is under way. Owned by a reflector. [any-thread]
#pragma once

#include <cstddef>
#include <cstdint>
#include <mutex>
#include <utility>
#include <vector>

namespace gantry::client {

// How much may lie in one inbox; what is on the way to the consumer counts, too. Objects are shared with the store, and
// counted as if they were not.
struct InboxBounds {
  size_t messages = 16'384;
  size_t bytes = 32 * 1024 * 1024;
};

template <typename Message>
class Inbox {
 public:
  struct Kept {
    Message message;
    size_t size;
  };
  explicit Inbox(InboxBounds bounds) : bounds_(bounds) {}

  enum class Put : uint8_t {
    kLies,   // somebody drains, or will
    kDrain,  // the caller is to have it drained
    kFull,   // dropped, with all that lay there
  };
  // A message of no size is never refused: there are few of them, and they say where one is.
  Put put(Message message, size_t size) {
    std::vector<Kept> dropped;  // freed after the lock
    const std::lock_guard lock(mutex_);
    if (size > 0 && (count_ >= bounds_.messages || bytes_ + size > bounds_.bytes)) {
      drop_locked(dropped);
      return Put::kFull;
    }
    lies_.push_back({std::move(message), size});
    bytes_ += size;
    ++count_;
    return std::exchange(draining_, true) ? Put::kLies : Put::kDrain;
  }
  // All that lies there. By the one who drains, who says with more() that he is done with it.
  std::vector<Kept> take() {
    std::vector<Kept> taken;
    const std::lock_guard lock(mutex_);
    taken.swap(lies_);
    out_ = taken.size();
    for (const auto& kept : taken) out_bytes_ += kept.size;
    return taken;
  }
  // Whether there is more to take; if not the drain is over.
  bool more() {
    const std::lock_guard lock(mutex_);
    count_ -= std::exchange(out_, 0);
    bytes_ -= std::exchange(out_bytes_, 0);
    draining_ = !lies_.empty();
    return draining_;
  }
  // Drops what lies there.
  void clear() {
    std::vector<Kept> dropped;
    const std::lock_guard lock(mutex_);
    drop_locked(dropped);
  }

 private:
  void drop_locked(std::vector<Kept>& dropped) {
    dropped.swap(lies_);
    for (const auto& kept : dropped) bytes_ -= kept.size;
    count_ -= dropped.size();
  }

  const InboxBounds bounds_;
  std::mutex mutex_;
  std::vector<Kept> lies_;
  size_t count_ = 0, bytes_ = 0;    // with what was taken, until more()
  size_t out_ = 0, out_bytes_ = 0;  // of these, what was taken
  bool draining_ = false;
};

}  // namespace gantry::client
