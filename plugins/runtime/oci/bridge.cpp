#include "bridge.hpp"

#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <termios.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <string>

namespace gantry::oci {
namespace {

constexpr size_t kBuffer = 16384;

bool would_block() { return errno == EAGAIN || errno == EINTR; }

// Bytes on their way in one direction.
struct Flow {
  std::string waiting;
  // False at the end of the source.
  bool take(int from) {
    std::array<char, kBuffer> chunk;
    const auto n = ::read(from, chunk.data(), chunk.size());
    if (n < 0) return would_block();
    waiting.append(chunk.data(), static_cast<size_t>(n));
    return n > 0;
  }
  // False when the target takes no more.
  bool give(int to) {
    const auto n = ::write(to, waiting.data(), waiting.size());
    if (n < 0) return would_block();
    waiting.erase(0, static_cast<size_t>(n));
    return true;
  }
};

void set_nonblocking(int fd) {
  if (fd >= 0) ::fcntl(fd, F_SETFL, ::fcntl(fd, F_GETFL) | O_NONBLOCK);
}

}  // namespace

void run_bridge(Bridge& b) {
  for (const auto* fd : {&b.terminal, &b.in, &b.out}) set_nonblocking(fd->get());
  Flow input, output;
  bool ended = false;          // the process
  bool terminal_done = false;  // nothing more comes from it
  while (!(ended && terminal_done && output.waiting.empty())) {
    const bool want_output = !terminal_done && output.waiting.size() < kBuffer;
    short terminal_events = 0;
    if (want_output) terminal_events |= POLLIN;
    if (!ended && !input.waiting.empty()) terminal_events |= POLLOUT;
    std::array<pollfd, 5> fds = {
        pollfd{b.cancelled, POLLIN, 0}, pollfd{ended ? -1 : b.process, POLLIN, 0},
        pollfd{!terminal_done || terminal_events != 0 ? b.terminal.get() : -1, terminal_events, 0},
        pollfd{input.waiting.empty() && !ended ? b.in.get() : -1, POLLIN, 0},
        pollfd{output.waiting.empty() ? -1 : b.out.get(), POLLOUT, 0}};
    // Once the process ended the terminal is only emptied: what is there is there at once.
    const int timeout = ended && !terminal_done && want_output ? 0 : -1;
    const int n = ::poll(fds.data(), fds.size(), timeout);
    if (n < 0 && errno != EINTR) return;
    if (n == 0) terminal_done = true;
    if (n <= 0) continue;
    if (fds[0].revents != 0) return;
    if (fds[1].revents != 0) ended = true;
    if ((fds[2].revents & (POLLIN | POLLHUP | POLLERR)) != 0 && want_output && !output.take(b.terminal.get())) {
      // Nobody has the other end open: before the process opened it, or for good.
      terminal_done = ended;
      if (!ended && (fds[2].revents & POLLHUP) != 0) {
        pollfd wait{b.process, POLLIN, 0};
        ::poll(&wait, 1, 10);
      }
    }
    if ((fds[2].revents & POLLOUT) != 0 && !input.give(b.terminal.get())) input.waiting.clear();
    if (fds[3].revents != 0 && !input.take(b.in.get())) {
      b.in.reset();
      input.waiting += '\x04';  // the end of input, as a terminal says it
    }
    if (fds[4].revents != 0 && !output.give(b.out.get())) b.out.reset();
    if (!b.out) output.waiting.clear();
  }
}

Expected<Terminal> open_terminal() {
  Terminal terminal{Fd(::posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC)), {}};
  std::array<char, 64> name{};
  if (!terminal.master || ::grantpt(terminal.master.get()) < 0 || ::unlockpt(terminal.master.get()) < 0 ||
      ::ptsname_r(terminal.master.get(), name.data(), name.size()) != 0) {
    return errno_status("open a terminal");
  }
  terminal.name = name.data();
  const Fd slave(::open(terminal.name.c_str(), O_RDWR | O_NOCTTY | O_CLOEXEC));
  struct termios mode {};
  if (!slave || ::tcgetattr(slave.get(), &mode) < 0) return errno_status(terminal.name);
  ::cfmakeraw(&mode);
  ::tcsetattr(slave.get(), TCSANOW, &mode);
  return terminal;
}

}  // namespace gantry::oci
