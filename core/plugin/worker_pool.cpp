#include "core/plugin/worker_pool.hpp"

#include <pthread.h>

#include <utility>

#include "core/simulation/turns.hpp"

namespace gantry::plugin {

WorkerPool::WorkerPool(std::string name, size_t threads, size_t max_queue, Order order)
    : name_(name.substr(0, 15)), limit_(threads == 0 ? 1 : threads), max_queue_(max_queue), order_(order) {}

WorkerPool::~WorkerPool() { stop(); }

bool WorkerPool::post(std::function<void()> work) {
  {
    const std::lock_guard lock(mutex_);
    if (stopped_ || queue_.size() >= max_queue_) return false;
    queue_.push_back({std::move(work)});
    if (turns_ == nullptr && order_ == Order::kInTurns) turns_ = simulation::Turns::current();
    if (turns_ != nullptr) give_tickets_locked();
    if (idle_ < queue_.size() && threads_.size() < limit_) {
      threads_.emplace_back([this] { run(); });
      return true;
    }
    if (idle_ == 0) return true;  // whoever is busy looks at the queue before he sleeps
  }
  wake_.notify_one();
  return true;
}

void WorkerPool::lend(bool one_more) {
  const std::lock_guard lock(mutex_);
  if (one_more) {
    ++limit_;
    if (turns_ != nullptr) give_tickets_locked();
  } else {
    --limit_;  // the thread that is one too many stays, idle
    return;
  }
  if (!stopped_ && idle_ < queue_.size() && threads_.size() < limit_) threads_.emplace_back([this] { run(); });
}

void WorkerPool::give_tickets_locked() {
  while (ticketed_ < queue_.size() && ticketed_ + busy_ < limit_) {
    queue_[ticketed_++].ticket = turns_->take(name_.c_str());
  }
}

void WorkerPool::stop() {
  std::vector<std::thread> threads;
  std::deque<Item> dropped;  // destroyed without the lock: captures may call back
  {
    const std::lock_guard lock(mutex_);
    stopped_ = true;
    threads.swap(threads_);
    dropped.swap(queue_);
    for (const auto& item : dropped) {
      if (item.ticket != 0) turns_->drop(item.ticket);
    }
  }
  wake_.notify_all();
  for (auto& thread : threads) thread.join();
}

void WorkerPool::run() {
  pthread_setname_np(pthread_self(), name_.c_str());
  std::unique_lock lock(mutex_);
  while (true) {
    ++idle_;
    wake_.wait(lock, [this] { return stopped_ || !queue_.empty(); });
    --idle_;
    if (stopped_) return;
    run_one(lock);
  }
}

void WorkerPool::run_one(std::unique_lock<std::mutex>& lock) {
  Item item = std::move(queue_.front());
  queue_.pop_front();
  ++busy_;
  simulation::Turns* const turns = item.ticket != 0 ? turns_ : nullptr;
  if (turns != nullptr) --ticketed_;
  lock.unlock();
  {
    const simulation::Turn turn(turns, item.ticket);
    item.work();
    item.work = nullptr;
    lock.lock();
    --busy_;
    if (turns_ != nullptr && !stopped_) give_tickets_locked();
  }
}

}  // namespace gantry::plugin
