// The socket's side of a connection: first bytes, handshake, reading, writing, closing.
#include <sys/epoll.h>
#include <sys/socket.h>

#include <cctype>

#include "core/http/server/connection.hpp"

namespace gantry::http {
namespace {

constexpr size_t kReadAhead = 64 << 10;   // pipelined bytes kept while a request is handled
constexpr size_t kFlushBudget = 1 << 20;  // then others of the same loop have their turn
constexpr int kReadBudget = 16;
constexpr std::chrono::milliseconds kLinger{2'000};
constexpr size_t kMostDiscarded = 1 << 20;
// So little is taken from everybody, however much others hold: leases and health checks are no larger.
constexpr size_t kAlwaysTaken = 8 << 10;
constexpr std::string_view kPlainAnswer =
    "HTTP/1.0 400 Bad Request\r\nContent-Type: text/plain; charset=utf-8\r\nConnection: close\r\n\r\n"
    "Client sent an HTTP request to an HTTPS server.\n";

}  // namespace

void Connection::set_deadline(std::chrono::milliseconds in) {
  deadline_ = io::EventLoop::Clock::now() + in;
  if (stranger_) core_->crowd.wait(place_, weak_from_this());
}

void Connection::clear_deadline() {
  deadline_ = io::EventLoop::Clock::time_point::max();
  if (stranger_) core_->crowd.serve(place_);
}

void Connection::begin() {
  open_account(local_ ? core_->local : core_->strangers);
  if (!options().authenticator) become_known();  // nobody can prove anything
  if (local_ || !core_->tls) {
    state_ = State::kRequest;
    set_idle(true);
    set_deadline(options().header_timeout);
  } else {
    set_deadline(options().handshake_timeout);
  }
  loop_->add(socket_.fd(), EPOLLIN, shared_from_this());
  if (core_->stopping) drain();
}

void Connection::on_ready(uint32_t events) {
  auto self = shared_from_this();
  if (state_ == State::kSniff) sniff();
  if (state_ == State::kHandshake) {
    handshake();
    if (state_ == State::kHandshake) {
      update_interest();
      return;
    }
  }
  if (state_ == State::kClosed) return;
  if (state_ == State::kLingering) {
    discard();
    return;
  }
  if (!out_.empty()) flush();
  if ((events & (EPOLLHUP | EPOLLERR)) != 0 && !wants_read()) {
    close();
    return;
  }
  read_some();
  update_interest();
}

void Connection::sniff() {
  unsigned char first = 0;
  ssize_t n = ::recv(socket_.fd(), &first, 1, MSG_PEEK | MSG_DONTWAIT);
  if (n < 0 && (errno == EAGAIN || errno == EINTR)) return;
  if (n == 1 && std::isupper(first)) {
    answer_plain_http();
  } else if (n != 1 || first != 0x16 || !socket_.start_tls(*core_->tls, true).ok()) {
    close();
  } else {
    state_ = State::kHandshake;
  }
}

void Connection::answer_plain_http() {
  ::send(socket_.fd(), kPlainAnswer.data(), kPlainAnswer.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
  linger();
}

void Connection::handshake() {
  io::IoResult result = socket_.handshake();
  handshake_wants_write_ = result.state == io::IoState::kWantWrite;
  if (result.state == io::IoState::kError || result.state == io::IoState::kEof) close();
  if (result.state != io::IoState::kOk) return;
  recognize();
  state_ = State::kRequest;
  set_deadline(options().header_timeout);
}

bool Connection::wants_read() const {
  if (peer_ended_) return false;
  switch (state_) {
    case State::kSniff:
    case State::kHandshake:
    case State::kRequest:
    case State::kLingering:
      return true;
    case State::kHandling:
    case State::kWriting:
    case State::kStreaming:
      return in_.size() < kReadAhead;
    case State::kUpgraded:
      return reader_ && !reader_paused_;
    case State::kClosed:
      return false;
  }
  return false;
}

void Connection::update_interest() {
  if (state_ == State::kClosed) return;
  uint32_t events = 0;
  if (wants_read()) events |= EPOLLIN;
  if (!out_.empty() || handshake_wants_write_) events |= EPOLLOUT;
  loop_->modify(socket_.fd(), events);
}

// Reading goes on after a pause: OpenSSL may hold bytes that epoll won't mention.
void Connection::resume_reading() {
  update_interest();
  if (wants_read() && socket_.has_pending()) {
    loop_->post([self = shared_from_this()] { self->on_ready(EPOLLIN); });
  }
}

void Connection::read_some() {
  for (int i = 0; wants_read() && state_ != State::kLingering; ++i) {
    if (i == kReadBudget) {
      resume_reading();
      return;
    }
    auto buffer = loop_->scratch().first(32 << 10);
    io::IoResult result = socket_.read(buffer);
    if (result.state == io::IoState::kOk) {
      if (!hold(result.bytes)) return on_tight(held_.bytes() + result.bytes);
      in_.append(buffer.data(), result.bytes);
      if (state_ == State::kUpgraded) {
        deliver();
      } else {
        process();
      }
      // Less than asked for: the socket is empty, or epoll says so again.
      if (state_ == State::kClosed || (result.bytes < buffer.size() && !socket_.has_pending())) return;
      continue;
    }
    if (result.state == io::IoState::kEof) on_eof();
    if (result.state == io::IoState::kError) close();
    return;
  }
}

void Connection::on_eof() {
  peer_ended_ = true;
  left_ = true;
  switch (state_) {
    // A client may close its side behind the request and still listen.
    case State::kHandling:
      if (peer_gone_) std::exchange(peer_gone_, nullptr)();
      return;
    case State::kWriting:
      return;
    case State::kUpgraded:
      if (peer_gone_) std::exchange(peer_gone_, nullptr)();
      if (out_.empty() && outbox_ && outbox_->queued() == 0) close();
      return;
    default:
      close();
  }
}

void Connection::account(size_t bytes) {
  size_t head = std::min(bytes, uncounted_);
  uncounted_ -= head;
  if (outbox_ && bytes > head) outbox_->sent(bytes - head);
}

bool Connection::hold(size_t bytes) {
  if (held_.bytes() + bytes > kAlwaysTaken) return held_.grow(bytes);
  held_.add(bytes);
  return true;
}

// What there is no room for now, or could never be.
Status Connection::tightness(size_t wanted) const {
  if (account_->fits(wanted)) {
    return Status::too_many_requests("too many bytes of requests are under way; try again later");
  }
  return Status::too_large("Request entity too large: limit is " + std::to_string(account_->least_limit()));
}

// More comes than may be kept: he is told so where he can be, else the connection ends.
void Connection::on_tight(size_t wanted) {
  const auto why = tightness(wanted);
  if (state_ == State::kRequest) return refuse(why);
  tell_refusal(why);
  close();
}

size_t Connection::waiting_bytes() const { return uncounted_ + (outbox_ ? outbox_->queued() : 0); }

// From now on for the stall timeout the peer has to take some of what waits.
void Connection::start_window() {
  window_ = true;
  window_waiting_ = waiting_bytes();
  window_taken_ = 0;
  set_deadline(options().stall_timeout);
}

void Connection::flush() {
  if (state_ == State::kClosed) return;
  size_t done = 0;
  while (done < kFlushBudget) {
    if (outbox_ && !outbox_->take(out_)) return close();
    if (out_.empty()) break;
    io::IoResult result = socket_.write(out_, loop_->scratch());
    done += result.bytes;
    account(result.bytes);
    if (result.state == io::IoState::kError) {
      close();
      return;
    }
    if (result.state != io::IoState::kOk) break;
  }
  window_taken_ += done;
  if (!out_.empty()) {
    if (!window_) start_window();
  } else {
    if (std::exchange(window_, false) && state_ == State::kRequest) set_deadline(options().request_timeout);
    on_all_sent();
  }
  update_interest();
}

// Closes so that the peer can still read the answer: a close with unread input would reset it away.
void Connection::linger() {
  in_.clear();
  parser_.reset();
  static_cast<void>(recount());
  socket_.shutdown();
  state_ = State::kLingering;
  if (peer_ended_) {
    close();
    return;
  }
  if (peer_gone_) std::exchange(peer_gone_, nullptr)();
  reader_.reset();
  set_deadline(kLinger);
  update_interest();
}

void Connection::discard() {
  // Who is known hears that his body was a little too large.
  const size_t most = kMostDiscarded + (stranger_ ? 0 : options().body_limit);
  auto buffer = loop_->scratch();
  for (int i = 0; i < kReadBudget; ++i) {
    ssize_t n = ::recv(socket_.fd(), buffer.data(), buffer.size(), MSG_DONTWAIT);
    if (n > 0 && (discarded_ += static_cast<size_t>(n)) <= most) continue;
    if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR)) return;
    close();
    return;
  }
}

void Connection::check_deadline(io::EventLoop::Clock::time_point now) {
  if (now < deadline_) return;
  if (window_ && window_taken_ >= std::min(window_waiting_, options().stall_bytes)) return start_window();
  if (window_) {
    core_->tell("slow-readers", "the connection of " + peer_name() + " ends: it took " + std::to_string(window_taken_) +
                                    " of " + std::to_string(window_waiting_) + " bytes that wait for it in " +
                                    std::to_string(options().stall_timeout.count()) + " ms");
  }
  close();
}

void Connection::close() {
  if (state_ == State::kClosed) return;
  auto self = shared_from_this();
  state_ = State::kClosed;
  left_ = true;
  loop_->remove(socket_.fd());
  socket_.close();
  out_.clear();
  parser_.reset();
  in_.clear();
  held_.reset();
  answer_.reset();
  leave_strangers();
  auto outbox = std::move(outbox_);
  outbox_.reset();
  if (outbox) outbox->close();
  if (peer_gone_) std::exchange(peer_gone_, nullptr)();
  reader_.reset();
  auto forget = std::exchange(forget_, nullptr);
  if (forget) forget(this);
}

}  // namespace gantry::http
