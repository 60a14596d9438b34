// Clients that watch, as JSON, and count. Made and destroyed by a scenario; what they count comes on the client's
// threads.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <functional>
#include <mutex>
#include <string>
#include <vector>

#include "bench/load/load.hpp"

namespace gantry::bench {

// Many watches, and the events of all together.
class Watches {
 public:
  // Returns once all are open; `path` of the i-th.
  Watches(Bench& bench, int64_t count, const std::function<std::string(int64_t)>& path);
  ~Watches();
  Watches(const Watches&) = delete;
  Watches& operator=(const Watches&) = delete;
  void wait(int64_t events);

 private:
  void add(const std::string& piece);

  std::mutex mutex_;
  std::condition_variable changed_;
  int64_t open_ = 0, lines_ = 0;
  std::vector<std::function<void()>> ends_;
};

// Counts the pods that come to match a field selector: the first event of each in such a watch is ADDED.
class Arrivals {
 public:
  Arrivals(Bench& bench, const std::string& selector) {
    client::RawStream stream;
    stream.head = [this](int, const http::Headers&) {
      const std::lock_guard lock(mutex_);
      open_ = true;
      changed_.notify_one();
    };
    stream.body = [this](std::string piece) { read(piece); };
    stream.done = [](const Status&) {};
    end_ = bench.remote->stream(client::raw_request("GET", pods_path(bench) + "?watch=true&fieldSelector=" + selector),
                                std::move(stream));
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return open_; });
  }
  ~Arrivals() { end_(); }
  void wait(int64_t count) {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return arrived_ >= count; });
  }

 private:
  void read(const std::string& piece) {
    const std::lock_guard lock(mutex_);
    rest_ += piece;
    size_t begin = 0;
    for (size_t end; (end = rest_.find('\n', begin)) != std::string::npos; begin = end + 1) {
      if (rest_.compare(begin, 15, R"({"type":"ADDED")") == 0) ++arrived_;
    }
    rest_.erase(0, begin);
    changed_.notify_one();
  }

  std::mutex mutex_;
  std::condition_variable changed_;
  std::string rest_;
  bool open_ = false;
  int64_t arrived_ = 0;
  std::function<void()> end_;
};

}  // namespace gantry::bench
