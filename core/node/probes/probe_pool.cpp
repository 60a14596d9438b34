#include "core/node/probes/probe_pool.hpp"

#include <pthread.h>

#include <chrono>
#include <utility>

namespace gantry::node {
namespace {

constexpr size_t kMaxThreads = 64;
constexpr auto kIdle = std::chrono::seconds(15);

}  // namespace

void ProbePool::run(std::function<void()> task) {
  std::list<std::thread> finished;
  {
    const std::lock_guard lock(mutex_);
    if (stopped_) return;
    finished.swap(finished_);
    tasks_.push_back(std::move(task));
    if (tasks_.size() > idle_ && threads_.size() < kMaxThreads) {
      const auto place = threads_.emplace(threads_.end());
      *place = std::thread([this, place] { work(place); });
    }
  }
  wake_.notify_one();
  for (auto& thread : finished) thread.join();
}

void ProbePool::work(std::list<std::thread>::iterator self) {
  pthread_setname_np(pthread_self(), "probe");
  std::unique_lock lock(mutex_);
  while (true) {
    ++idle_;
    const bool woken = wake_.wait_for(lock, kIdle, [this] { return stopped_ || !tasks_.empty(); });
    --idle_;
    if (stopped_ || !woken) break;
    auto task = std::move(tasks_.front());
    tasks_.pop_front();
    lock.unlock();
    task();
    task = nullptr;
    lock.lock();
  }
  finished_.splice(finished_.end(), threads_, self);
  ended_.notify_all();
}

void ProbePool::stop() {
  std::deque<std::function<void()>> dropped;
  std::list<std::thread> finished;
  {
    std::unique_lock lock(mutex_);
    stopped_ = true;
    dropped.swap(tasks_);
    wake_.notify_all();
    ended_.wait(lock, [this] { return threads_.empty(); });
    finished.swap(finished_);
  }
  for (auto& thread : finished) thread.join();
}

}  // namespace gantry::node
