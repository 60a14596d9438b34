// Commands in containers whose end is waited for: exec probes, exec hooks. None holds a thread here while it runs;
// eight start them, and one reads what all of them say.
//
// Owned by the agent. [any-thread]
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "core/node/runtime/runtime_client.hpp"
#include "core/plugin/timers.hpp"

namespace gantry::node {

class CommandRunner {
 public:
  struct Result {
    int exit_code = 0;
    std::string output;  // of both streams, its first 10 KiB; bytes
  };
  // Once, unless the command was cancelled; on any thread. Must not block. 504: its time was over, and it is killed.
  using Done = std::function<void(Expected<Result> result)>;

  CommandRunner(const RuntimeClient& runtime, plugin::Timers& timers);
  ~CommandRunner();  // stop()
  CommandRunner(const CommandRunner&) = delete;
  CommandRunner& operator=(const CommandRunner&) = delete;

  // Does not block. `timeout_seconds` 0: a day.
  uint64_t run(const std::string& container_id, std::vector<std::string> command, int64_t timeout_seconds, Done done);
  // Kills it without a word; unknown ones are ignored.
  void cancel(uint64_t id);
  // No Done is called any more, and none is running. Not from a Done. Commands end in their containers.
  void stop();

 private:
  class Impl;
  const std::shared_ptr<Impl> impl_;
};

}  // namespace gantry::node
