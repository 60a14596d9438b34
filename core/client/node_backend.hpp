// What the API server asks of a node: logs and exec. Implemented by the node agent; injected by the daemon.
//
// It lies in core/client so that neither the API server nor the node agent knows the other.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "gantry/status.hpp"

namespace gantry::client {

struct PodRef {
  std::string ns, name, uid, node;
};

struct LogOptions {
  std::string container;
  bool follow = false, previous = false, timestamps = false;
  std::optional<int64_t> tail_lines, since_seconds, limit_bytes;
  std::optional<int64_t> since_unix_ns;
};

struct ExecOptions {
  std::string container;
  std::vector<std::string> command;
  bool tty = false, in = false, out = false, err = false;
};

class ExecSession {
 public:
  virtual ~ExecSession() = default;  // cancels when still running
  virtual void resize(uint16_t columns, uint16_t rows) = 0;
};

class NodeBackend {
 public:
  virtual ~NodeBackend() = default;
  // Writes the log to `out` (owned from here on, a pipe's write end) on a thread of its own and closes it at the end,
  // or when the reader is gone. Errors before the first byte are returned: BadRequest in kubelet's words. May block up
  // to 5 s. [worker]
  virtual Status logs(const PodRef& pod, const LogOptions& options, int out) = 0;
  // Runs a command with these descriptors (pipes or socket pairs; -1: not wanted), owned from here on. `exited`: the
  // exit code, or why it could not run; once. [worker]
  virtual Expected<std::unique_ptr<ExecSession>> exec(const PodRef& pod, const ExecOptions& options, int in, int out,
                                                      int err, std::function<void(Expected<int>)> exited) = 0;
};

}  // namespace gantry::client
