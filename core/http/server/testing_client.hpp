// For tests: a client that sends what it is told, and nothing of its own.
#pragma once

#include <gtest/gtest.h>
#include <netinet/in.h>
#include <openssl/ssl.h>
#include <poll.h>
#include <sys/socket.h>

#include <cerrno>
#include <fstream>
#include <mutex>
#include <set>
#include <string>
#include <thread>

#include "core/files/unique_fd.hpp"
#include "core/http/io/tls.hpp"
#include "core/http/server/test_server.hpp"
#include "core/limits/notices.hpp"

namespace gantry::http {

// A TCP connection with TLS on top, or bare; blocking, with a 10 s limit for reads.
class RawClient {
 public:
  RawClient(uint16_t port, bool tls, int receive_buffer = 0, const std::string& certificate = {},
            const std::string& key = {})
      : fd_(::socket(AF_INET, SOCK_STREAM, 0)) {
    timeval limit{10, 0};
    ::setsockopt(fd_.get(), SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
    if (receive_buffer > 0) {
      ::setsockopt(fd_.get(), SOL_SOCKET, SO_RCVBUF, &receive_buffer, sizeof(receive_buffer));
    }
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    EXPECT_EQ(::connect(fd_.get(), reinterpret_cast<sockaddr*>(&address), sizeof(address)), 0);
    if (!tls) return;
    const auto context = *io::TlsContext::client({{}, read_file(certificate), read_file(key), true});
    ssl_ = SSL_new(context->get());
    SSL_set_fd(ssl_, fd_.get());
    EXPECT_EQ(SSL_connect(ssl_), 1);
  }
  RawClient(RawClient&& other) noexcept : fd_(std::move(other.fd_)), ssl_(std::exchange(other.ssl_, nullptr)) {}
  ~RawClient() {
    if (ssl_ != nullptr) SSL_free(ssl_);
  }
  // As the administrator of the server's own PKI.
  static RawClient admin(const TestServer& server, int receive_buffer = 0) {
    return {server.port(), true, receive_buffer, server.pki.admin_certificate, server.pki.admin_key};
  }
  // False: it was closed by the server.
  bool send(const std::string& text) {
    if (ssl_ == nullptr) return ::send(fd_.get(), text.data(), text.size(), MSG_NOSIGNAL) >= 0;
    for (size_t at = 0, n = 0; at < text.size(); at += n) {
      if (SSL_write_ex(ssl_, text.data() + at, text.size() - at, &n) != 1) return false;
    }
    return true;
  }
  void finish_sending() { ::shutdown(fd_.get(), SHUT_WR); }
  // Up to `wanted` bytes, or all until the connection ends.
  std::string receive(size_t wanted = SIZE_MAX) {
    std::string out;
    char buffer[16384];
    while (out.size() < wanted) {
      auto n = ssl_ != nullptr ? SSL_read(ssl_, buffer, sizeof(buffer))
                               : static_cast<int>(::recv(fd_.get(), buffer, sizeof(buffer), 0));
      if (n < 0 && errno == EINTR) continue;  // a child of the test has ended
      if (n <= 0) break;
      out.append(buffer, static_cast<size_t>(n));
    }
    return out;
  }
  std::string receive_until(const std::string& mark) {
    std::string out;
    while (out.find(mark) == std::string::npos) {
      std::string more = receive(1);
      if (more.empty()) break;
      out += more;
    }
    return out;
  }
  int fd() const { return fd_.get(); }

 private:
  static std::string read_file(const std::string& path) {
    std::ifstream in(path);
    return {std::istreambuf_iterator<char>(in), {}};
  }

  io::UniqueFd fd_;
  ssl_st* ssl_ = nullptr;
};

template <typename Condition>
bool eventually(Condition condition, std::chrono::milliseconds limit = std::chrono::seconds(30)) {
  auto end = std::chrono::steady_clock::now() + limit;
  while (!condition()) {
    if (std::chrono::steady_clock::now() > end) return false;
    std::this_thread::yield();
    ::poll(nullptr, 0, 2);
  }
  return true;
}

// What the server told of.
struct Heard {
  std::mutex mutex;
  std::multiset<std::string> topics;
  std::string last;
  limits::Notices notices{{[this](std::string_view, int32_t, std::string_view text) {
                             const std::lock_guard lock(mutex);
                             last = text;
                           },
                           [this](std::string_view topic) {
                             const std::lock_guard lock(mutex);
                             topics.emplace(topic);
                           },
                           [] { return int64_t{0}; }}};
  size_t count(const std::string& topic) {
    const std::lock_guard lock(mutex);
    return topics.count(topic);
  }
};

inline std::string head(const std::string& method, const std::string& path, size_t length,
                        const std::string& more = {}) {
  return method + " " + path + " HTTP/1.1\r\nHost: x\r\n" + more + "Content-Length: " + std::to_string(length) +
         "\r\n\r\n";
}
inline std::string get(const std::string& path, const std::string& more = {}) {
  return "GET " + path + " HTTP/1.1\r\nHost: x\r\n" + more + "\r\n";
}
inline std::string code_of(const std::string& answer) { return answer.substr(0, 12); }

inline void echo(http::Request request, std::shared_ptr<http::Exchange> exchange) {
  exchange->respond(text_response(request.method + " " + request.path + " " + request.body));
}

}  // namespace gantry::http
