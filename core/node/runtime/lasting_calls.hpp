// What the runtime takes long for on a pod's behalf (pulls, ends of sandboxes): begun once, and the pod is woken when
// it is over, so that none of its syncs waits. Used by the syncs of pods. [any-thread]
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>

#include "gantry/status.hpp"

namespace gantry::node {

class LastingCalls {
 public:
  struct Done {
    Expected<std::string> answer;
    int64_t begun_ns = 0;
  };
  using Then = std::function<void(Expected<std::string>)>;
  using Begin = std::function<void(Then then)>;

  // At most so many at a time; `wake` is called under a lock and must not come back here.
  LastingCalls(size_t most, std::function<void(const std::string& pod)> wake);
  ~LastingCalls();  // stop()
  LastingCalls(const LastingCalls&) = delete;
  LastingCalls& operator=(const LastingCalls&) = delete;

  // The outcome of the call for `what`, once; null while it is under way, or waits for its turn: its pod is woken when
  // that changes, but it should look again by itself, late: who was woken may not take the turn. `begin` begins it
  // where it has not been; what it is given may be called at once.
  std::optional<Done> outcome(const std::string& pod, const std::string& what, int64_t now_ns, const Begin& begin);
  // It has begun, and its outcome was not asked for since it came.
  bool has(const std::string& pod, const std::string& what) const;
  // The pod is gone: nobody asks any more.
  void forget(const std::string& pod);
  // Wakes nobody afterwards.
  void stop();

 private:
  struct Entry {
    int64_t begun_ns = 0;
    uint64_t number = 0;
    std::optional<Expected<std::string>> answer;
  };
  // Calls outlive this; they find it, or what is left of it, here.
  struct Shared {
    std::mutex mutex;
    size_t free = 0;
    uint64_t last = 0;
    std::map<std::string, std::map<std::string, Entry>> entries;  // by pod
    std::deque<std::string> waiting;                              // pods, first come first; each once:
    std::set<std::string> queued;
    std::function<void(const std::string&)> wake;  // null: stopped

    void ended(const std::string& pod, const std::string& what, uint64_t number, Expected<std::string> answer);
  };
  const std::shared_ptr<Shared> shared_;
};

}  // namespace gantry::node
