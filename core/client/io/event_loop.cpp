// The epoll loop: descriptors by number and generation, posted work behind an eventfd, timers in a map.
#include "core/client/io/event_loop.hpp"

#include <pthread.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <map>
#include <mutex>
#include <thread>
#include <unordered_map>
#include <vector>

#include "core/client/io/unique_fd.hpp"

namespace gantry::io {

struct EventLoop::Impl {
  struct Entry {
    std::shared_ptr<Watcher> watcher;
    uint32_t events = 0;
    uint32_t generation = 0;
  };

  struct Posted {
    std::function<void()> work;
    std::weak_ptr<Wakeable> who;  // where there is no work
  };

  UniqueFd epoll{::epoll_create1(EPOLL_CLOEXEC)};
  UniqueFd wake{::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)};
  std::mutex mutex;
  std::vector<Posted> posted;  // under mutex
  bool stopping = false;       // under mutex
  std::atomic<std::thread::id> owner{};
  std::thread thread;
  std::unordered_map<int, Entry> entries;
  std::map<std::pair<Clock::time_point, TimerId>, std::function<void()>> timers;
  std::unordered_map<TimerId, Clock::time_point> timer_times;
  TimerId next_timer = 1;
  uint32_t next_generation = 1;
  std::vector<char> scratch = std::vector<char>(64 << 10);

  void put(Posted item, bool from_loop);
  void run();
  bool run_posted();
  int run_timers();
  void dispatch(const epoll_event& event);
};

bool EventLoop::Impl::run_posted() {
  std::vector<Posted> work;
  bool stop = false;
  {
    std::lock_guard lock(mutex);
    work.swap(posted);
    stop = stopping;
  }
  for (auto& item : work) {
    if (item.work) {
      item.work();
    } else if (const auto who = item.who.lock()) {
      who->on_wake();
    }
    item = {};  // what it holds goes before the next runs
  }
  return !(stop && work.empty());
}

// Runs what is due; returns milliseconds until the next, -1 for none.
int EventLoop::Impl::run_timers() {
  while (!timers.empty()) {
    auto first = timers.begin();
    auto left = first->first.first - Clock::now();
    if (left > Clock::duration::zero()) {
      auto ms = std::chrono::ceil<std::chrono::milliseconds>(left).count();
      return static_cast<int>(std::min<int64_t>(ms, 3600 * 1000));
    }
    auto work = std::move(first->second);
    timer_times.erase(first->first.second);
    timers.erase(first);
    work();
  }
  return -1;
}

void EventLoop::Impl::dispatch(const epoll_event& event) {
  int fd = static_cast<int>(event.data.u64 & 0xffffffffU);
  auto generation = static_cast<uint32_t>(event.data.u64 >> 32);
  if (fd == wake.get()) {
    uint64_t count = 0;
    [[maybe_unused]] auto n = ::read(fd, &count, sizeof(count));
    return;
  }
  auto it = entries.find(fd);
  // The descriptor may have been closed and its number reused by an earlier event of the same batch.
  if (it == entries.end() || it->second.generation != generation) return;
  auto watcher = it->second.watcher;
  watcher->on_ready(event.events);
}

void EventLoop::Impl::run() {
  owner = std::this_thread::get_id();
  // A peer that went away is an error code here, not a signal.
  sigset_t set;
  sigfillset(&set);
  for (int keep : {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT}) sigdelset(&set, keep);
  pthread_sigmask(SIG_BLOCK, &set, nullptr);
  std::array<epoll_event, 128> events{};
  while (run_posted()) {
    int timeout = run_timers();
    {
      std::lock_guard lock(mutex);
      if (!posted.empty() || stopping) timeout = 0;
    }
    int n = ::epoll_wait(epoll.get(), events.data(), static_cast<int>(events.size()), timeout);
    for (int i = 0; i < n; ++i) dispatch(events[static_cast<size_t>(i)]);
  }
  // Destroying a watcher may remove others.
  auto left = std::move(entries);
  entries.clear();
  left.clear();
  timers.clear();
}

EventLoop::EventLoop() : impl_(std::make_unique<Impl>()) {}

std::shared_ptr<EventLoop> EventLoop::start(const std::string& name) {
  std::shared_ptr<EventLoop> loop(new EventLoop());
  Impl& impl = *loop->impl_;
  epoll_event event{};
  event.events = EPOLLIN;
  event.data.u64 = static_cast<uint32_t>(impl.wake.get());
  ::epoll_ctl(impl.epoll.get(), EPOLL_CTL_ADD, impl.wake.get(), &event);
  impl.thread = std::thread([&impl] { impl.run(); });
  pthread_setname_np(impl.thread.native_handle(), name.substr(0, 15).c_str());
  return loop;
}

EventLoop::~EventLoop() {
  if (in_loop()) {
    // The last holder was work of this loop after everybody else forgot it: nothing may join itself.
    impl_->thread.detach();
    impl_.release();  // NOLINT: the thread still runs in it
    return;
  }
  stop();
}

void EventLoop::stop() {
  {
    std::lock_guard lock(impl_->mutex);
    impl_->stopping = true;
  }
  uint64_t one = 1;
  [[maybe_unused]] auto n = ::write(impl_->wake.get(), &one, sizeof(one));
  if (impl_->thread.joinable() && !in_loop()) impl_->thread.join();
  std::vector<Impl::Posted> dropped;
  std::lock_guard lock(impl_->mutex);
  dropped.swap(impl_->posted);
}

void EventLoop::post(std::function<void()> work) { impl_->put({std::move(work), {}}, in_loop()); }

void EventLoop::wake(std::weak_ptr<Wakeable> who) { impl_->put({nullptr, std::move(who)}, in_loop()); }

void EventLoop::Impl::put(Posted item, bool from_loop) {
  bool first = false;
  {
    std::lock_guard lock(mutex);
    if (stopping && !from_loop) return;
    first = posted.empty();
    posted.push_back(std::move(item));
  }
  if (first && !from_loop) {
    uint64_t one = 1;
    [[maybe_unused]] auto n = ::write(wake.get(), &one, sizeof(one));
  }
}

bool EventLoop::in_loop() const { return impl_->owner.load() == std::this_thread::get_id(); }

void EventLoop::add(int fd, uint32_t events, std::shared_ptr<Watcher> watcher) {
  uint32_t generation = impl_->next_generation++;
  impl_->entries[fd] = {std::move(watcher), events, generation};
  epoll_event event{};
  event.events = events;
  event.data.u64 = (static_cast<uint64_t>(generation) << 32) | static_cast<uint32_t>(fd);
  if (::epoll_ctl(impl_->epoll.get(), EPOLL_CTL_ADD, fd, &event) != 0 && errno == EEXIST) {
    ::epoll_ctl(impl_->epoll.get(), EPOLL_CTL_MOD, fd, &event);
  }
}

void EventLoop::modify(int fd, uint32_t events) {
  auto it = impl_->entries.find(fd);
  if (it == impl_->entries.end() || it->second.events == events) return;
  it->second.events = events;
  epoll_event event{};
  event.events = events;
  event.data.u64 = (static_cast<uint64_t>(it->second.generation) << 32) | static_cast<uint32_t>(fd);
  ::epoll_ctl(impl_->epoll.get(), EPOLL_CTL_MOD, fd, &event);
}

void EventLoop::remove(int fd) {
  auto it = impl_->entries.find(fd);
  if (it == impl_->entries.end()) return;
  ::epoll_ctl(impl_->epoll.get(), EPOLL_CTL_DEL, fd, nullptr);
  auto watcher = std::move(it->second.watcher);
  impl_->entries.erase(it);
}

EventLoop::TimerId EventLoop::after(Clock::duration delay, std::function<void()> work) {
  TimerId id = impl_->next_timer++;
  auto when = Clock::now() + delay;
  impl_->timers.emplace(std::pair(when, id), std::move(work));
  impl_->timer_times.emplace(id, when);
  return id;
}

void EventLoop::cancel(TimerId timer) {
  auto it = impl_->timer_times.find(timer);
  if (it == impl_->timer_times.end()) return;
  auto node = impl_->timers.extract(std::pair(it->second, timer));
  impl_->timer_times.erase(it);
}

std::span<char> EventLoop::scratch() { return impl_->scratch; }

}  // namespace gantry::io
