#include "core/daemon/start_signals.hpp"

#include <poll.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>

namespace gantry::daemon {
namespace {

int open_signals() {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGTERM);
  sigaddset(&set, SIGINT);
  return ::signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
}

}  // namespace

StartSignals::StartSignals(std::chrono::milliseconds grace, std::function<void(int signal)> overdue)
    : grace_(grace), overdue_(std::move(overdue)), signals_(open_signals()), over_(::eventfd(0, EFD_CLOEXEC)) {
  if (signals_.valid() && over_.valid()) thread_ = std::thread([this] { run(); });
}

StartSignals::~StartSignals() { end(); }

int StartSignals::end() {
  if (!thread_.joinable()) return signal_;
  const uint64_t one = 1;
  while (::write(over_.get(), &one, sizeof one) < 0 && errno == EINTR) {
  }
  thread_.join();
  return signal_;
}

void StartSignals::run() {
  pollfd both[] = {{signals_.get(), POLLIN, 0}, {over_.get(), POLLIN, 0}};
  while (::poll(both, 2, -1) < 0 && errno == EINTR) {
  }
  if (both[0].revents == 0) return;
  signalfd_siginfo info{};
  if (::read(signals_.get(), &info, sizeof info) != sizeof info) return;
  signal_ = static_cast<int>(info.ssi_signo);
  pollfd over{over_.get(), POLLIN, 0};
  const auto until = std::chrono::steady_clock::now() + grace_;
  int ready = 0;
  do {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(until - std::chrono::steady_clock::now()).count();
    ready = ::poll(&over, 1, left > 0 ? static_cast<int>(left) : 0);
  } while (ready < 0 && errno == EINTR);
  if (ready == 0) overdue_(signal_);
}

}  // namespace gantry::daemon
