// The client's side of HTTP/1.1.
#include "core/http/client/client_connection.hpp"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/ssl.h>
#include <sys/epoll.h>

#include <cerrno>
#include <cstring>

namespace gantry::http {
namespace {

std::string render(const http::Request& request, const Endpoint& endpoint) {
  std::string out = request.method + " " + request.path;
  if (!request.query.empty()) out += "?" + request.query;
  out += " HTTP/1.1\r\nHost: " + endpoint.host_header + "\r\nUser-Agent: gantry\r\n";
  for (const auto& [name, value] : request.headers) out += name + ": " + value + "\r\n";
  if (!endpoint.token.empty()) out += "Authorization: Bearer " + endpoint.token + "\r\n";
  if (!request.body.empty() || (request.method != "GET" && request.method != "HEAD")) {
    out += "Content-Length: " + std::to_string(request.body.size()) + "\r\n";
  }
  return out + "\r\n";
}

}  // namespace

ClientConnection::ClientConnection(std::shared_ptr<io::EventLoop> loop, std::shared_ptr<const Endpoint> endpoint,
                                   Idle idle, Idle closed)
    : loop_(std::move(loop)), endpoint_(std::move(endpoint)), idle_(std::move(idle)), closed_(std::move(closed)) {}

ClientConnection::~ClientConnection() = default;

void ClientConnection::send(const http::Request& request, ResponseSink sink, io::EventLoop::Clock::duration timeout) {
  ++requests_;
  busy_ = true;
  answered_ = head_told_ = false;
  sink_ = std::move(sink);
  parser_ = std::make_unique<ResponseParser>(request.method == "HEAD");
  out_.push_back(io::own(render(request, *endpoint_)));
  if (!request.body.empty()) out_.push_back(io::own(request.body));
  bool for_ever = timeout == io::EventLoop::Clock::duration::zero();
  timer_ = loop_->after(for_ever ? std::chrono::seconds(30) : timeout, [weak = weak_from_this(), for_ever] {
    auto self = weak.lock();
    if (!self || !self->busy_ || (for_ever && self->head_told_)) return;
    self->timer_ = 0;
    self->close(Status::timeout("no answer from the server in time"));
  });
  if (state_ == State::kNew) {
    connect();
  } else {
    flush();
  }
}

void ClientConnection::connect() {
  int family = endpoint_->address.ss_family;
  io::UniqueFd fd(::socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  int on = 1;
  if (family != AF_UNIX) ::setsockopt(fd.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
  int code = ::connect(fd.get(), reinterpret_cast<const sockaddr*>(&endpoint_->address), endpoint_->length);
  if (code != 0 && errno != EINPROGRESS) {
    close(Status::unavailable("connect to " + endpoint_->host_header + ": " + std::strerror(errno)));
    return;
  }
  socket_ = io::Socket(std::move(fd));
  state_ = State::kConnecting;
  loop_->add(socket_.fd(), EPOLLOUT, shared_from_this());
}

void ClientConnection::connected() {
  int error = 0;
  socklen_t length = sizeof(error);
  ::getsockopt(socket_.fd(), SOL_SOCKET, SO_ERROR, &error, &length);
  if (error != 0) {
    close(Status::unavailable("connect to " + endpoint_->host_header + ": " + std::strerror(error)));
    return;
  }
  if (!endpoint_->tls) {
    state_ = State::kReady;
    return;
  }
  if (Status status = socket_.start_tls(*endpoint_->tls, false, endpoint_->host); !status.ok()) {
    close(status);
    return;
  }
  state_ = State::kHandshake;
}

void ClientConnection::handshake() {
  io::IoResult result = socket_.handshake();
  wants_write_ = result.state == io::IoState::kWantWrite;
  if (result.state == io::IoState::kOk) {
    state_ = State::kReady;
  } else if (result.state == io::IoState::kError || result.state == io::IoState::kEof) {
    long code = SSL_get_verify_result(socket_.tls());
    close(Status::unavailable("TLS handshake with " + endpoint_->host_header + ": " +
                              (code == X509_V_OK ? io::tls_error() : X509_verify_cert_error_string(code))));
  }
}

void ClientConnection::on_ready(uint32_t) {
  auto self = shared_from_this();
  if (state_ == State::kConnecting) connected();
  if (state_ == State::kHandshake) handshake();
  if (state_ == State::kReady) {
    flush();
    read_some();
  }
  update_interest();
}

void ClientConnection::flush() {
  while (state_ == State::kReady && !out_.empty()) {
    io::IoResult result = socket_.write(out_, loop_->scratch());
    if (result.state == io::IoState::kError) {
      // The server may have answered and closed before it read everything: its answer tells more.
      out_.clear();
      break;
    }
    if (result.state != io::IoState::kOk) break;
  }
  update_interest();
}

void ClientConnection::update_interest() {
  if (state_ == State::kClosed || state_ == State::kNew) return;
  uint32_t events = 0;
  if (state_ != State::kConnecting) events |= EPOLLIN;
  if (state_ == State::kConnecting || wants_write_ || (state_ == State::kReady && !out_.empty())) {
    events |= EPOLLOUT;
  }
  loop_->modify(socket_.fd(), events);
}

void ClientConnection::read_some() {
  while (state_ == State::kReady) {
    auto buffer = loop_->scratch();
    io::IoResult result = socket_.read(buffer);
    if (result.state == io::IoState::kOk) {
      if (!busy_) {
        close(Status::internal("bytes without a request"));
        return;
      }
      answered_ = true;
      in_.append(buffer.data(), result.bytes);
      on_bytes();
      continue;
    }
    if (result.state == io::IoState::kEof && busy_) {
      parser_->feed_end();
      if (parser_->error().ok()) {
        complete();
      } else {
        close(parser_->error());
      }
    } else if (result.state == io::IoState::kEof || result.state == io::IoState::kError) {
      close(Status::unavailable("the connection to " + endpoint_->host_header + " was lost"));
    }
    return;
  }
}

void ClientConnection::on_bytes() {
  while (busy_ && !in_.empty()) {
    size_t used = parser_->feed(in_);
    in_.erase(0, used);
    if (!parser_->error().ok()) {
      close(Status(parser_->error()));
      return;
    }
    if (parser_->head_done() && parser_->code() == 100 && parser_->done()) {
      parser_ = std::make_unique<ResponseParser>(false);
      continue;
    }
    if (parser_->head_done() && !head_told_) {
      head_told_ = true;
      if (sink_.head) sink_.head(parser_->code(), parser_->headers());
    }
    if (!busy_ || state_ == State::kClosed) return;  // the sink may have closed it
    if (std::string piece = parser_->take_body(); !piece.empty() && sink_.body) {
      sink_.body(std::move(piece));
    }
    if (!busy_ || state_ == State::kClosed) return;
    if (parser_->done()) {
      complete();
      return;
    }
    if (used == 0) return;
  }
}

void ClientConnection::complete() {
  auto self = shared_from_this();
  bool keep = parser_->keep_alive() && in_.empty() && out_.empty();
  busy_ = false;
  loop_->cancel(timer_);
  auto sink = std::exchange(sink_, {});
  parser_.reset();
  if (keep) {
    if (idle_) idle_(self);
  } else {
    close({});
  }
  if (sink.done) sink.done({});
}

void ClientConnection::close(const Status& why) {
  if (state_ == State::kClosed) return;
  auto self = shared_from_this();
  Status reason = why;
  state_ = State::kClosed;
  if (socket_.fd() >= 0) loop_->remove(socket_.fd());
  socket_.shutdown();
  socket_.close();
  loop_->cancel(timer_);
  if (auto closed = std::exchange(closed_, nullptr)) closed(self);
  idle_ = nullptr;
  if (std::exchange(busy_, false)) {
    auto sink = std::exchange(sink_, {});
    if (sink.done) sink.done(reason.ok() ? Status::unavailable("closed") : reason);
  }
}

}  // namespace gantry::http
