// WriteQueue: see write_queue.hpp.
#include "core/store/write_queue.hpp"

#include <utility>

namespace gantry::store {

Status WriteQueue::admit_locked(size_t bytes) const {
  if (stopping_) return Status::unavailable("the store is shutting down");
  const bool full =
      queue_.size() >= options_.max_queue || (queued_bytes_ > 0 && queued_bytes_ + bytes > options_.max_queue_bytes);
  if (!full) return {};
  return Status::too_many_requests("the store has " + std::to_string(queue_.size()) + " writes waiting, " +
                                   std::to_string(queued_bytes_) + " bytes, please try again later");
}

void WriteQueue::push(Write write, WriteCallback done) {
  Status refused;
  bool wake = false;
  const size_t bytes = weight_of(write);
  {
    std::lock_guard lock(mutex_);
    refused = admit_locked(bytes);
    if (refused.ok()) {
      queued_bytes_ += bytes;
      queue_.push_back({std::move(write), std::move(done), bytes});
      if (options_.turns != nullptr) bell_.ring();
      wake = waiting_;
    }
  }
  if (wake) wake_.notify_one();
  if (!refused.ok() && done) done(std::move(refused));
}

void WriteQueue::wake() {
  {
    std::lock_guard lock(mutex_);
    called_ = true;
    if (options_.turns != nullptr) bell_.ring();
  }
  wake_.notify_one();
}

void WriteQueue::stop() {
  {
    std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_one();
}

bool WriteQueue::take(std::vector<Pending>& batch, std::optional<Clock::time_point> deadline) {
  std::unique_lock lock(mutex_);
  const auto ready = [this] {
    return !queue_.empty() || stopping_ || called_ || (options_.turns != nullptr && bell_.rung());
  };
  waiting_ = true;
  if (deadline)
    wake_.wait_until(lock, *deadline, ready);
  else
    wake_.wait(lock, ready);
  waiting_ = false;
  if (options_.turns != nullptr) {
    lock.unlock();
    bell_.enter();
    lock.lock();
  }
  called_ = false;
  if (queue_.empty()) return !stopping_;
  fill_locked(batch);
  if (options_.turns != nullptr && !queue_.empty()) bell_.ring();
  return true;
}

void WriteQueue::fill_locked(std::vector<Pending>& batch) {
  size_t bytes = 0;
  while (!queue_.empty() && batch.size() < options_.max_batch) {
    bytes += queue_.front().bytes;
    if (!batch.empty() && bytes > options_.max_batch_bytes) break;
    batch.push_back(std::move(queue_.front()));
    queue_.pop_front();
  }
}

void WriteQueue::done(const std::vector<Pending>& batch) {
  size_t bytes = 0;
  for (const Pending& pending : batch) bytes += pending.bytes;
  std::lock_guard lock(mutex_);
  queued_bytes_ -= bytes;
}

}  // namespace gantry::store
