#include "monitor.hpp"

#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <cerrno>

namespace gantry::oci {

Monitor::Monitor(std::function<void(const std::string&)> ended)
    : ended_(std::move(ended)), epoll_(::epoll_create1(EPOLL_CLOEXEC)), stop_(::eventfd(0, EFD_CLOEXEC)) {
  struct epoll_event event {};
  event.events = EPOLLIN;
  event.data.fd = stop_.get();
  ::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, stop_.get(), &event);
  thread_ = std::thread([this] { run(); });
}

Monitor::~Monitor() {
  ::eventfd_write(stop_.get(), 1);
  thread_.join();
}

void Monitor::watch(std::string key, Fd pidfd) {
  if (!pidfd) return;
  const std::scoped_lock lock(mutex_);
  const int fd = pidfd.get();
  struct epoll_event event {};
  event.events = EPOLLIN | EPOLLONESHOT;
  event.data.fd = fd;
  watched_[fd] = {std::move(pidfd), std::move(key)};
  ::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, fd, &event);
}

void Monitor::run() {
  for (;;) {
    struct epoll_event event {};
    const int n = ::epoll_wait(epoll_.get(), &event, 1, -1);
    if (n < 0 && errno != EINTR) return;
    if (n <= 0) continue;
    if (event.data.fd == stop_.get()) return;
    std::string key;
    {
      const std::scoped_lock lock(mutex_);
      const auto it = watched_.find(event.data.fd);
      if (it == watched_.end()) continue;
      key = std::move(it->second.second);
      watched_.erase(it);  // closes the descriptor, which leaves the epoll set with it
    }
    ended_(key);
  }
}

}  // namespace gantry::oci
