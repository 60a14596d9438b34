// Network probes of a container: a TCP connection, an HTTP GET. They block at most until their deadline, or until they
// are cancelled. Called by the prober's threads; tests call them alone.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "core/files/unique_fd.hpp"
#include "gantry/status.hpp"

namespace gantry::node {

enum class ProbeResult : uint8_t { kSuccess, kWarning, kFailure };

struct ProbeOutcome {
  ProbeResult result = ProbeResult::kFailure;
  std::string output;  // in Go's words, which are the kubelet's: "dial tcp 10.0.0.1:80: connect: connection refused"
};

// When to give up, and a descriptor that becomes readable when nobody wants the answer any more (-1: none).
struct Deadline {
  std::chrono::steady_clock::time_point at;
  int cancelled = -1;
  // Waits for poll(2) events of fd. False when the time is over or all is cancelled.
  bool wait(int fd, short events) const;
};

// A connected non-blocking socket. Failure is a message "dial tcp HOST:PORT: ...".
Expected<io::UniqueFd> dial(const std::string& host, int port, const Deadline& deadline);
// "10.0.0.1:80", "[::1]:80".
std::string host_port(const std::string& host, int port);

ProbeOutcome probe_tcp(const std::string& host, int port, const Deadline& deadline);

struct HttpProbe {
  bool tls = false;  // certificates are not checked
  std::string host;
  int port = 0;
  std::string path;  // with its query
  std::vector<std::pair<std::string, std::string>> headers;
};
// 2xx and 3xx succeed; a redirect to the same host is followed, one to another host is a warning.
ProbeOutcome probe_http(const HttpProbe& probe, const Deadline& deadline);

}  // namespace gantry::node
