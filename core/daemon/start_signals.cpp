#include "core/daemon/start_signals.hpp"

#include <sys/signalfd.h>

#include <boost/asio/buffer.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/steady_timer.hpp>
#include <cerrno>
#include <csignal>
#include <system_error>
#include <utility>

namespace gantry::daemon {
namespace {

namespace asio = boost::asio;

int open_signals(std::initializer_list<int> heard) {
  sigset_t set;
  sigemptyset(&set);
  for (const int signal : heard) sigaddset(&set, signal);
  const int fd = ::signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
  if (fd < 0) throw std::system_error(errno, std::generic_category(), "signalfd");
  return fd;
}

}  // namespace

struct Signals::Impl {
  explicit Impl(std::initializer_list<int> heard) : descriptor(context, open_signals(heard)) {}

  // `then` hears the next signal, on the thread that runs the context. One whose turn does not come before the context
  // stops is not taken: it is left for who asks next.
  void hear(std::function<void(int)> then) {
    descriptor.async_wait(asio::posix::stream_descriptor::wait_read,
                          [this, then = std::move(then)](const boost::system::error_code& error) {
                            if (error) return;
                            signalfd_siginfo info{};
                            boost::system::error_code none;
                            const size_t n = descriptor.read_some(asio::buffer(&info, sizeof info), none);
                            if (n == sizeof info) then(static_cast<int>(info.ssi_signo));
                          });
  }

  asio::io_context context{1};
  asio::posix::stream_descriptor descriptor;
  asio::steady_timer timer{context};
};

Signals::Signals(std::initializer_list<int> heard) : impl_(std::make_unique<Impl>(heard)) {}
Signals::~Signals() = default;

int Signals::next() {
  int heard = 0;
  impl_->hear([&heard](int signal) { heard = signal; });
  impl_->context.restart();
  impl_->context.run();
  return heard;
}

StartSignals::StartSignals(std::chrono::milliseconds grace, std::function<void(int signal)> overdue)
    : grace_(grace), overdue_(std::move(overdue)), signals_({SIGTERM, SIGINT}), thread_([this] { run(); }) {}

StartSignals::~StartSignals() { end(); }

int StartSignals::end() {
  if (!thread_.joinable()) return signal_;
  signals_.impl_->context.stop();
  thread_.join();
  return signal_;
}

void StartSignals::run() {
  auto& impl = *signals_.impl_;
  impl.hear([this, &impl](int signal) {
    signal_ = signal;
    impl.timer.expires_after(grace_);
    impl.timer.async_wait([this](const boost::system::error_code& error) {
      if (!error) overdue_(signal_);
    });
  });
  impl.context.run();
}

}  // namespace gantry::daemon
