// Connecting with a deadline, and the probe that is no more than that.
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <cerrno>
#include <cstring>
#include <memory>

#include "core/node/probes/probe_net.hpp"

namespace gantry::node {
namespace {

struct FreeAddresses {
  void operator()(addrinfo* list) const { ::freeaddrinfo(list); }
};

// "connection refused": as Go spells errors, which are the C library's in lower case.
std::string error_text(int error) {
  std::string text = std::strerror(error);
  if (!text.empty()) text[0] = static_cast<char>(std::tolower(static_cast<unsigned char>(text[0])));
  return text;
}

// 0, or the error number; ETIMEDOUT when the deadline came first.
int connect_to(int fd, const addrinfo& address, const Deadline& deadline, bool& late) {
  if (::connect(fd, address.ai_addr, address.ai_addrlen) == 0) return 0;
  if (errno != EINPROGRESS) return errno;
  if (!deadline.wait(fd, POLLOUT)) {
    late = true;
    return ETIMEDOUT;
  }
  int error = 0;
  socklen_t size = sizeof error;
  return ::getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size) == 0 ? error : errno;
}

}  // namespace

bool Deadline::wait(int fd, short events) const {
  while (true) {
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(at - std::chrono::steady_clock::now());
    if (left.count() < 0) return false;
    std::array<pollfd, 2> waits{{{fd, events, 0}, {cancelled, POLLIN, 0}}};
    const int n = ::poll(waits.data(), waits.size(), static_cast<int>(std::min<int64_t>(left.count() + 1, 1 << 30)));
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0 || waits[1].revents != 0) return false;
    return true;
  }
}

std::string host_port(const std::string& host, int port) {
  return (host.find(':') == std::string::npos ? host : "[" + host + "]") + ":" + std::to_string(port);
}

Expected<io::UniqueFd> dial(const std::string& host, int port, const Deadline& deadline) {
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_NUMERICSERV;
  addrinfo* found = nullptr;
  if (const int code = ::getaddrinfo(host.c_str(), std::to_string(port).c_str(), &hints, &found); code != 0) {
    return Status::unavailable("dial tcp: lookup " + host + ": " +
                               (code == EAI_NONAME ? "no such host" : ::gai_strerror(code)));
  }
  const std::unique_ptr<addrinfo, FreeAddresses> list(found);
  std::string why = "no such host";
  for (const addrinfo* address = list.get(); address != nullptr; address = address->ai_next) {
    io::UniqueFd fd(::socket(address->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
    if (!fd.valid()) {
      why = "socket: " + error_text(errno);
      continue;
    }
    bool late = false;
    const int error = connect_to(fd.get(), *address, deadline, late);
    if (error == 0) return fd;
    why = late ? "i/o timeout" : "connect: " + error_text(error);
    if (late) break;
  }
  return Status(503, why == "i/o timeout" ? "Timeout" : "ServiceUnavailable",
                "dial tcp " + host_port(host, port) + ": " + why);
}

ProbeOutcome probe_tcp(const std::string& host, int port, const Deadline& deadline) {
  auto fd = dial(host, port, deadline);
  if (!fd) return {ProbeResult::kFailure, fd.error().message()};
  // A reset instead of a long goodbye: probes come often, and closed pairs would wait for minutes.
  const linger at_once{1, 0};
  ::setsockopt(fd->get(), SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
  return {ProbeResult::kSuccess, {}};
}

}  // namespace gantry::node
