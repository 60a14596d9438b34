// Where long work runs. Threads: see the header.
#include "core/apiserver/request/workers.hpp"

#include <pthread.h>

#include <condition_variable>
#include <deque>
#include <mutex>
#include <thread>
#include <utility>
#include <vector>

#include "core/simulation/turns.hpp"

namespace gantry::apiserver {
namespace {

thread_local bool g_here = false;

}  // namespace

class Workers::Threads {
 public:
  explicit Threads(size_t count) {
    for (size_t i = 0; i < count; ++i) {
      threads_.emplace_back([this] { run(); });
      pthread_setname_np(threads_.back().native_handle(), "api-work");
    }
  }
  ~Threads() { stop(); }

  void post(Work work) {
    {
      const std::lock_guard lock(mutex_);
      if (!stopping_) {
        queue_.push_back(std::move(work));
        wake_.notify_one();
        return;
      }
    }
    work();
  }
  void stop() {
    {
      const std::lock_guard lock(mutex_);
      stopping_ = true;
    }
    wake_.notify_all();
    for (auto& thread : threads_) {
      if (thread.joinable()) thread.join();
    }
  }

 private:
  void run() {
    for (;;) {
      Work work;
      {
        std::unique_lock lock(mutex_);
        wake_.wait(lock, [this] { return stopping_ || !queue_.empty(); });
        if (queue_.empty()) return;
        work = std::move(queue_.front());
        queue_.pop_front();
      }
      work();
    }
  }

  std::mutex mutex_;
  std::condition_variable wake_;
  std::deque<Work> queue_;
  bool stopping_ = false;
  std::vector<std::thread> threads_;
};

Workers::Workers(Executor executor, size_t threads, size_t most_waiting)
    : most_waiting_(most_waiting), executor_(std::move(executor)) {
  if (executor_) return;
  threads_ = std::make_unique<Threads>(threads);
  executor_ = [this](Work work) { threads_->post(std::move(work)); };
}

Workers::~Workers() = default;

void Workers::run(Work work, bool counted) {
  executor_([this, work = std::move(work), counted] {
    if (counted) waiting_.fetch_sub(1, std::memory_order_relaxed);
    const bool outer = std::exchange(g_here, true);
    work();
    g_here = outer;
  });
}

bool Workers::begin(Work work) {
  if (waiting_.fetch_add(1, std::memory_order_relaxed) >= most_waiting_) {
    waiting_.fetch_sub(1, std::memory_order_relaxed);
    return false;
  }
  run(std::move(work), true);
  return true;
}

void Workers::go_on(Work work) { run(std::move(work), false); }

bool Workers::here() { return g_here || simulation::Turns::current() != nullptr; }

void Workers::stop() {
  if (threads_) threads_->stop();
}

}  // namespace gantry::apiserver
