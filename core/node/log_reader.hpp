// Reads container logs in the CRI format ("TIME stream P|F text") and writes what `kubectl logs` shows. [worker]
#pragma once

#include <atomic>
#include <functional>
#include <string>
#include <vector>

#include "core/client/node_backend.hpp"

namespace gantry::node {

// Writes to `out` until the end of the file, or, when following, until `running()` is false and everything was written,
// `stop` is set, or the reader is gone (EPIPE; SIGPIPE must not kill). Follows rotation. inotify, no polling. Owns
// nothing; `out` stays open.
Status read_log(const std::string& path, const client::LogOptions& options, int out,
                const std::function<bool()>& running, const std::atomic<bool>& stop);

}  // namespace gantry::node
