// Keys of objects that changed, until somebody looks at them on a thread of his: each lies there once, so that much
// that happens to few objects costs few looks. Whoever has more keys than kMost is told to look at everything instead.
//
// For consumers that read what is stored now and need no event's bytes. put() neither waits nor parses. [any-thread]
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <unordered_set>
#include <vector>

namespace gantry::network {

class KeyInbox : public std::enable_shared_from_this<KeyInbox> {
 public:
  static constexpr size_t kMost = 16'384;
  using Keys = std::vector<std::string>;

  // `run` runs fn soon, on the consumer's thread; null: at once. `look` is called by one thread at a time; without keys
  // it means everything.
  KeyInbox(std::function<void(std::function<void()> fn)> run, std::function<void(Keys keys)> look)
      : run_(std::move(run)), look_(std::move(look)) {}

  void put(const std::string& key);
  // Waits for a look that is under way; none begins any more.
  void stop();

 private:
  void drain();

  const std::function<void(std::function<void()>)> run_;
  const std::function<void(Keys)> look_;
  std::mutex looking_;    // held while it looks
  bool stopped_ = false;  // by looking_
  std::mutex mutex_;      // of the rest
  Keys keys_;             // in the order in which they came
  std::unordered_set<std::string> known_;
  bool everything_ = false, draining_ = false;
};

}  // namespace gantry::network
