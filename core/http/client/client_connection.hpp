// One connection to a server: connects, shakes hands, then carries one request after another.
//
// Lives on one event loop, owned by the pool in remote.cpp while idle and by its loop while busy.
#pragma once

#include <sys/socket.h>

#include <deque>
#include <functional>
#include <memory>
#include <string>

#include "core/http/http.hpp"
#include "core/http/io/event_loop.hpp"
#include "core/http/io/socket.hpp"
#include "core/http/message/response_parser.hpp"

namespace gantry::http {

// Where to, resolved once.
struct Endpoint {
  sockaddr_storage address{};
  socklen_t length = 0;
  std::string host;  // for TLS, and the Host header
  std::string host_header;
  std::string token;
  std::shared_ptr<io::TlsContext> tls;  // null: plain (unix socket)
};

// What becomes of a request; all on the loop. `done` once, last: ok, or why not.
struct ResponseSink {
  std::function<void(int code, http::Headers headers)> head;
  std::function<void(std::string piece)> body;
  std::function<void(Status)> done;
};

class ClientConnection : public io::EventLoop::Watcher, public std::enable_shared_from_this<ClientConnection> {
 public:
  using Idle = std::function<void(std::shared_ptr<ClientConnection>)>;

  // `idle`: the answer is complete and another request may follow. `closed`: it is no use any more.
  ClientConnection(std::shared_ptr<io::EventLoop> loop, std::shared_ptr<const Endpoint> endpoint, Idle idle,
                   Idle closed);
  ~ClientConnection() override;

  // Connects at the first one. A timeout of zero waits for ever once the head has come.
  void send(const http::Request& request, ResponseSink sink, io::EventLoop::Clock::duration timeout);
  void close(const Status& why);
  void on_ready(uint32_t events) override;
  bool used_before() const { return requests_ > 1; }
  // Whether anything of the current answer has come.
  bool answered() const { return answered_; }

 private:
  enum class State : uint8_t { kNew, kConnecting, kHandshake, kReady, kClosed };
  void connect();
  void connected();
  void handshake();
  void flush();
  void read_some();
  void on_bytes();
  void complete();
  void update_interest();

  const std::shared_ptr<io::EventLoop> loop_;
  const std::shared_ptr<const Endpoint> endpoint_;
  Idle idle_, closed_;
  io::Socket socket_{io::UniqueFd()};
  State state_ = State::kNew;
  bool busy_ = false, answered_ = false, head_told_ = false, wants_write_ = false;
  uint64_t requests_ = 0;
  io::EventLoop::TimerId timer_ = 0;
  std::deque<http::Chunk> out_;
  std::string in_;
  std::unique_ptr<ResponseParser> parser_;
  ResponseSink sink_;
};

}  // namespace gantry::http
