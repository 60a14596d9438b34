#include "bench/load/watches.hpp"

#include <algorithm>

namespace gantry::bench {

Watches::Watches(Bench& bench, int64_t count, const std::function<std::string(int64_t)>& path) {
  for (int64_t i = 0; i < count; ++i) {
    client::RawStream stream;
    stream.head = [this](int code, const http::Headers&) {
      if (code != 200) die("watch: answered " + std::to_string(code));
      const std::lock_guard lock(mutex_);
      ++open_;
      changed_.notify_one();
    };
    stream.body = [this](const std::string& piece) { add(piece); };
    stream.done = [](const Status&) {};
    ends_.push_back(bench.remote->stream(client::raw_request("GET", path(i)), std::move(stream)));
  }
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [&] { return open_ == count; });
}

Watches::~Watches() {
  for (const auto& end : ends_) end();
}

// JSON documents, one a line.
void Watches::add(const std::string& piece) {
  const auto n = std::count(piece.begin(), piece.end(), '\n');
  const std::lock_guard lock(mutex_);
  lines_ += n;
  changed_.notify_one();
}

void Watches::wait(int64_t events) {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [&] { return lines_ >= events; });
}

}  // namespace gantry::bench
