// Reads, writes and closes; the gathering of small pieces into large TLS records.
#include "core/http/io/socket.hpp"

#include <arpa/inet.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

namespace gantry::io {
namespace {

constexpr size_t kDirect = 16 << 10;  // pieces from here on are a record of their own
constexpr size_t kMaxVectors = 64;

void pop(std::deque<http::Chunk>& queue, size_t bytes) {
  while (bytes > 0) {
    http::Chunk& front = queue.front();
    if (front.bytes.size() > bytes) {
      front.bytes.remove_prefix(bytes);
      return;
    }
    bytes -= front.bytes.size();
    queue.pop_front();
  }
}

void drop_empty(std::deque<http::Chunk>& queue) {
  while (!queue.empty() && queue.front().bytes.empty()) queue.pop_front();
}

// The next bytes of the queue as one piece, copied into scratch when they are many small ones.
std::string_view gather(const std::deque<http::Chunk>& queue, std::span<char> scratch) {
  if (queue.size() == 1 || queue.front().bytes.size() >= kDirect) return queue.front().bytes;
  size_t used = 0;
  for (const http::Chunk& chunk : queue) {
    size_t n = std::min(chunk.bytes.size(), scratch.size() - used);
    if (n > 0) std::memcpy(scratch.data() + used, chunk.bytes.data(), n);
    used += n;
    if (used == scratch.size()) break;
  }
  return {scratch.data(), used};
}

}  // namespace

http::Chunk own(std::string text) {
  auto owner = std::make_shared<const std::string>(std::move(text));
  return {*owner, owner, true};
}

Socket::Socket(Socket&& other) noexcept : fd_(std::move(other.fd_)), ssl_(std::exchange(other.ssl_, nullptr)) {}

Socket& Socket::operator=(Socket&& other) noexcept {
  if (this == &other) return *this;
  close();
  fd_ = std::move(other.fd_);
  ssl_ = std::exchange(other.ssl_, nullptr);
  return *this;
}

Socket::~Socket() { close(); }

void Socket::close() {
  if (ssl_ != nullptr) SSL_free(ssl_);
  ssl_ = nullptr;
  fd_.reset();
}

Status Socket::start_tls(const TlsContext& context, bool server, const std::string& host) {
  ssl_ = SSL_new(context.get());
  if (ssl_ == nullptr || SSL_set_fd(ssl_, fd_.get()) != 1) return Status::internal(tls_error());
  if (server) {
    SSL_set_accept_state(ssl_);
    return {};
  }
  SSL_set_connect_state(ssl_);
  if (!host.empty()) {
    in6_addr address{};
    if (::inet_pton(AF_INET, host.c_str(), &address) == 1 || ::inet_pton(AF_INET6, host.c_str(), &address) == 1) {
      X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl_), host.c_str());
    } else {
      SSL_set_tlsext_host_name(ssl_, host.c_str());
      SSL_set1_host(ssl_, host.c_str());
    }
  }
  return {};
}

IoResult Socket::result_of(int code) {
  switch (SSL_get_error(ssl_, code)) {
    case SSL_ERROR_WANT_READ:
      return {IoState::kWantRead, 0};
    case SSL_ERROR_WANT_WRITE:
      return {IoState::kWantWrite, 0};
    case SSL_ERROR_ZERO_RETURN:
      return {IoState::kEof, 0};
    default:
      return {IoState::kError, 0};
  }
}

IoResult Socket::handshake() {
  ERR_clear_error();
  int code = SSL_do_handshake(ssl_);
  if (code == 1) return {};
  return result_of(code);
}

IoResult Socket::read(std::span<char> into) {
  if (ssl_ != nullptr) {
    ERR_clear_error();
    size_t n = 0;
    int code = SSL_read_ex(ssl_, into.data(), into.size(), &n);
    if (code == 1) return {IoState::kOk, n};
    IoResult result = result_of(code);
    ERR_clear_error();
    return result;
  }
  ssize_t n = 0;
  do {
    n = ::recv(fd_.get(), into.data(), into.size(), 0);
  } while (n < 0 && errno == EINTR);
  if (n > 0) return {IoState::kOk, static_cast<size_t>(n)};
  if (n == 0) return {IoState::kEof, 0};
  if (errno == EAGAIN || errno == EWOULDBLOCK) return {IoState::kWantRead, 0};
  return {IoState::kError, 0};
}

IoResult Socket::write_plain(std::deque<http::Chunk>& queue) {
  std::array<iovec, kMaxVectors> vectors{};
  size_t count = 0;
  for (const http::Chunk& chunk : queue) {
    if (count == kMaxVectors) break;
    vectors[count++] = {const_cast<char*>(chunk.bytes.data()), chunk.bytes.size()};
  }
  msghdr message{};
  message.msg_iov = vectors.data();
  message.msg_iovlen = count;
  ssize_t n = 0;
  do {
    n = ::sendmsg(fd_.get(), &message, MSG_NOSIGNAL);
  } while (n < 0 && errno == EINTR);
  if (n >= 0) return {IoState::kOk, static_cast<size_t>(n)};
  if (errno == EAGAIN || errno == EWOULDBLOCK) return {IoState::kWantWrite, 0};
  return {IoState::kError, 0};
}

IoResult Socket::write_tls(std::string_view bytes) {
  ERR_clear_error();
  size_t n = 0;
  int code = SSL_write_ex(ssl_, bytes.data(), bytes.size(), &n);
  if (code == 1) return {IoState::kOk, n};
  IoResult result = result_of(code);
  ERR_clear_error();
  return result;
}

IoResult Socket::write(std::deque<http::Chunk>& queue, std::span<char> scratch) {
  drop_empty(queue);
  if (queue.empty()) return {};
  IoResult result = ssl_ == nullptr ? write_plain(queue) : IoResult{};
  if (ssl_ != nullptr) {
    std::string_view piece = gather(queue, scratch);
    // One call makes one record; go on with what was gathered before gathering again.
    while (!piece.empty()) {
      IoResult one = write_tls(piece);
      if (one.state != IoState::kOk) {
        if (result.bytes == 0 || one.state == IoState::kError) result.state = one.state;
        break;
      }
      result.bytes += one.bytes;
      piece.remove_prefix(one.bytes);
    }
  }
  pop(queue, result.bytes);
  drop_empty(queue);
  return result;
}

void Socket::shutdown() {
  if (!fd_.valid()) return;
  if (ssl_ != nullptr && SSL_is_init_finished(ssl_)) {
    ERR_clear_error();
    SSL_shutdown(ssl_);
    ERR_clear_error();
  }
  ::shutdown(fd_.get(), SHUT_WR);
}

bool Socket::has_pending() const { return ssl_ != nullptr && SSL_has_pending(ssl_) == 1; }

}  // namespace gantry::io
