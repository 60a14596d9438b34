#include "loop.hpp"

#include <signal.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>

#include <algorithm>
#include <cerrno>
#include <utility>

namespace gantry::oci {

Loop::Loop() : epoll_(::epoll_create1(EPOLL_CLOEXEC)), wake_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
  struct epoll_event event {};
  event.events = EPOLLIN;
  ::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, wake_.get(), &event);  // with number 0, which no source has
}

Loop::~Loop() {
  {
    const std::scoped_lock lock(mutex_);
    stopping_ = true;
  }
  ::eventfd_write(wake_.get(), 1);
  if (thread_.joinable()) thread_.join();
}

void Loop::post(Task task) {
  const std::scoped_lock lock(mutex_);
  if (stopping_) return;
  posted_.push_back(std::move(task));
  if (!thread_.joinable()) thread_ = std::thread([this] { run(); });
  ::eventfd_write(wake_.get(), 1);
}

void Loop::once(Fd pidfd, Task ended) {
  if (!pidfd) return;
  post([this, fd = std::make_shared<Fd>(std::move(pidfd)), ended = std::move(ended)] {
    const auto id = std::make_shared<uint64_t>(0);
    *id = add(fd->get(), [this, fd, id, ended](uint32_t) {
      remove(*id);
      ended();
    });
    wait_for(*id, EPOLLIN);
  });
}

uint64_t Loop::add(int fd, Ready ready) {
  sources_[next_] = std::make_shared<Source>(Source{fd, std::move(ready)});
  return next_++;
}

void Loop::wait_for(uint64_t id, uint32_t events) {
  const auto found = sources_.find(id);
  if (found == sources_.end() || found->second->events == events) return;
  auto& source = *found->second;
  const uint32_t before = std::exchange(source.events, events);
  if (source.always_ready) {
    files_ += (events != 0 ? 1U : 0U) - (before != 0 ? 1U : 0U);
    return;
  }
  struct epoll_event event {};
  event.events = events;
  event.data.u64 = id;
  const int what = before == 0 ? EPOLL_CTL_ADD : events == 0 ? EPOLL_CTL_DEL : EPOLL_CTL_MOD;
  if (::epoll_ctl(epoll_.get(), what, source.fd, &event) < 0 && errno == EPERM) {
    source.always_ready = true;
    ++files_;
  }
}

void Loop::remove(uint64_t id) {
  wait_for(id, 0);
  sources_.erase(id);
}

void Loop::after(std::chrono::milliseconds delay, Task task) { timers_.emplace(Clock::now() + delay, std::move(task)); }

int Loop::timeout() const {
  if (files_ > 0) return 0;
  if (timers_.empty()) return -1;
  const auto left = std::chrono::ceil<std::chrono::milliseconds>(timers_.begin()->first - Clock::now());
  return static_cast<int>(std::clamp<int64_t>(left.count(), 0, 60'000));
}

void Loop::run() {
  // Writing to a reader that is gone must not end the daemon.
  sigset_t pipe;
  sigemptyset(&pipe);
  sigaddset(&pipe, SIGPIPE);
  ::pthread_sigmask(SIG_BLOCK, &pipe, nullptr);
  for (;;) {
    std::vector<Task> posted;
    {
      const std::scoped_lock lock(mutex_);
      if (stopping_) return;
      posted.swap(posted_);
    }
    for (const auto& task : posted) task();
    run_due();
    run_files();
    // One at a time: what it is told may remove the next one.
    struct epoll_event event {};
    if (::epoll_wait(epoll_.get(), &event, 1, timeout()) <= 0) continue;
    if (event.data.u64 == 0) {
      eventfd_t ignored = 0;
      ::eventfd_read(wake_.get(), &ignored);
    } else if (const auto found = sources_.find(event.data.u64); found != sources_.end()) {
      const auto source = found->second;  // it may remove itself
      source->ready(event.events);
    }
  }
}

void Loop::run_due() {
  while (!timers_.empty() && timers_.begin()->first <= Clock::now()) {
    const auto task = std::move(timers_.begin()->second);
    timers_.erase(timers_.begin());
    task();
  }
}

void Loop::run_files() {
  if (files_ == 0) return;
  std::vector<uint64_t> ids;
  for (const auto& [id, source] : sources_) {
    if (source->always_ready && source->events != 0) ids.push_back(id);
  }
  for (const auto id : ids) {
    const auto found = sources_.find(id);
    if (found == sources_.end()) continue;
    const auto source = found->second;
    source->ready(source->events);
  }
}

}  // namespace gantry::oci
