// For tests only: servers on the loopback that probes are sent to.
#pragma once

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <chrono>
#include <mutex>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "core/files/unique_fd.hpp"
#include "core/node/probes/probe_net.hpp"

namespace gantry::node::testing {

inline Deadline in(int ms) { return {std::chrono::steady_clock::now() + std::chrono::milliseconds(ms), -1}; }
// Of what does not wait for its end.
inline Deadline soon() { return in(10'000); }

// Answers each connection with the next of its texts; an empty one says nothing until the peer goes.
class PlayedServer {
 public:
  explicit PlayedServer(std::vector<std::string> answers) : answers_(std::move(answers)) {
    fd_.reset(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    ::bind(fd_.get(), reinterpret_cast<sockaddr*>(&address), sizeof address);
    ::listen(fd_.get(), 8);
    socklen_t size = sizeof address;
    ::getsockname(fd_.get(), reinterpret_cast<sockaddr*>(&address), &size);
    port_ = ntohs(address.sin_port);
    thread_ = std::thread([this] { run(); });
  }
  ~PlayedServer() {
    ::shutdown(fd_.get(), SHUT_RDWR);
    thread_.join();
  }
  int port() const { return port_; }
  std::string request() {
    const std::lock_guard lock(mutex_);
    return request_;
  }

 private:
  void run() {
    for (size_t i = 0;; ++i) {
      const io::UniqueFd peer(::accept4(fd_.get(), nullptr, nullptr, SOCK_CLOEXEC));
      if (!peer.valid()) return;
      char block[4096];
      const ssize_t n = ::recv(peer.get(), block, sizeof block, 0);
      {
        const std::lock_guard lock(mutex_);
        request_.assign(block, n > 0 ? static_cast<size_t>(n) : 0);
      }
      const auto& answer = answers_[std::min(i, answers_.size() - 1)];
      ::send(peer.get(), answer.data(), answer.size(), MSG_NOSIGNAL);
      pollfd gone{peer.get(), POLLIN, 0};
      if (answer.empty()) ::poll(&gone, 1, 10'000);
    }
  }
  std::vector<std::string> answers_;
  io::UniqueFd fd_;
  int port_ = 0;
  std::mutex mutex_;
  std::string request_;
  std::thread thread_;
};

// Nobody listens on it, and nobody else gets it.
class ClosedPort {
 public:
  ClosedPort() : fd_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    EXPECT_EQ(::bind(fd_.get(), reinterpret_cast<sockaddr*>(&address), size), 0);
    EXPECT_EQ(::getsockname(fd_.get(), reinterpret_cast<sockaddr*>(&address), &size), 0);
    port_ = ntohs(address.sin_port);
  }
  int port() const { return port_; }

 private:
  const io::UniqueFd fd_;
  int port_ = 0;
};

inline std::string reply(int code, const std::string& headers = {}, const std::string& body = {}) {
  return "HTTP/1.1 " + std::to_string(code) + " X\r\n" + headers + "Content-Length: " + std::to_string(body.size()) +
         "\r\n\r\n" + body;
}

inline HttpProbe http_probe(int port, const std::string& path = "/healthz") {
  return {false, "127.0.0.1", port, path, {}};
}

}  // namespace gantry::node::testing
