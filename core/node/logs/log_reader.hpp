// The room of container logs: reading, following, the end that a status shows.
//
// This reads container logs in the CRI format ("TIME stream P|F text") and writes what `kubectl logs` shows.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <string>

#include "core/client/node_backend.hpp"
#include "core/files/unique_fd.hpp"

namespace gantry::node {

// One log on its way to one reader: until the end of the file, or, when following, until `running()` is false and
// everything was written, or the reader is gone (SIGPIPE is held back). Follows rotation. inotify, no polling. Waits
// for nobody: step() does what can be done and says what to wait for. One thread at a time. [worker]
class LogReader {
 public:
  // `out` belongs to the reader, and doesn't block from here on.
  LogReader(std::string path, client::LogOptions options, io::UniqueFd out, std::function<bool()> running);
  ~LogReader();

  // Once, before the first step.
  Status open();
  struct Wait {
    bool done = false;
    bool writable = false;  // for out(), else for notify() or the end of the reader
    int most_ms = 0;        // step again after this time at the latest
  };
  Wait step();
  int out() const;
  int notify() const;  // -1 when not following, or where no more can be had

 private:
  class Impl;
  const std::unique_ptr<Impl> impl_;
};

}  // namespace gantry::node
