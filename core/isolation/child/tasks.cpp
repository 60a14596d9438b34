#include "core/isolation/child/tasks.hpp"

#include <pthread.h>

namespace gantry::isolation {
namespace {

constexpr size_t kMaxOpen = 1'024;
constexpr size_t kMaxThreads = 64;
constexpr size_t kStack = 2 * 1024 * 1024;

}  // namespace

bool start_thread(void* (*run)(void*), void* argument) {
  pthread_attr_t attributes;
  ::pthread_attr_init(&attributes);
  ::pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
  ::pthread_attr_setstacksize(&attributes, kStack);
  pthread_t thread;
  const int failure = ::pthread_create(&thread, &attributes, run, argument);
  ::pthread_attr_destroy(&attributes);
  return failure == 0;
}

gantry_code Tasks::run(void (*fn)(void*), void* context) {
  const std::lock_guard lock(mutex_);
  if (open_ >= kMaxOpen) return 429;
  if (idle_ < waiting_.size() + 1 && threads_ < kMaxThreads) {
    const auto worker = [](void* self) -> void* {
      static_cast<Tasks*>(self)->work();
      return nullptr;
    };
    if (start_thread(worker, this)) ++threads_;
    if (threads_ == 0) return 429;
  }
  ++open_;
  waiting_.push_back({fn, context});
  work_.notify_one();
  return 0;
}

void Tasks::work() {
  std::unique_lock lock(mutex_);
  while (true) {
    ++idle_;
    work_.wait(lock, [this] { return !waiting_.empty(); });
    --idle_;
    const Task task = waiting_.front();
    waiting_.pop_front();
    lock.unlock();
    task.fn(task.context);
    lock.lock();
    if (--open_ == 0) done_.notify_all();
  }
}

void Tasks::drain() {
  std::unique_lock lock(mutex_);
  done_.wait(lock, [this] { return open_ == 0; });
}

}  // namespace gantry::isolation
