#include "core/node/logs/log_pump.hpp"

#include <pthread.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>

#include <algorithm>
#include <array>
#include <chrono>

namespace gantry::node {
namespace {

constexpr uint64_t kWake = 0;  // of no reader

void watch(int epoll, int fd, uint32_t events, uint64_t id) {
  epoll_event event{};
  event.events = events | EPOLLONESHOT;
  event.data.u64 = id;
  // A file can't be waited for, and is always ready; the time limit finds it.
  if (fd >= 0) ::epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event);
}

void unwatch(int epoll, int fd) {
  if (fd >= 0) ::epoll_ctl(epoll, EPOLL_CTL_DEL, fd, nullptr);
}

}  // namespace

LogPump::LogPump(size_t most)
    : most_(most), epoll_(::epoll_create1(EPOLL_CLOEXEC)), wake_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
  epoll_event event{};
  event.events = EPOLLIN;
  event.data.u64 = kWake;
  ::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, wake_.get(), &event);
}

LogPump::~LogPump() { stop(); }

int64_t LogPump::now_ms() {
  const auto now = std::chrono::steady_clock::now().time_since_epoch();
  return std::chrono::duration_cast<std::chrono::milliseconds>(now).count();
}

Status LogPump::add(std::unique_ptr<LogReader> reader) {
  uint64_t id = 0;
  {
    const std::lock_guard lock(mutex_);
    if (stopped_) return Status::unavailable("the node is stopping");
    if (size_ >= most_) {
      return Status::too_many_requests("too many logs of this node are being read: " + std::to_string(most_));
    }
    ++size_;
    id = ++last_;
    if (!waiter_.joinable()) waiter_ = std::thread([this] { wait_for_all(); });
  }
  step(id, std::move(reader));
  return {};
}

void LogPump::step(uint64_t id, std::shared_ptr<LogReader> reader) {
  const bool posted = steps_.post([this, id, reader = std::move(reader)]() mutable {
    const auto wait = reader->step();
    if (!wait.done && park(id, reader, wait)) return;
    reader.reset();
    --size_;
  });
  if (!posted) --size_;
}

// From here on the waiter's thread may give it to another worker.
bool LogPump::park(uint64_t id, std::shared_ptr<LogReader>& reader, const LogReader::Wait& wait) {
  const std::lock_guard lock(mutex_);
  if (stopped_) return false;
  const int64_t due = now_ms() + wait.most_ms;
  const bool first = due_.empty() || due < due_.begin()->first;
  due_.emplace(due, id);
  // The end of the reader is told in any case.
  watch(epoll_.get(), reader->out(), wait.writable ? static_cast<uint32_t>(EPOLLOUT) : 0U, id);
  if (!wait.writable) watch(epoll_.get(), reader->notify(), EPOLLIN, id);
  parked_[id] = {std::move(reader), due};
  if (first) ::eventfd_write(wake_.get(), 1);
  return true;
}

void LogPump::unpark_locked(uint64_t id, bool gone) {
  const auto found = parked_.find(id);
  if (found == parked_.end()) return;
  auto parked = std::move(found->second);
  parked_.erase(found);
  due_.erase({parked.due_ms, id});
  unwatch(epoll_.get(), parked.reader->out());
  unwatch(epoll_.get(), parked.reader->notify());
  if (gone)
    --size_;
  else
    step(id, std::move(parked.reader));
}

void LogPump::wait_for_all() {
  pthread_setname_np(pthread_self(), "logs-wait");
  std::array<epoll_event, 64> events;
  while (true) {
    int64_t most = -1;
    {
      const std::lock_guard lock(mutex_);
      if (stopped_) return;
      const int64_t now = now_ms();
      while (!due_.empty() && due_.begin()->first <= now) unpark_locked(due_.begin()->second, false);
      if (!due_.empty()) most = due_.begin()->first - now;
    }
    const int count = ::epoll_wait(epoll_.get(), events.data(), events.size(), static_cast<int>(most));
    const std::lock_guard lock(mutex_);
    for (int i = 0; i < count; ++i) {
      const auto& event = events[static_cast<size_t>(i)];
      if (event.data.u64 == kWake) {
        eventfd_t ignored = 0;
        ::eventfd_read(wake_.get(), &ignored);
      } else {
        unpark_locked(event.data.u64, (event.events & (EPOLLERR | EPOLLHUP)) != 0);
      }
    }
  }
}

void LogPump::stop() {
  {
    const std::lock_guard lock(mutex_);
    if (std::exchange(stopped_, true)) return;
  }
  ::eventfd_write(wake_.get(), 1);
  if (waiter_.joinable()) waiter_.join();
  steps_.stop();
  parked_.clear();
  due_.clear();
  size_ = 0;
}

}  // namespace gantry::node
