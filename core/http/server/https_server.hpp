// The network side of the API server: HTTP/1.1 over TLS and over a unix socket, for any http::Handler.
//
// The daemon creates it and stops it; connections live on `threads` event loops. The handler is called
// on those loops and must not block.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "core/http/http.hpp"
#include "core/http/server/authenticator.hpp"
#include "gantry/status.hpp"

namespace gantry::limits {
class Notices;
}

namespace gantry::http {

struct ServerOptions {
  std::vector<std::string> listen = {"0.0.0.0:6443"};  // host:port, "[::]:6443", ":6443"
  std::string unix_socket;                             // empty: none; mode 0600, whoever may open it is admin
  std::string certificate_file, key_file, client_ca_file;
  std::shared_ptr<const Authenticator> authenticator;  // null: everybody is anonymous, and nobody a stranger
  Identity local{"system:anonymous", {"system:unauthenticated"}, {}, {}};  // who comes by the unix socket
  size_t threads = 2;
  size_t body_limit = 3 << 20;
  size_t header_limit = 1 << 20;
  size_t stream_bound = 8 << 20;
  // Bytes of requests under way and of answers not yet read: in all; of peers that have not proved who they are; of one
  // connection. A sixteenth of `memory` is the unix socket's.
  size_t memory = 128 << 20, anonymous_memory = 8 << 20, connection_memory = 96 << 20;
  // Connections by TCP; those of them without an identity, of which one makes room for each new one; by the unix
  // socket.
  size_t max_connections = 8192, anonymous_connections = 1024, local_connections = 64;
  size_t reserved_descriptors = 64;  // that connections by TCP leave to everything else
  std::chrono::milliseconds handshake_timeout{10'000};
  std::chrono::milliseconds header_timeout{10'000};
  std::chrono::milliseconds request_timeout{60'000};  // until the body is there
  std::chrono::milliseconds idle_timeout{180'000};
  // A peer that does not take so many bytes of what waits for him in this time is let go.
  std::chrono::milliseconds stall_timeout{60'000};
  size_t stall_bytes = 256 << 10;
  limits::Notices* notices = nullptr;  // outlives the server; may be null
};

class HttpsServer {
 public:
  // Listens and serves at once. The handler must outlive the server.
  static Expected<std::unique_ptr<HttpsServer>> start(ServerOptions options, http::Handler& handler);
  ~HttpsServer();

  // Accepts no more, ends streams, lets requests finish for at most `drain`, closes the rest. Idempotent.
  void stop(std::chrono::milliseconds drain);
  // The TCP port of the n-th listen address (useful when 0 was asked for).
  uint16_t port(size_t index = 0) const;
  size_t connections() const;

 private:
  struct Impl;
  explicit HttpsServer(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace gantry::http
