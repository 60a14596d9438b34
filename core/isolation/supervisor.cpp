#include "core/isolation/supervisor.hpp"

#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <future>

#include "core/isolation/channel.hpp"
#include "core/isolation/seconds.hpp"

namespace gantry::isolation {
namespace {

// How long a process whose connection broke may take to show why, and one that was asked to end may take to.
constexpr std::chrono::seconds kGrace{2};
// Requests are left unread while this much waits to be sent: who asks must also listen.
constexpr size_t kOutboxHigh = 16 * 1024 * 1024;
// Above this, of callbacks only those are taken that are no larger.
constexpr size_t kOutboxFull = 4 * kOutboxHigh, kSmall = 4 * 1024;

}  // namespace

Supervisor::Supervisor(SupervisorOptions options)
    : options_(std::move(options)), reader_(options_.max_frame), progress_(Clock::now()) {}

Supervisor::~Supervisor() { close(); }

Status Supervisor::start(Fd main_end, bool* limited) {
  wake_ = Fd(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  if (!wake_) return Status::internal("eventfd failed");
  std::promise<Status> started;
  // The process is this thread's child: it dies with the thread.
  thread_ = std::thread([&] {
    auto status = spawn(std::move(main_end), limited);
    const bool good = status.ok();
    started.set_value(std::move(status));
    if (good) run();
  });
  auto status = started.get_future().get();
  if (!status.ok()) thread_.join();
  return status;
}

Status Supervisor::spawn(Fd main_end, bool* limited) {
  Fd child_end;
  if (!make_pair(control_, child_end)) return Status::internal("socketpair failed");
  auto process = ChildProcess::spawn(options_.host, child_end, main_end);
  if (!process) return std::move(process).error();
  process_.emplace(std::move(*process));
  *limited =
      process_->join_group(options_.cgroup_dir, options_.name, options_.memory_limit) && options_.memory_limit > 0;
  return {};
}

void Supervisor::begin_close() {
  const std::lock_guard lock(mutex_);
  if (closing_) return;
  closing_ = true;
  closing_since_ = Clock::now();
}

void Supervisor::close() {
  if (!thread_.joinable()) return;
  begin_close();
  wake();
  thread_.join();
}

void Supervisor::wake() const {
  const uint64_t one = 1;
  [[maybe_unused]] const auto written = ::write(wake_.get(), &one, sizeof one);
}

void Supervisor::hurry() {
  {
    const std::lock_guard lock(mutex_);
    if (!hurried_since_) hurried_since_ = Clock::now();
  }
  wake();
}

bool Supervisor::send(const Frame& frame, Fd descriptor, bool callback) {
  Frame marked;
  marked.op = frame.op;
  marked.kind = frame.kind;
  marked.id = frame.id;
  marked.descriptors = descriptor ? 1 : 0;
  Message message{std::string(encode_header(marked, frame.payload.size()).bytes, kHeaderSize) + frame.payload, 0,
                  std::move(descriptor)};
  const std::lock_guard lock(mutex_);
  if (closing_ || !cause_.empty()) return true;
  if (callback && outbox_bytes_ > kOutboxFull && frame.payload.size() > kSmall) return false;
  if (callback) callbacks_.push_back(Clock::now());
  if (outbox_.empty()) {
    progress_ = Clock::now();
    if (send_some(message)) return true;
  }
  outbox_bytes_ += message.bytes.size() - message.sent;
  outbox_.push_back(std::move(message));
  wake();
  return true;
}

bool Supervisor::callback_returned() {
  const std::lock_guard lock(mutex_);
  if (callbacks_.empty()) return false;
  callbacks_.pop_front();
  return true;
}

// With mutex_ held. True when all of it is gone.
bool Supervisor::send_some(Message& message) {
  while (message.sent < message.bytes.size()) {
    const int fd = message.descriptor.get();
    const auto descriptors = message.descriptor ? std::span<const int>(&fd, 1) : std::span<const int>();
    const auto sent =
        send_bytes(control_.get(), std::string_view(message.bytes).substr(message.sent), {}, descriptors, MSG_DONTWAIT);
    if (sent < 0) return false;  // full, or broken: the reading side notices that
    message.sent += static_cast<size_t>(sent);
    message.descriptor.reset();
    progress_ = Clock::now();
  }
  return true;
}

void Supervisor::flush() {
  const std::lock_guard lock(mutex_);
  while (!outbox_.empty()) {
    const size_t before = outbox_.front().sent;
    const bool all = send_some(outbox_.front());
    outbox_bytes_ -= outbox_.front().sent - before;
    if (!all) return;
    outbox_.pop_front();
  }
}

void Supervisor::fail(std::string cause) {
  {
    const std::lock_guard lock(mutex_);
    if (!cause_.empty()) return;
    cause_ = std::move(cause);
    kill_ = true;
  }
  known_.notify_all();
  wake();
}

std::string Supervisor::broken() {
  std::unique_lock lock(mutex_);
  if (cause_.empty() && !broken_since_) {
    broken_since_ = Clock::now();
    wake();
  }
  known_.wait(lock, [this] { return !cause_.empty(); });
  return cause_;
}

bool Supervisor::ended() const {
  const std::lock_guard lock(mutex_);
  return !cause_.empty();
}

void Supervisor::run() {
  bool gone = false;
  while (!gone) wait_and_serve(&gone);
  finish();
}

void Supervisor::wait_and_serve(bool* gone) {
  pollfd fds[3] = {{process_->pidfd(), POLLIN, 0}, {wake_.get(), POLLIN, 0}, {control_.get(), 0, 0}};
  {
    const std::lock_guard lock(mutex_);
    if (kill_) process_->kill();
    if (closing_) ::shutdown(control_.get(), SHUT_WR);  // over there: the end
    if (!control_open_) fds[2].fd = -1;
    if (outbox_bytes_ < kOutboxHigh) fds[2].events |= POLLIN;
    if (!outbox_.empty()) fds[2].events |= POLLOUT;
  }
  ::poll(fds, 3, poll_timeout());
  if (fds[1].revents != 0) {
    uint64_t count;
    [[maybe_unused]] const auto got = ::read(wake_.get(), &count, sizeof count);
  }
  if ((fds[2].revents & POLLOUT) != 0) flush();
  if ((fds[2].revents & (POLLHUP | POLLERR)) != 0) {
    const std::lock_guard lock(mutex_);  // nobody reads it any more; what was sent before is still heard
    outbox_.clear();
    outbox_bytes_ = 0;
  }
  const bool readable = (fds[2].revents & (POLLIN | POLLHUP | POLLERR)) != 0 || (unserved_ && !full());
  if (readable && !read_control()) {
    control_open_ = false;
    const std::lock_guard lock(mutex_);
    if (!broken_since_) broken_since_ = Clock::now();
  }
  *gone = fds[0].revents != 0;
  check_deadlines();
}

// Who asks must also listen: what it asks is left until it has read its answers.
bool Supervisor::full() const {
  const std::lock_guard lock(mutex_);
  return outbox_bytes_ >= kOutboxHigh || kill_;
}

bool Supervisor::read_control() {
  if (!serve_frames()) return false;
  while (!unserved_) {
    constexpr size_t kStep = 64 * 1024;
    ssize_t got;
    char* into = reader_.reserve(kStep);
    do {
      got = ::recv(control_.get(), into, kStep, MSG_DONTWAIT);
    } while (got < 0 && errno == EINTR);
    reader_.committed(got > 0 ? static_cast<size_t>(got) : 0);
    if (got < 0) return errno == EAGAIN || errno == EWOULDBLOCK;
    if (got == 0) return false;
    if (!serve_frames()) return false;
  }
  return true;
}

bool Supervisor::serve_frames() {
  Frame frame;
  unserved_ = false;
  while (true) {
    if (full()) {
      unserved_ = true;
      return true;
    }
    const auto result = reader_.next(frame);
    if (result == FrameReader::Result::kMore) return true;
    const auto complaint = result == FrameReader::Result::kMalformed ? reader_.complaint() : options_.on_frame(frame);
    if (complaint.empty()) continue;
    fail("sent a malformed frame: " + complaint);
    return false;
  }
}

int Supervisor::poll_timeout() const {
  const auto limit = options_.limit();
  const std::lock_guard lock(mutex_);
  // Callbacks and calls are sent without waking this thread, so it looks for late ones by itself now and then.
  auto next = Clock::now() + options_.deadline / 2;
  const auto earliest = [&](Clock::time_point time) { next = std::min(next, time); };
  if (!kill_ && broken_since_) earliest(*broken_since_ + kGrace);
  if (!kill_ && closing_since_) earliest(*closing_since_ + kGrace);
  if (!kill_ && hurried_since_ && options_.busy()) earliest(*hurried_since_ + options_.stop_deadline);
  if (!kill_ && !callbacks_.empty()) earliest(callbacks_.front() + options_.deadline);
  if (!kill_ && limit) earliest(limit->at);
  if (!kill_ && !outbox_.empty()) earliest(progress_ + options_.deadline);
  const auto left = std::chrono::ceil<std::chrono::milliseconds>(next - Clock::now()).count();
  return static_cast<int>(std::clamp<int64_t>(left, 0, 60'000));
}

void Supervisor::check_deadlines() {
  std::string cause;
  const auto limit = options_.limit();
  {
    const std::lock_guard lock(mutex_);
    const auto now = Clock::now();
    if (kill_) return;
    if (closing_since_) {
      kill_ = now >= *closing_since_ + kGrace;
      return;
    }
    if (hurried_since_ && now >= *hurried_since_ + options_.stop_deadline && options_.busy()) {
      cause = "was at work " + seconds(options_.stop_deadline) + " after the daemon had begun to stop and was killed";
    } else if (broken_since_ && now >= *broken_since_ + kGrace) {
      cause = "closed its connection to the daemon";
    } else if (!callbacks_.empty() && now >= callbacks_.front() + options_.deadline) {
      cause = "did not return from a timer or an answer to call_async within " + seconds(options_.deadline) +
              " and was killed";
    } else if (limit && now >= limit->at) {
      cause = std::string("did not answer ") + limit->what + " within " + seconds(limit->allowed) + " and was killed";
    } else if (!outbox_.empty() && now >= progress_ + options_.deadline) {
      cause = "did not read its messages for " + seconds(options_.deadline) + " and was killed";
    }
  }
  if (!cause.empty()) fail(std::move(cause));
}

// What the process said before it ended is heard, then it is reaped, then the end is told.
void Supervisor::finish() {
  if (control_open_ && !ended()) read_control();
  const auto how = process_->reap();
  std::string cause;
  bool asked;
  {
    const std::lock_guard lock(mutex_);
    asked = closing_ && cause_.empty();
    if (cause_.empty()) cause_ = asked ? "it was ended" : how;
    cause = cause_;
    outbox_.clear();
  }
  known_.notify_all();
  options_.on_end(cause);
  if (!asked && options_.on_exit) options_.on_exit(cause);
}

}  // namespace gantry::isolation
