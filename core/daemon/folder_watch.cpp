#include "core/daemon/folder_watch.hpp"

#include <poll.h>
#include <pthread.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "core/files/errno_status.hpp"

namespace gantry::daemon {

Expected<std::unique_ptr<FolderWatch>> FolderWatch::start(const std::vector<std::filesystem::path>& dirs,
                                                          std::function<void(const std::filesystem::path&)> changed) {
  std::unique_ptr<FolderWatch> watch(new FolderWatch());
  watch->inotify_ = io::UniqueFd(::inotify_init1(IN_CLOEXEC | IN_NONBLOCK));
  watch->stop_ = io::UniqueFd(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  if (!watch->inotify_.valid() || !watch->stop_.valid()) return files::status_of_errno("inotify", errno);
  for (const auto& dir : dirs) {
    const int id = ::inotify_add_watch(watch->inotify_.get(), dir.c_str(), IN_CLOSE_WRITE | IN_MOVED_TO | IN_ONLYDIR);
    if (id < 0) return files::status_of_errno(dir.string(), errno);
    watch->dirs_[id] = dir;
  }
  watch->changed_ = std::move(changed);
  watch->thread_ = std::thread([w = watch.get()] { w->run(); });
  return watch;
}

FolderWatch::~FolderWatch() {
  if (!thread_.joinable()) return;
  const uint64_t one = 1;
  [[maybe_unused]] const auto n = ::write(stop_.get(), &one, sizeof one);
  thread_.join();
}

void FolderWatch::run() {
  ::pthread_setname_np(::pthread_self(), "plugin-folders");
  for (;;) {
    pollfd fds[] = {{stop_.get(), POLLIN, 0}, {inotify_.get(), POLLIN, 0}};
    if (::poll(fds, 2, -1) < 0 && errno != EINTR) return;
    if (fds[0].revents != 0) return;
    if (fds[1].revents != 0) read_events();
  }
}

void FolderWatch::read_events() {
  alignas(inotify_event) char buffer[4096];
  const auto size = ::read(inotify_.get(), buffer, sizeof buffer);
  for (ssize_t at = 0; at < size;) {
    inotify_event event{};
    std::memcpy(&event, buffer + at, sizeof event);
    const auto dir = dirs_.find(event.wd);
    if (dir != dirs_.end() && event.len > 0) changed_(dir->second / (buffer + at + sizeof event));
    at += static_cast<ssize_t>(sizeof event + event.len);
  }
}

}  // namespace gantry::daemon
