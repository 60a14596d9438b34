// Requests in turn and their answers. One request at a time is handled, which keeps pipelined answers in
// order without a queue.
#include "core/http/server/connection.hpp"

#include "core/http/message/http_text.hpp"
#include "core/http/server/http_exchange.hpp"

namespace gantry::http {
namespace {

// What a peer without an identity may send to the paths that are open to him; none of them reads it.
constexpr size_t kAnonymousBody = 64 << 10;
// Answers of its own up to here are sent without asking, and counted when the peer does not take them at once.
constexpr size_t kSmallAnswer = 64 << 10;

}  // namespace

Connection::Connection(std::shared_ptr<ServerCore> core, std::shared_ptr<io::EventLoop> loop, io::UniqueFd fd,
                       bool local, Forget forget)
    : core_(std::move(core)),
      loop_(std::move(loop)),
      socket_(std::move(fd)),
      forget_(std::move(forget)),
      local_(local),
      stranger_(!local) {
  (local_ ? core_->visitors : core_->crowd).enter(place_);
}

Connection::~Connection() {
  if (outbox_) outbox_->close();
  leave_strangers();
  if (local_) core_->visitors.leave(place_);
}

void Connection::process() {
  if (processing_) return;
  processing_ = true;
  while (state_ == State::kRequest && !in_.empty()) {
    if (!parser_) {
      parser_ = std::make_unique<RequestParser>(options().header_limit, options().body_limit);
      head_seen_ = false;
      set_idle(false);
      set_deadline(options().header_timeout);
    }
    size_t used = parser_->feed(in_);
    in_.erase(0, used);
    if (!parser_->error().ok()) {
      refuse(Status(parser_->error()));
      continue;
    }
    if (parser_->head_done() && !head_seen_) on_head();
    if (state_ != State::kRequest || !parser_) continue;
    if (parser_->done()) {
      dispatch();
    } else if (used == 0) {
      break;
    }
  }
  processing_ = false;
  // What came before the peer closed its side has been answered.
  if (state_ == State::kRequest && peer_ended_) return close();
  // More than there was only where a body's length became known, or a buffer grew.
  if (!recount() && state_ == State::kRequest) on_tight(received());
  if (in_.empty() && in_.capacity() > 1024) in_.shrink_to_fit();
  if (state_ == State::kUpgraded) deliver();
}

// Who asks, and whether his body is wanted.
void Connection::on_head() {
  head_seen_ = true;
  set_deadline(options().request_timeout);
  auto& head = parser_->head();
  auto identity = identify(head);
  if (!identity) return refuse(identity.error());
  head.identity = std::move(*identity);
  if (parser_->done()) return;
  if (auto status = want_body(); !status.ok()) return refuse(status);
  if (parser_->expects_continue()) {
    send("HTTP/1.1 100 Continue\r\n\r\n");
    flush();
  }
}

Status Connection::want_body() {
  auto& head = parser_->head();
  if (auto status = core_->handler->check_head(head); !status.ok()) return status;
  if (core_->options.authenticator && head.identity.anonymous()) parser_->limit_body(kAnonymousBody);
  if (!parser_->error().ok()) return parser_->error();
  return recount() ? Status() : tightness(received());
}

void Connection::dispatch() {
  RequestFacts facts;
  facts.id = ++request_id_;
  facts.chunks_allowed = parser_->chunks_allowed();
  facts.account = account_;
  close_after_ = !parser_->keep_alive();
  auto charge = held_.split(parser_->held());
  http::Request request = parser_->take();
  parser_.reset();
  facts.head = request.method == "HEAD";
  facts.safe = facts.head || request.method == "GET";
  facts.upgrade = has_token(request.header("connection"), "upgrade") && request.method != "HEAD";
  if (facts.upgrade) {
    facts.upgrade_to = std::string(request.header("upgrade"));
    facts.websocket_key = std::string(request.header("sec-websocket-key"));
    facts.websocket_version = std::string(request.header("sec-websocket-version"));
  }
  state_ = State::kHandling;
  clear_deadline();
  request.account = account_;
  core_->handler->handle(std::move(request),
                         std::make_shared<HttpExchange>(shared_from_this(), std::move(facts), std::move(charge)));
}

// The connection's own answer to what is no request, too much, or nobody's whom it knows. It goes on only behind a
// whole request: nothing behind half of one can be trusted.
void Connection::refuse(const Status& status) {
  tell_refusal(status);
  RequestFacts facts;
  facts.id = ++request_id_;
  facts.account = account_;
  const bool whole = parser_ && parser_->error().ok() && parser_->done();
  facts.head = parser_ && parser_->head_done() && parser_->head().method == "HEAD";
  close_after_ = !whole || !parser_->keep_alive();
  auto response = status_response(status);  // before what it may lie in goes
  parser_.reset();
  if (!whole) in_.clear();
  static_cast<void>(recount());
  state_ = State::kHandling;
  respond(facts, std::move(response));
}

// Whether an answer may be kept until its peer has read it. What has been done is said in any case.
bool Connection::admit_answer(const RequestFacts& facts, size_t own) {
  answer_ = limits::Charge(account_);
  if (own <= kSmallAnswer) return true;
  if (facts.safe) return answer_.admit(own);
  answer_.add(own);
  return true;
}

void Connection::send(std::string head) {
  uncounted_ += head.size();
  out_.push_back(io::own(std::move(head)));
}

void Connection::respond(const RequestFacts& facts, http::Response response) {
  if (state_ != State::kHandling || facts.id != request_id_) return;
  peer_gone_ = nullptr;
  size_t length = 0, own = 0;
  const auto measure = [&] {
    length = own = 0;
    for (const auto& chunk : response.body) {
      length += chunk.bytes.size();
      if (chunk.own) own += chunk.bytes.size();
    }
  };
  measure();
  if (!facts.head && !admit_answer(facts, own)) {
    const auto tight = Status::too_many_requests("too many bytes of answers are not read yet; try again later");
    tell_refusal(tight);
    response = status_response(tight);
    measure();
  }
  HeadOptions head;
  if (response.code != 204 && response.code != 304) head.content_length = length;
  if (core_->stopping) close_after_ = true;
  head.close = close_after_;
  send(response_head(response.code, response.content_type, response.headers, head));
  if (!facts.head && head.content_length) {
    uncounted_ += length;
    for (auto& chunk : response.body) out_.push_back(std::move(chunk));
  }
  state_ = State::kWriting;
  flush();
  if (state_ == State::kWriting && facts.id == request_id_ && !facts.head && answer_.bytes() == 0) answer_.add(own);
}

void Connection::start_stream(const RequestFacts& facts, int code, const std::string& content_type,
                              std::shared_ptr<Outbox> outbox) {
  if (state_ != State::kHandling || facts.id != request_id_) {
    outbox->close();
    return;
  }
  peer_gone_ = nullptr;
  HeadOptions head;
  head.chunked = facts.chunks_allowed;
  if (!facts.chunks_allowed) close_after_ = true;
  head.close = close_after_;
  send(response_head(code, content_type, {{"cache-control", "no-cache, private"}}, head));
  if (facts.head || peer_ended_) {
    outbox->close();
    state_ = State::kWriting;
  } else {
    outbox_ = std::move(outbox);
    state_ = State::kStreaming;
    if (core_->stopping) drain();
  }
  flush();
}

void Connection::upgrade(const RequestFacts& facts, const http::Headers& headers, std::shared_ptr<Outbox> outbox) {
  if (state_ != State::kHandling || facts.id != request_id_ || peer_ended_) {
    outbox->close();
    if (state_ == State::kHandling) close();
    return;
  }
  peer_gone_ = nullptr;
  send(response_head(101, {}, headers, {}));
  outbox_ = std::move(outbox);
  state_ = State::kUpgraded;
  flush();
}

void Connection::when_left(uint64_t request, std::function<void()> left) {
  if (state_ != State::kClosed && (state_ != State::kHandling || request != request_id_)) return;
  peer_gone_ = left_ ? nullptr : std::move(left);
  if (left) left();
}

void Connection::set_reader(DataCallback data, std::function<void()> ended) {
  if (state_ != State::kUpgraded) {
    if (ended) ended();
    return;
  }
  reader_ = std::make_shared<DataCallback>(std::move(data));
  peer_gone_ = std::move(ended);
  deliver();
  resume_reading();
}

void Connection::set_paused(bool paused) {
  reader_paused_ = paused;
  if (paused) {
    update_interest();
    return;
  }
  deliver();
  resume_reading();
}

void Connection::deliver() {
  if (state_ != State::kUpgraded || !reader_ || reader_paused_ || in_.empty()) return;
  auto reader = reader_;
  std::string bytes = std::exchange(in_, {});
  (*reader)(bytes);
  static_cast<void>(recount());
}

void Connection::on_outbox() {
  if (state_ != State::kClosed && outbox_) flush();
}

void Connection::on_all_sent() {
  if (state_ == State::kWriting) {
    finish_response();
  } else if (outbox_ && outbox_->finished()) {
    auto outbox = std::move(outbox_);
    outbox_.reset();
    bool was_stream = state_ == State::kStreaming;
    if (was_stream) {
      finish_response();
    } else {
      linger();
    }
    outbox->close();
  } else if (state_ == State::kStreaming || state_ == State::kUpgraded) {
    clear_deadline();
  }
}

void Connection::finish_response() {
  answer_.reset();
  if (close_after_ || core_->stopping || (peer_ended_ && in_.empty())) {
    linger();
    return;
  }
  state_ = State::kRequest;
  set_idle(true);
  set_deadline(options().idle_timeout);
  if (!processing_) {
    process();
    resume_reading();
  }
}

void Connection::drain() {
  switch (state_) {
    case State::kSniff:
    case State::kHandshake:
      close();
      break;
    case State::kRequest:
      if (!parser_ && in_.empty()) linger();
      break;
    case State::kStreaming:
      close_after_ = true;
      if (outbox_) outbox_->finish();
      break;
    default:
      close_after_ = true;
  }
}

}  // namespace gantry::http
