// The thread that calls what belongs to [main] of the ABI (create, destroy, describe, save ...), so that a call that
// never returns costs who asked for it only the wait.
//
// Owned by the PluginHost. A call that is over its limit keeps its thread for good, and the next one gets another. One
// call at a time. [any-thread that may block]
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

namespace gantry::plugin {

class MainThread {
 public:
  MainThread() = default;
  ~MainThread();  // waits for a call under way, not for those given up
  MainThread(const MainThread&) = delete;
  MainThread& operator=(const MainThread&) = delete;

  // Runs `work`. False when it has not returned within `limit_ms`: then `given_up` was called, on this thread, before
  // the work can have ended; the work, which must own all that it uses, goes on. Limit 0: on the calling thread, for as
  // long as it takes. `what` is for stuck(): "plugin slow: create".
  bool run(const std::string& what, int64_t limit_ms, std::function<void()> work,
           const std::function<void(pid_t thread)>& given_up);

  // Calls that have been running for at least so long, those given up among them: "plugin slow: create, for 31 s".
  std::vector<std::string> stuck(int64_t ms) const;

 private:
  struct Worker;
  static void serve(const std::shared_ptr<Worker>& worker);
  std::shared_ptr<Worker> worker();
  void remember(const std::shared_ptr<Worker>& lost);

  std::mutex calls_;  // one at a time
  mutable std::mutex mutex_;
  std::shared_ptr<Worker> worker_;             // under mutex_
  std::vector<std::shared_ptr<Worker>> lost_;  // under mutex_: given up, not returned
};

}  // namespace gantry::plugin
