// Back-off of containers that keep ending and images that can't be pulled: 10 s doubling to 300 s, forgotten after 10
// minutes.
#pragma once

#include <cstdint>
#include <map>
#include <mutex>
#include <string>

namespace gantry::node {

// [any-thread]. All times are nanoseconds of one clock of the caller's.
class Backoff {
 public:
  static constexpr int64_t kSecond = 1'000'000'000;

  // How long is left to wait at `now`, counted from the event (an exit); 0: go ahead.
  int64_t remaining_ns(const std::string& key, int64_t event_ns, int64_t now_ns) const;
  // The delay that holds for the key; 0 without one.
  int64_t delay_ns(const std::string& key) const;
  // How long ago the key was tried last, by next(); 0 without.
  int64_t age_ns(const std::string& key, int64_t now_ns) const;
  // It is being tried: the next wait will be longer, or the first when the last one is long past.
  void next(const std::string& key, int64_t event_ns, int64_t now_ns);
  // Forgets keys that begin with `prefix` (a pod's).
  void forget(const std::string& prefix);

 private:
  static constexpr int64_t kFirst = 10 * kSecond;
  static constexpr int64_t kMax = 300 * kSecond;
  struct Entry {
    int64_t delay = 0, updated = 0;
  };
  static bool expired(const Entry& entry, int64_t event_ns) { return event_ns - entry.updated > 2 * kMax; }

  mutable std::mutex mutex_;
  std::map<std::string, Entry> entries_;
};

}  // namespace gantry::node
