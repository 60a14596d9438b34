// How long a failed pod of a node is kept before its successor comes: 1 s, then twice as long each time, 15 min at
// most; forgotten after twice that. It keeps a DaemonSet and a node that refuses its pods from chasing each other.
//
// In memory alone, as upstream: after a restart the waits begin anew. Any thread.
#pragma once

#include <cstdint>
#include <mutex>
#include <string>
#include <unordered_map>

namespace gantry::daemonset {

class FailedPods {
 public:
  static constexpr int64_t kFirstMs = 1'000;
  static constexpr int64_t kLongestMs = 900'000;

  // 0: it may go now, which counts; else after how long.
  int64_t wait_ms(const std::string& key, int64_t now_ms);
  size_t known() const;

 private:
  struct Turn {
    int64_t since_ms = 0, wait_ms = 0;
  };
  static bool is_over(const Turn& turn, int64_t now_ms) { return now_ms - turn.since_ms > 2 * kLongestMs; }
  void forget_locked(int64_t now_ms);

  mutable std::mutex mutex_;
  std::unordered_map<std::string, Turn> turns_;
  int64_t swept_ms_ = 0;
};

}  // namespace gantry::daemonset
