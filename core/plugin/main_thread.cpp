#include "core/plugin/main_thread.hpp"

#include <pthread.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <thread>
#include <utility>

namespace gantry::plugin {
namespace {}  // namespace

struct MainThread::Worker {
  std::mutex mutex;
  std::condition_variable changed;
  std::function<void()> work;
  std::string what;
  std::chrono::steady_clock::time_point since;
  pid_t id = 0;
  bool busy = false, quit = false;
  std::thread thread;
};

MainThread::~MainThread() {
  std::shared_ptr<Worker> last;
  {
    const std::lock_guard lock(mutex_);
    last = std::move(worker_);
  }
  if (last == nullptr) return;
  {
    const std::lock_guard lock(last->mutex);
    last->quit = true;
  }
  last->changed.notify_all();
  last->thread.join();
}

void MainThread::serve(const std::shared_ptr<Worker>& worker) {
  ::pthread_setname_np(::pthread_self(), "plugin-main");
  std::unique_lock lock(worker->mutex);
  worker->id = ::gettid();
  for (;;) {
    worker->changed.wait(lock, [&] { return worker->quit || worker->busy; });
    if (!worker->busy) return;
    auto work = std::move(worker->work);
    lock.unlock();
    work();
    // What it shares with who waits is let go first, so that nothing ends on this thread.
    work = nullptr;
    lock.lock();
    worker->busy = false;
    worker->changed.notify_all();
  }
}

std::shared_ptr<MainThread::Worker> MainThread::worker() {
  const std::lock_guard lock(mutex_);
  if (worker_ == nullptr) {
    worker_ = std::make_shared<Worker>();
    worker_->thread = std::thread([self = worker_] { serve(self); });
  }
  return worker_;
}

void MainThread::remember(const std::shared_ptr<Worker>& lost) {
  const std::lock_guard lock(mutex_);
  worker_.reset();
  lost_.push_back(lost);
}

bool MainThread::run(const std::string& what, int64_t limit_ms, std::function<void()> work,
                     const std::function<void(pid_t)>& given_up) {
  if (limit_ms <= 0) {
    work();
    return true;
  }
  const std::lock_guard one(calls_);
  const auto mine = worker();
  std::unique_lock lock(mine->mutex);
  mine->work = std::move(work);
  mine->what = what;
  mine->since = std::chrono::steady_clock::now();
  mine->busy = true;
  mine->changed.notify_all();
  if (mine->changed.wait_for(lock, std::chrono::milliseconds(limit_ms), [&] { return !mine->busy; })) return true;
  mine->quit = true;
  given_up(mine->id);
  lock.unlock();
  mine->thread.detach();
  remember(mine);
  return false;
}

std::vector<std::string> MainThread::stuck(int64_t ms) const {
  std::vector<std::shared_ptr<Worker>> all;
  {
    const std::lock_guard lock(mutex_);
    all = lost_;
    if (worker_ != nullptr) all.push_back(worker_);
  }
  std::vector<std::string> found;
  for (const auto& worker : all) {
    const std::lock_guard lock(worker->mutex);
    const auto ran =
        std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::steady_clock::now() - worker->since).count();
    if (!worker->busy || ran < ms) continue;
    found.push_back(worker->what + ", for " + std::to_string(ran / 1000) + " s");
  }
  return found;
}

}  // namespace gantry::plugin
