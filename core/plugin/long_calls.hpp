// Calls of long verbs that tell their answer instead of holding who asks. A plugin in a process of its own is sent a
// frame, and no thread waits. A function in this process blocks, which can't be helped from outside: such calls have
// threads of their own, so many at a time, and the others wait their turn.
//
// Owned by the PluginHost (and by tests). No instance goes while a call into it is under way: stop() waits for them.
// [any-thread]
#pragma once

#include <condition_variable>
#include <cstddef>
#include <functional>
#include <mutex>
#include <string>

#include "core/plugin/plugin_verbs.hpp"
#include "core/plugin/worker_pool.hpp"
#include "gantry/status.hpp"

namespace gantry::plugin {

class LongCalls {
 public:
  ~LongCalls();  // stop()
  // `then` is told once, on whatever thread, this one too; it must not block.
  void begin(Pinned pinned, const Pinned::Found& verb, std::string request, Callee::Then then);
  // Ends those that wait with 503, and waits for those under way.
  void stop();

 private:
  class Call;
  static constexpr size_t kThreads = 64;

  std::mutex mutex_;
  std::condition_variable none_;
  size_t under_way_ = 0;
  WorkerPool pool_{"long-calls", kThreads};
};

}  // namespace gantry::plugin
