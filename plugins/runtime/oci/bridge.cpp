#include "bridge.hpp"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <termios.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <utility>

namespace gantry::oci {
namespace {

constexpr size_t kBuffer = 16384;

enum class Step : uint8_t { kMoved, kLater, kEnd };

Step step(ssize_t moved) {
  if (moved > 0) return Step::kMoved;
  return moved < 0 && (errno == EAGAIN || errno == EINTR) ? Step::kLater : Step::kEnd;
}

Step take(int from, std::string& into) {
  std::array<char, kBuffer> chunk;
  const auto n = ::read(from, chunk.data(), chunk.size());
  if (n > 0) into.append(chunk.data(), static_cast<size_t>(n));
  return step(n);
}

Step give(std::string& from, int to) {
  const auto n = ::write(to, from.data(), from.size());
  if (n > 0) from.erase(0, static_cast<size_t>(n));
  return step(n);
}

}  // namespace

Bridge::Bridge(Loop& loop, Terminal terminal, Fd in, Fd out, std::function<void()> done)
    : loop_(loop), slave_(std::move(terminal.slave)), done_(std::move(done)) {
  terminal_.fd = std::move(terminal.master);
  in_.fd = std::move(in);
  out_.fd = std::move(out);
}

Bridge::~Bridge() {
  for (auto* end : {&terminal_, &in_, &out_}) close(*end);
}

void Bridge::start() {
  for (const auto* end : {&terminal_, &in_, &out_}) {
    if (end->fd) ::fcntl(end->fd.get(), F_SETFL, ::fcntl(end->fd.get(), F_GETFL) | O_NONBLOCK);
  }
  terminal_.id = loop_.add(terminal_.fd.get(), [this](uint32_t events) { on_terminal(events); });
  if (in_.fd) in_.id = loop_.add(in_.fd.get(), [this](uint32_t) { on_in(); });
  if (out_.fd) out_.id = loop_.add(out_.fd.get(), [this](uint32_t) { on_out(); });
  update();
}

void Bridge::process_ended() {
  ended_ = true;
  slave_.reset();
  to_terminal_.clear();
  update();
}

void Bridge::stop() {
  for (const auto* end : {&terminal_, &in_, &out_}) loop_.wait_for(end->id, 0);
}

bool Bridge::wants_output() const { return !drained_ && to_out_.size() < kBuffer; }

void Bridge::on_terminal(uint32_t events) {
  if ((events & ~static_cast<uint32_t>(EPOLLOUT)) != 0 && wants_output()) {
    drained_ = take(terminal_.fd.get(), to_out_) == Step::kEnd;
  }
  if ((events & EPOLLOUT) != 0 && !to_terminal_.empty() && give(to_terminal_, terminal_.fd.get()) == Step::kEnd) {
    to_terminal_.clear();
  }
  update();
}

void Bridge::on_in() {
  if (take(in_.fd.get(), to_terminal_) == Step::kEnd) {
    close(in_);
    to_terminal_ += '\x04';  // the end of input, as a terminal says it
  }
  update();
}

void Bridge::on_out() {
  if (give(to_out_, out_.fd.get()) == Step::kEnd) close(out_);
  update();
}

void Bridge::close(End& end) {
  if (end.id != 0) loop_.remove(std::exchange(end.id, 0));
  end.fd.reset();
}

// What is waited for now; at the end `done`, after which nothing of this is touched.
void Bridge::update() {
  if (!out_.fd) to_out_.clear();
  // Once the process has ended, what there is is there at once; whoever else has the terminal open is not waited for.
  while (ended_ && wants_output()) {
    drained_ = take(terminal_.fd.get(), to_out_) != Step::kMoved;
    if (!out_.fd) to_out_.clear();
  }
  if (ended_ && drained_ && to_out_.empty()) {
    if (done_) std::exchange(done_, nullptr)();
    return;
  }
  const bool writes = !ended_ && !to_terminal_.empty();
  loop_.wait_for(terminal_.id, (wants_output() ? EPOLLIN : 0U) | (writes ? EPOLLOUT : 0U));
  loop_.wait_for(in_.id, to_terminal_.empty() && !ended_ ? EPOLLIN : 0U);
  loop_.wait_for(out_.id, to_out_.empty() ? 0U : EPOLLOUT);
}

Expected<Terminal> open_terminal() {
  Terminal terminal{Fd(::posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC)), {}, {}};
  std::array<char, 64> name{};
  if (!terminal.master || ::grantpt(terminal.master.get()) < 0 || ::unlockpt(terminal.master.get()) < 0 ||
      ::ptsname_r(terminal.master.get(), name.data(), name.size()) != 0) {
    return errno_status("open a terminal");
  }
  terminal.name = name.data();
  terminal.slave = Fd(::open(terminal.name.c_str(), O_RDWR | O_NOCTTY | O_CLOEXEC));
  struct termios mode {};
  if (!terminal.slave || ::tcgetattr(terminal.slave.get(), &mode) < 0) return errno_status(terminal.name);
  ::cfmakeraw(&mode);
  ::tcsetattr(terminal.slave.get(), TCSANOW, &mode);
  return terminal;
}

}  // namespace gantry::oci
