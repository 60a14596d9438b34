// An io_context for the thread; descriptors are waited for, and read and written by whoever watches them.
#include "core/http/io/event_loop.hpp"

#include <pthread.h>
#include <signal.h>
#include <sys/epoll.h>

#include <atomic>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <mutex>
#include <thread>
#include <unordered_map>
#include <vector>

namespace gantry::io {

namespace asio = boost::asio;

namespace {

using Wait = asio::posix::stream_descriptor::wait_type;

// One descriptor. What waits for it holds it; without a watcher it is forgotten.
struct Watched : std::enable_shared_from_this<Watched> {
  Watched(asio::io_context& context, int fd, uint32_t wanted, std::shared_ptr<EventLoop::Watcher> who)
      : descriptor(context), watcher(std::move(who)), events(wanted) {
    boost::system::error_code ignored;  // asking says the same
    descriptor.assign(fd, ignored);
  }
  // The descriptor is its watcher's, who may have closed it.
  ~Watched() { forget(); }

  void forget() {
    watcher.reset();
    if (descriptor.is_open()) descriptor.release();
  }

  // Asks for each event that is wanted and not asked for. Data that is there already counts: this is level triggered.
  void ask() {
    if ((events & EPOLLIN) != 0) ask(EPOLLIN, Wait::wait_read);
    if ((events & EPOLLOUT) != 0) ask(EPOLLOUT, Wait::wait_write);
    // Who does not read hears of a hang-up all the same.
    if ((events & EPOLLIN) == 0) ask(EPOLLERR, Wait::wait_error);
  }

  void ask(uint32_t event, Wait kind) {
    if ((asked & event) != 0) return;
    asked |= event;
    descriptor.async_wait(
        kind, [self = shared_from_this(), event](const boost::system::error_code& error) { self->told(event, error); });
  }

  void told(uint32_t event, const boost::system::error_code& error) {
    asked &= ~event;
    const auto who = watcher;
    if (!who || error == asio::error::operation_aborted) return;
    if (error) return who->on_ready(EPOLLERR | EPOLLHUP);  // nothing that could be waited for
    if (event == EPOLLERR) {
      if ((events & EPOLLIN) == 0) who->on_ready(EPOLLERR | EPOLLHUP);
    } else if ((events & event) != 0) {
      who->on_ready(event);
    }
    if (watcher) ask();
  }

  asio::posix::stream_descriptor descriptor;
  std::shared_ptr<EventLoop::Watcher> watcher;
  uint32_t events;
  uint32_t asked = 0;
};

struct Posted {
  std::function<void()> work;
  std::weak_ptr<EventLoop::Wakeable> who;  // where there is no work
};

struct Timer {
  Timer(asio::io_context& context, EventLoop::Clock::duration delay, std::function<void()> todo)
      : timer(context, delay), work(std::move(todo)) {}
  asio::steady_timer timer;
  std::function<void()> work;
};

}  // namespace

struct EventLoop::Impl {
  asio::io_context context{1};
  asio::posix::stream_descriptor none{context};  // so that what waits is made now, and not when no descriptor is left
  asio::executor_work_guard<asio::io_context::executor_type> guard{context.get_executor()};
  std::mutex mutex;
  std::vector<Posted> posted;  // under mutex
  bool stopping = false;       // under mutex
  std::atomic<std::thread::id> owner{};
  std::thread thread;
  std::unordered_map<int, std::shared_ptr<Watched>> watched;
  std::unordered_map<TimerId, Timer> timers;
  TimerId next_timer = 1;
  std::vector<char> scratch = std::vector<char>(64 << 10);

  void put(Posted item, bool from_loop);
  void run();
  bool run_posted();
  void drop_posted();
  void fire(TimerId id);
};

// False when there was nothing.
bool EventLoop::Impl::run_posted() {
  std::vector<Posted> work;
  {
    std::lock_guard lock(mutex);
    work.swap(posted);
  }
  for (auto& item : work) {
    if (item.work) {
      item.work();
    } else if (const auto who = item.who.lock()) {
      who->on_wake();
    }
    item = {};  // what it holds goes before the next runs
  }
  return !work.empty();
}

void EventLoop::Impl::drop_posted() {
  std::vector<Posted> dropped;
  std::lock_guard lock(mutex);
  dropped.swap(posted);
}

void EventLoop::Impl::fire(TimerId id) {
  auto node = timers.extract(id);
  if (node.empty()) return;
  const auto work = std::move(node.mapped().work);
  node = {};
  work();
}

void EventLoop::Impl::run() {
  owner = std::this_thread::get_id();
  // A peer that went away is an error code here, not a signal.
  sigset_t set;
  sigfillset(&set);
  for (int keep : {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT}) sigdelset(&set, keep);
  pthread_sigmask(SIG_BLOCK, &set, nullptr);
  context.run();
  // Destroying a watcher may remove others.
  auto left = std::move(watched);
  watched.clear();
  for (auto& [fd, entry] : left) entry->forget();
  left.clear();
  timers.clear();
  // What waited is told that it need not any more, and goes.
  drop_posted();
  context.restart();
  context.poll();
}

EventLoop::EventLoop() : impl_(std::make_unique<Impl>()) {}

std::shared_ptr<EventLoop> EventLoop::start(const std::string& name) {
  std::shared_ptr<EventLoop> loop(new EventLoop());
  Impl& impl = *loop->impl_;
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
  bool first = false;
  {
    std::lock_guard lock(impl_->mutex);
    first = !impl_->stopping;
    impl_->stopping = true;
  }
  if (first) {
    asio::post(impl_->context, [impl = impl_.get()] {
      while (impl->run_posted()) {
      }
      impl->context.stop();
    });
  }
  if (impl_->thread.joinable() && !in_loop()) impl_->thread.join();
  impl_->drop_posted();
}

void EventLoop::post(std::function<void()> work) { impl_->put({std::move(work), {}}, in_loop()); }

void EventLoop::wake(std::weak_ptr<Wakeable> who) { impl_->put({nullptr, std::move(who)}, in_loop()); }

// One wake-up of the thread for all that is posted until it comes.
void EventLoop::Impl::put(Posted item, bool from_loop) {
  bool first = false;
  {
    std::lock_guard lock(mutex);
    if (stopping && !from_loop) return;
    first = posted.empty();
    posted.push_back(std::move(item));
  }
  if (first) asio::post(context, [this] { run_posted(); });
}

bool EventLoop::in_loop() const { return impl_->owner.load() == std::this_thread::get_id(); }

void EventLoop::add(int fd, uint32_t events, std::shared_ptr<Watcher> watcher) {
  remove(fd);
  auto entry = std::make_shared<Watched>(impl_->context, fd, events, std::move(watcher));
  impl_->watched.emplace(fd, entry);
  entry->ask();
}

void EventLoop::modify(int fd, uint32_t events) {
  auto it = impl_->watched.find(fd);
  if (it == impl_->watched.end() || it->second->events == events) return;
  it->second->events = events;
  it->second->ask();
}

void EventLoop::remove(int fd) {
  auto it = impl_->watched.find(fd);
  if (it == impl_->watched.end()) return;
  const auto entry = std::move(it->second);
  impl_->watched.erase(it);
  entry->forget();
}

EventLoop::TimerId EventLoop::after(Clock::duration delay, std::function<void()> work) {
  const TimerId id = impl_->next_timer++;
  auto& entry = impl_->timers.try_emplace(id, impl_->context, delay, std::move(work)).first->second;
  entry.timer.async_wait([impl = impl_.get(), id](const boost::system::error_code& error) {
    if (!error) impl->fire(id);
  });
  return id;
}

void EventLoop::cancel(TimerId timer) { impl_->timers.erase(timer); }

std::span<char> EventLoop::scratch() { return impl_->scratch; }

}  // namespace gantry::io
