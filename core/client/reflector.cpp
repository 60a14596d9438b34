// The reflector: list, watch, and again from the last version seen; list again only when the server says Expired.
//
// Callbacks run on the client's threads, one at a time. A generation number tells a callback of an abandoned list or
// watch from the current one.
#include "core/client/reflector.hpp"

#include <algorithm>
#include <chrono>
#include <mutex>
#include <random>
#include <utility>

#include "core/schema/wire.hpp"
#include "core/simulation/turns.hpp"

namespace gantry::client {
namespace {

constexpr int64_t kFirstDelayMs = 800;
constexpr int64_t kLastDelayMs = 30'000;

// metadata.resourceVersion straight from the encoding: field 1, then field 6.
std::string resource_version_of(std::string_view object) {
  schema::wire::Reader reader(object);
  schema::wire::Entry entry;
  while (reader.next(entry)) {
    if (entry.number != 1 || entry.type != schema::wire::Type::kBytes) continue;
    schema::wire::Reader metadata(entry.bytes);
    while (metadata.next(entry)) {
      if (entry.number == 6) return std::string(entry.bytes);
    }
    return {};
  }
  return {};
}

class Loop : public std::enable_shared_from_this<Loop> {
 public:
  using Schedule = std::function<void(int64_t, std::function<void()>)>;
  Loop(Client& client, WatchRequest what, ReflectorHandler handler, Schedule schedule)
      : client_(client),
        what_(std::move(what)),
        handler_(std::move(handler)),
        schedule_(std::move(schedule)),
        random_(simulation::Turns::current() != nullptr ? 1 : std::random_device{}()) {}

  void list() {
    {
      std::lock_guard lock(mutex_);
      if (stopped_) return;
    }
    auto request = what_;
    request.resource_version.clear();
    client_.list(std::move(request), [weak = weak_from_this()](Expected<Client::List> list) {
      if (auto self = weak.lock()) self->listed(std::move(list));
    });
  }

  // Waits for a running callback, unless called from inside one.
  void stop() {
    std::unique_ptr<Watch> watch;
    {
      std::lock_guard lock(mutex_);
      stopped_ = true;
      watch = std::move(watch_);
    }
    watch.reset();
  }

 private:
  void listed(Expected<Client::List> list) {
    if (!list) {
      {
        std::lock_guard lock(mutex_);
        if (stopped_) return;
        if (handler_.failed) handler_.failed(list.error());
      }
      return later([](Loop& self) { self.list(); });
    }
    {
      std::lock_guard lock(mutex_);
      if (stopped_) return;
      version_ = list->resource_version;
      handler_.replace(std::move(*list));
      if (stopped_) return;
    }
    watch();
  }

  void watch() {
    auto request = what_;
    uint64_t generation = 0;
    {
      std::lock_guard lock(mutex_);
      if (stopped_) return;
      generation = ++generation_;
      request.resource_version = version_;
      started_ = std::chrono::steady_clock::now();
    }
    WatchHandler handler;
    handler.event = [weak = weak_from_this(), generation](WatchEvent event) {
      if (auto self = weak.lock()) self->event(generation, std::move(event));
    };
    handler.ended = [weak = weak_from_this(), generation](const Status& why) {
      if (auto self = weak.lock()) self->ended(generation, why);
    };
    auto watch = client_.watch(std::move(request), std::move(handler));
    std::unique_ptr<Watch> unwanted;
    {
      std::lock_guard lock(mutex_);
      // It may have ended, or the reflector may have been stopped, while watch() was still running.
      const bool current = !stopped_ && generation == generation_;
      unwanted = current ? std::exchange(watch_, std::move(watch)) : std::move(watch);
    }
  }

  void event(uint64_t generation, WatchEvent event) {
    std::lock_guard lock(mutex_);
    if (stopped_ || generation != generation_) return;
    if (auto version = resource_version_of(event.object.bytes); !version.empty()) {
      version_ = std::move(version);
    }
    if (event.type != WatchEvent::Type::kBookmark) handler_.event(std::move(event));
  }

  void ended(uint64_t generation, const Status& why) {
    bool lived = false;
    {
      std::lock_guard lock(mutex_);
      if (stopped_ || generation != generation_) return;
      ++generation_;
      lived = std::chrono::steady_clock::now() - started_ > std::chrono::seconds(5);
      if (lived) delay_ms_ = kFirstDelayMs;
    }
    if (why.code() == 410) return later([](Loop& self) { self.list(); });
    later([](Loop& self) { self.watch(); });
  }

  void later(void (*step)(Loop&)) {
    int64_t delay = 0;
    {
      std::lock_guard lock(mutex_);
      if (stopped_) return;
      std::uniform_real_distribution<double> jitter(1.0, 2.0);
      delay = std::min(kLastDelayMs, static_cast<int64_t>(static_cast<double>(delay_ms_) * jitter(random_)));
      delay_ms_ = std::min(kLastDelayMs, delay_ms_ * 2);
    }
    schedule_(delay, [weak = weak_from_this(), step] {
      if (auto self = weak.lock()) step(*self);
    });
  }

  Client& client_;
  const WatchRequest what_;
  ReflectorHandler handler_;
  Schedule schedule_;
  // Held while the user's callbacks run: they come one at a time, and stop() waits for them.
  std::recursive_mutex mutex_;
  std::unique_ptr<Watch> watch_;
  std::string version_;
  uint64_t generation_ = 0;
  int64_t delay_ms_ = kFirstDelayMs;
  std::chrono::steady_clock::time_point started_;
  std::mt19937 random_;
  bool stopped_ = false;
};

class ReflectorImpl : public Reflector {
 public:
  explicit ReflectorImpl(std::shared_ptr<Loop> loop) : loop_(std::move(loop)) {}
  ~ReflectorImpl() override { loop_->stop(); }

 private:
  std::shared_ptr<Loop> loop_;
};

}  // namespace

std::unique_ptr<Reflector> start_reflector(Client& client, WatchRequest what, ReflectorHandler handler,
                                           std::function<void(int64_t, std::function<void()>)> schedule) {
  auto loop = std::make_shared<Loop>(client, std::move(what), std::move(handler), std::move(schedule));
  auto reflector = std::make_unique<ReflectorImpl>(loop);
  loop->list();
  return reflector;
}

}  // namespace gantry::client
