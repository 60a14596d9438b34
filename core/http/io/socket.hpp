// A connected non-blocking stream socket, with TLS or without: the same five answers for both.
//
// Owned by one connection, used on its loop only. Never waits.
#pragma once

#include <deque>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "core/files/unique_fd.hpp"
#include "core/http/http.hpp"
#include "core/http/io/tls.hpp"

namespace gantry::io {

enum class IoState : uint8_t { kOk, kWantRead, kWantWrite, kEof, kError };

struct IoResult {
  IoState state = IoState::kOk;
  size_t bytes = 0;
};

class Socket {
 public:
  explicit Socket(UniqueFd fd) : fd_(std::move(fd)) {}
  Socket(Socket&& other) noexcept;
  Socket& operator=(Socket&& other) noexcept;
  ~Socket();

  // Puts TLS on top; the handshake is next. `host`: the name a client checks, empty for none.
  Status start_tls(const TlsContext& context, bool server, const std::string& host = {});
  IoResult handshake();
  IoResult read(std::span<char> into);
  // Writes from the front of the queue and pops what is gone. Small pieces are gathered: by the kernel
  // on a plain socket, in `scratch` under TLS, which copies anyway and makes a record of each call.
  IoResult write(std::deque<http::Chunk>& queue, std::span<char> scratch);
  // Says goodbye (close_notify, FIN) without waiting for an answer.
  void shutdown();
  void close();

  int fd() const { return fd_.get(); }
  ssl_st* tls() const { return ssl_; }
  // Bytes that OpenSSL has read already: epoll won't tell of them.
  bool has_pending() const;

 private:
  IoResult result_of(int code);
  IoResult write_plain(std::deque<http::Chunk>& queue);
  IoResult write_tls(std::string_view bytes);

  UniqueFd fd_;
  ssl_st* ssl_ = nullptr;
};

// As http::make_chunk, which lies in a room above this one.
http::Chunk own(std::string text);

}  // namespace gantry::io
