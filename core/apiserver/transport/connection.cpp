// Requests in turn and their answers. One request at a time is handled, which keeps pipelined answers in
// order without a queue.
#include "core/apiserver/transport/connection.hpp"

#include "core/apiserver/transport/exchange.hpp"
#include "core/apiserver/transport/http_text.hpp"

namespace gantry::transport {

Connection::Connection(std::shared_ptr<ServerCore> core, std::shared_ptr<io::EventLoop> loop, io::UniqueFd fd,
                       bool local, Forget forget)
    : core_(std::move(core)),
      loop_(std::move(loop)),
      socket_(std::move(fd)),
      forget_(std::move(forget)),
      local_(local) {}

Connection::~Connection() {
  if (outbox_) outbox_->close();
}

void Connection::process() {
  if (processing_) return;
  processing_ = true;
  while (state_ == State::kRequest && !in_.empty()) {
    if (!parser_) {
      parser_ = std::make_unique<RequestParser>(options().header_limit, options().body_limit);
      head_seen_ = false;
      set_deadline(options().header_timeout);
    }
    size_t used = parser_->feed(in_);
    in_.erase(0, used);
    if (!parser_->error().ok()) {
      fail(Status(parser_->error()));
      break;
    }
    if (parser_->head_done() && !head_seen_) {
      head_seen_ = true;
      set_deadline(options().request_timeout);
      if (!parser_->done() && parser_->expects_continue()) {
        send("HTTP/1.1 100 Continue\r\n\r\n");
        flush();
      }
    }
    if (state_ != State::kRequest) break;
    if (parser_->done()) {
      dispatch();
    } else if (used == 0) {
      break;
    }
  }
  processing_ = false;
  if (in_.empty() && in_.capacity() > 1024) in_.shrink_to_fit();
  if (state_ == State::kUpgraded) deliver();
}

Expected<http::Identity> Connection::identify(const http::Request& request) const {
  if (local_) return auth::local_admin();
  if (!core_->options.authenticator) {
    return http::Identity{"system:anonymous", {"system:unauthenticated"}, {}};
  }
  return core_->options.authenticator->authenticate(peer_, request.header("authorization"));
}

void Connection::dispatch() {
  RequestFacts facts;
  facts.id = ++request_id_;
  facts.chunks_allowed = parser_->chunks_allowed();
  close_after_ = !parser_->keep_alive();
  http::Request request = parser_->take();
  parser_.reset();
  facts.head = request.method == "HEAD";
  facts.upgrade = has_token(request.header("connection"), "upgrade") && request.method != "HEAD";
  if (facts.upgrade) {
    facts.upgrade_to = std::string(request.header("upgrade"));
    facts.websocket_key = std::string(request.header("sec-websocket-key"));
    facts.websocket_version = std::string(request.header("sec-websocket-version"));
  }
  state_ = State::kHandling;
  clear_deadline();
  auto identity = identify(request);
  if (!identity) {
    respond(facts, status_response(identity.error()));
    return;
  }
  request.identity = std::move(*identity);
  core_->handler->handle(std::move(request), std::make_shared<HttpExchange>(shared_from_this(), std::move(facts)));
}

// The bytes were no request: say why and close, since nothing after them can be trusted.
void Connection::fail(const Status& status) {
  parser_.reset();
  in_.clear();
  RequestFacts facts;
  facts.id = ++request_id_;
  close_after_ = true;
  state_ = State::kHandling;
  respond(facts, status_response(status));
}

void Connection::send(std::string head) {
  uncounted_ += head.size();
  out_.push_back(io::own(std::move(head)));
}

void Connection::respond(const RequestFacts& facts, http::Response response) {
  if (state_ != State::kHandling || facts.id != request_id_) return;
  size_t length = 0;
  for (const auto& chunk : response.body) length += chunk.bytes.size();
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
  set_deadline(options().stall_timeout);
  flush();
}

void Connection::start_stream(const RequestFacts& facts, int code, const std::string& content_type,
                              std::shared_ptr<Outbox> outbox) {
  if (state_ != State::kHandling || facts.id != request_id_) {
    outbox->close();
    return;
  }
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
  send(response_head(101, {}, headers, {}));
  outbox_ = std::move(outbox);
  state_ = State::kUpgraded;
  flush();
}

void Connection::set_reader(DataCallback data, std::function<void()> ended) {
  if (state_ != State::kUpgraded) {
    if (ended) ended();
    return;
  }
  reader_ = std::make_shared<DataCallback>(std::move(data));
  reader_ended_ = std::move(ended);
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
}

void Connection::on_outbox() {
  if (state_ == State::kClosed || !outbox_) return;
  if (outbox_->overflowed()) {
    close();
    return;
  }
  flush();
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
  if (close_after_ || peer_ended_ || core_->stopping) {
    linger();
    return;
  }
  state_ = State::kRequest;
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

}  // namespace gantry::transport
