// Streams frame their messages as HTTP chunks; upgraded connections pass bytes through.
#include "core/http/server/http_exchange.hpp"

#include "core/http/message/http_text.hpp"
#include "core/http/websocket/websocket.hpp"

namespace gantry::http {
namespace {

constexpr std::string_view kLastChunk = "0\r\n\r\n";

class ChunkedStream : public http::Stream {
 public:
  ChunkedStream(std::shared_ptr<Outbox> outbox, bool chunked) : outbox_(std::move(outbox)), chunked_(chunked) {}
  ~ChunkedStream() override { outbox_->finish(); }

  bool write(std::vector<http::Chunk> message) override {
    if (!chunked_) return outbox_->push(std::move(message));
    size_t size = 0;
    for (const auto& chunk : message) size += chunk.bytes.size();
    if (size == 0) return true;  // an empty chunk would end the body
    message.insert(message.begin(), io::own(chunk_head(size)));
    message.push_back({"\r\n", nullptr});
    return outbox_->push(std::move(message));
  }
  bool shares() const override { return true; }
  bool write_shared(const std::shared_ptr<const http::Framed>& message) override {
    if (message->body_size == 0) return true;
    return outbox_->push(http::Chunk{chunked_ ? std::string_view(message->text) : message->body(), message});
  }
  size_t queued() const override { return outbox_->queued(); }
  void when_drained(std::function<void()> ready) override { outbox_->when_drained(std::move(ready)); }
  void end() override { outbox_->finish(); }
  void on_close(std::function<void()> closed) override { outbox_->on_close(std::move(closed)); }

 private:
  const std::shared_ptr<Outbox> outbox_;
  const bool chunked_;
};

class RawStream : public http::ByteStream {
 public:
  RawStream(std::shared_ptr<Outbox> outbox, std::weak_ptr<Connection> connection)
      : outbox_(std::move(outbox)), connection_(std::move(connection)) {}
  ~RawStream() override { outbox_->finish(); }

  void start(std::function<void(std::string_view)> data, std::function<void()> ended) override {
    outbox_->post([connection = connection_, data = std::move(data), ended = std::move(ended)] {
      if (auto target = connection.lock()) {
        target->set_reader(data, ended);
      } else if (ended) {
        ended();
      }
    });
  }
  void pause(bool paused) override {
    outbox_->post([connection = connection_, paused] {
      if (auto target = connection.lock()) target->set_paused(paused);
    });
  }
  bool write(std::string bytes) override {
    if (bytes.empty()) return true;
    std::vector<http::Chunk> chunks;
    chunks.push_back(io::own(std::move(bytes)));
    return outbox_->push(std::move(chunks));
  }
  size_t queued() const override { return outbox_->queued(); }
  void close() override { outbox_->finish(); }
  void when_drained(std::function<void()> ready) override { outbox_->when_drained(std::move(ready)); }

 private:
  const std::shared_ptr<Outbox> outbox_;
  const std::weak_ptr<Connection> connection_;
};

}  // namespace

HttpExchange::HttpExchange(std::shared_ptr<Connection> connection, RequestFacts facts, limits::Charge charge)
    : connection_(std::move(connection)), facts_(std::move(facts)), charge_(std::move(charge)) {}

HttpExchange::~HttpExchange() {
  if (first()) {
    run([connection = connection_, facts = facts_] {
      connection->respond(facts, status_response(Status::internal("the request was not answered")));
    });
  }
}

void HttpExchange::run(std::function<void()> work) {
  if (connection_->loop()->in_loop()) {
    work();
  } else {
    connection_->loop()->post(std::move(work));
  }
}

void HttpExchange::when_left(std::function<void()> left) {
  run([connection = connection_, id = facts_.id, left = std::move(left)] { connection->when_left(id, left); });
}

void HttpExchange::respond(http::Response response) {
  if (!first()) return;
  if (connection_->loop()->in_loop()) {
    connection_->respond(facts_, std::move(response));
    return;
  }
  auto shared = std::make_shared<http::Response>(std::move(response));
  connection_->loop()->post(
      [connection = connection_, facts = facts_, shared] { connection->respond(facts, std::move(*shared)); });
}

std::shared_ptr<http::Stream> HttpExchange::start_stream(int code, std::string content_type) {
  if (!first()) return nullptr;
  auto outbox = std::make_shared<Outbox>(connection_->loop(), connection_, connection_->options().stream_bound,
                                         facts_.account, std::string(facts_.chunks_allowed ? kLastChunk : ""));
  auto stream = std::make_shared<ChunkedStream>(outbox, facts_.chunks_allowed);
  run([connection = connection_, facts = facts_, code, type = std::move(content_type), outbox] {
    connection->start_stream(facts, code, type, outbox);
  });
  return stream;
}

std::shared_ptr<http::ByteStream> HttpExchange::upgrade(http::Headers headers) {
  auto outbox =
      std::make_shared<Outbox>(connection_->loop(), connection_, connection_->options().stream_bound, facts_.account);
  auto stream = std::make_shared<RawStream>(outbox, connection_);
  run([connection = connection_, facts = facts_, headers = std::move(headers), outbox] {
    connection->upgrade(facts, headers, outbox);
  });
  return stream;
}

std::shared_ptr<http::ByteStream> HttpExchange::upgrade_bytes(http::Headers headers) {
  if (!facts_.upgrade) {
    respond(status_response(Status::bad_request("unable to upgrade: missing upgrade headers in request")));
    return nullptr;
  }
  if (!first()) return nullptr;
  return upgrade(std::move(headers));
}

std::shared_ptr<http::MessageStream> HttpExchange::upgrade_websocket(std::string subprotocol) {
  if (!facts_.upgrade || !has_token(facts_.upgrade_to, "websocket") || facts_.websocket_version != "13" ||
      facts_.websocket_key.empty()) {
    respond(status_response(Status::bad_request("not a WebSocket handshake")));
    return nullptr;
  }
  if (!first()) return nullptr;
  http::Headers headers = {{"upgrade", "websocket"},
                           {"connection", "Upgrade"},
                           {"sec-websocket-accept", websocket_accept(facts_.websocket_key)}};
  if (!subprotocol.empty()) headers.emplace_back("sec-websocket-protocol", std::move(subprotocol));
  return make_websocket(upgrade(std::move(headers)), facts_.account);
}

}  // namespace gantry::http
