// The handler interface: requests, responses, streams, without a word about the HTTP version that carries them.
//
// core/apiserver implements Handler; the server of this room (HTTP/1.1 over TLS, later HTTP/2) and the in-process
// client implement Exchange. Nothing in it blocks.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "gantry/status.hpp"

namespace gantry::limits {
class Account;
}

namespace gantry::http {

// Who asks, as authentication found out.
struct Identity {
  std::string user;  // "system:anonymous" when nobody proved anything
  std::vector<std::string> groups;
  std::string uid;
  std::vector<std::pair<std::string, std::vector<std::string>>> extra = {};  // what else the proof says, by key
  bool operator==(const Identity&) const = default;
  bool anonymous() const { return user == "system:anonymous"; }
};

using Headers = std::vector<std::pair<std::string, std::string>>;  // names in lower case

struct Request {
  std::string method;  // "GET"
  std::string path;    // percent-decoded by the router, raw here
  std::string query;   // raw, without "?"
  Headers headers;
  std::string body;
  Identity identity;
  // Who pays for what is kept for this request (decoded documents, answers, backlogs); null for callers in the process.
  // Its head and its body are counted by the transport for as long as the Exchange lives.
  std::shared_ptr<limits::Account> account;
  // What Handler::check_head found out, for its handle().
  std::shared_ptr<void> checked = nullptr;
  std::string_view header(std::string_view lower_case_name) const {
    for (const auto& [name, value] : headers) {
      if (name == lower_case_name) return value;
    }
    return {};
  }
};

// A piece of a body; `owner` keeps the bytes alive, so that a list is a gather of stored buffers.
struct Chunk {
  std::string_view bytes;
  std::shared_ptr<const void> owner;
  // Made for this answer and kept by it alone: counted for its peer until he has read it. What several answers share,
  // or the store keeps anyway, is not.
  bool own = false;
};
Chunk make_chunk(std::string text);  // own

// A message that goes to many streams: its bytes, with what HTTP/1.1 writes around a chunk in the same buffer, so that
// a connection sends one piece and copies nothing. Other versions send the body alone.
struct Framed {
  std::string text;
  size_t body_at = 0, body_size = 0;
  std::string_view body() const { return std::string_view(text).substr(body_at, body_size); }
};
std::shared_ptr<const Framed> make_framed(const std::vector<Chunk>& message);

struct Response {
  int code = 200;
  std::string content_type = "application/json";
  Headers headers;  // further ones (Warning, Retry-After, ...)
  std::vector<Chunk> body;
};

// A response body that goes on: a watch, followed logs. Thread-safe.
class Stream {
 public:
  virtual ~Stream() = default;
  // Queues one message (for a watch: exactly one event). False when the peer is gone or more than the bound (8 MiB)
  // waits; the stream is then dead and the writer should drop it.
  virtual bool write(std::vector<Chunk> message) = 0;
  // The same with a message that other streams get, too; for those that gain by it.
  virtual bool shares() const { return false; }
  virtual bool write_shared(const std::shared_ptr<const Framed>& message) {
    return write({{message->body(), message}});
  }
  // Bytes that wait to be sent, for back pressure.
  virtual size_t queued() const = 0;
  // Calls `ready` once when queued() falls below the low-water mark (at once if it is already); for writers with back
  // pressure (logs).
  virtual void when_drained(std::function<void()> ready) = 0;
  virtual void end() = 0;
  // Runs once when the peer is gone or end() was sent; at once when that is already so.
  virtual void on_close(std::function<void()> closed) = 0;
};

// Raw bytes both ways after a 101 (SPDY). Thread-safe.
class ByteStream {
 public:
  virtual ~ByteStream() = default;
  // Starts reading; data arrives in order on a network thread, `ended` once at the end. pause(true) stops reading (back
  // pressure).
  virtual void start(std::function<void(std::string_view)> data, std::function<void()> ended) = 0;
  virtual void pause(bool paused) = 0;
  virtual bool write(std::string bytes) = 0;  // false: gone
  virtual size_t queued() const = 0;
  virtual void close() = 0;  // after what is queued
  // As Stream's; at once where nothing is ever queued.
  virtual void when_drained(std::function<void()> ready) { ready(); }
};

// WebSocket messages both ways. Thread-safe; contract as ByteStream's.
class MessageStream {
 public:
  virtual ~MessageStream() = default;
  virtual void start(std::function<void(bool binary, std::string_view)> message, std::function<void()> ended) = 0;
  virtual void pause(bool paused) = 0;
  virtual bool write(bool binary, std::string message) = 0;
  virtual size_t queued() const = 0;
  virtual void close(uint16_t code, std::string reason) = 0;
  virtual void when_drained(std::function<void()> ready) { ready(); }
};

// The way back for one request; exactly one of the four answers, from any thread, now or later.
class Exchange {
 public:
  virtual ~Exchange() = default;
  // False when the peer has gone, and no work should be done for him any more.
  virtual bool open() const { return true; }
  // Calls `left` when the peer goes before he is answered, at once when he has; the last one that was given counts. On
  // a network thread: it must not block. [any-thread]
  virtual void when_left(std::function<void()> left) { static_cast<void>(left); }
  virtual void respond(Response response) = 0;
  virtual std::shared_ptr<Stream> start_stream(int code, std::string content_type) = 0;
  // 101 with these headers, then raw bytes; null when the transport can't (answered 400 by it).
  virtual std::shared_ptr<ByteStream> upgrade_bytes(Headers headers) = 0;
  // Accepts a WebSocket with this subprotocol.
  virtual std::shared_ptr<MessageStream> upgrade_websocket(std::string subprotocol) = 0;
};

class Handler {
 public:
  virtual ~Handler() = default;
  // Asked by a transport when a request's head is there and its body is not: what is not ok is the answer, and the body
  // is not taken. Must not block. [any-thread]
  virtual Status check_head(Request& head) {
    static_cast<void>(head);
    return {};
  }
  // Must not block. [any-thread]
  virtual void handle(Request request, std::shared_ptr<Exchange> exchange) = 0;
};

}  // namespace gantry::http
