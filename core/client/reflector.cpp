// The reflector: list, watch, and again from the last version seen; list again only when the server says Expired.
//
// The client's threads only put what they tell into the inbox; the one who drains it calls the user and decides what to
// do next. A generation number tells what an abandoned watch still says from the current one's.
#include "core/client/reflector.hpp"

#include <algorithm>
#include <chrono>
#include <mutex>
#include <random>
#include <utility>
#include <variant>

#include "core/schema/codec/wire.hpp"
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
  Loop(Client& client, WatchRequest what, ReflectorHandler handler, ReflectorOptions options)
      : client_(client),
        what_(std::move(what)),
        handler_(std::move(handler)),
        options_(std::move(options)),
        inbox_(options_.inbox),
        random_(simulation::Turns::current() != nullptr ? 1 : std::random_device{}()) {}

  void list() {
    {
      const std::lock_guard lock(mutex_);
      if (stopped_) return;
    }
    auto request = what_;
    request.resource_version.clear();
    client_.list(std::move(request), [weak = weak_from_this()](Expected<Client::List> list) {
      if (auto self = weak.lock()) self->put({0, std::move(list)}, 0);
    });
  }

  // Waits for a running callback, unless called from inside one.
  void stop() {
    std::unique_ptr<Watch> watch;
    {
      const std::lock_guard lock(mutex_);
      stopped_ = true;
      watch = std::move(watch_);
    }
    watch.reset();
    inbox_.clear();
    { const std::lock_guard wait(posting_); }
    const std::lock_guard wait(calling_);
  }

 private:
  struct Anew {};  // the inbox was full
  struct Message {
    uint64_t generation = 0;  // of the watch; 0: of none
    std::variant<WatchEvent, Expected<Client::List>, Status, Anew> what;
  };

  void put(Message message, size_t size) {
    using Put = Inbox<Message>::Put;
    auto done = inbox_.put(std::move(message), size);
    if (done == Put::kFull) {
      {
        const std::lock_guard lock(mutex_);
        ++generation_;  // what this watch still tells is for nobody
      }
      done = inbox_.put({0, Anew{}}, 0);
    }
    if (done != Put::kDrain) return;
    options_.run ? have_drained() : drain();
  }

  void have_drained() {
    const std::lock_guard posting(posting_);
    if (stopped()) return;
    options_.run([weak = weak_from_this()] {
      if (auto self = weak.lock()) self->drain();
    });
  }

  void drain() {
    do {
      take_in(inbox_.take());
      if (!inbox_.more()) return;
    } while (!options_.run);
    have_drained();  // whoever shares the thread has his turn first
  }

  void take_in(std::vector<Inbox<Message>::Kept> messages) {
    std::vector<WatchEvent> events;
    for (auto& [message, size] : messages) {
      if (auto* event = std::get_if<WatchEvent>(&message.what)) {
        events.push_back(std::move(*event));
        continue;
      }
      tell(std::exchange(events, {}));
      if (auto* list = std::get_if<Expected<Client::List>>(&message.what)) {
        listed(std::move(*list));
      } else if (const auto* why = std::get_if<Status>(&message.what)) {
        ended(message.generation, *why);
      } else {
        list_anew();
      }
    }
    tell(std::move(events));
  }

  bool stopped() {
    const std::lock_guard lock(mutex_);
    return stopped_;
  }

  void tell(std::vector<WatchEvent> events) {
    if (events.empty()) return;
    if (auto version = resource_version_of(events.back().object.bytes); !version.empty()) version_ = std::move(version);
    const std::lock_guard calling(calling_);
    if (stopped()) return;
    std::erase_if(events, [](const WatchEvent& event) { return event.type == WatchEvent::Type::kBookmark; });
    if (handler_.events) {
      if (!events.empty()) handler_.events(std::move(events));
      return;
    }
    for (auto& event : events) {
      handler_.event(std::move(event));
      if (stopped()) return;
    }
  }

  void listed(Expected<Client::List> list) {
    {
      const std::lock_guard calling(calling_);
      if (stopped()) return;
      if (list) {
        version_ = list->resource_version;
        handler_.replace(std::move(*list));
      } else if (handler_.failed) {
        handler_.failed(list.error());
      }
    }
    if (list) return watch();
    later([](Loop& self) { self.list(); });
  }

  void watch() {
    auto request = what_;
    uint64_t generation = 0;
    {
      const std::lock_guard lock(mutex_);
      if (stopped_) return;
      generation = ++generation_;
    }
    request.resource_version = version_;
    started_ = std::chrono::steady_clock::now();
    WatchHandler handler;
    handler.event = [weak = weak_from_this(), generation](WatchEvent event) {
      if (auto self = weak.lock()) self->event(generation, std::move(event));
    };
    handler.ended = [weak = weak_from_this(), generation](const Status& why) {
      auto self = weak.lock();
      if (self && self->is_current(generation)) self->put({generation, why}, 0);
    };
    auto watch = client_.watch(std::move(request), std::move(handler));
    std::unique_ptr<Watch> unwanted;
    {
      const std::lock_guard lock(mutex_);
      // It may have ended, or the reflector may have been stopped, while watch() was still running.
      const bool current = !stopped_ && generation == generation_;
      unwanted = current ? std::exchange(watch_, std::move(watch)) : std::move(watch);
    }
  }

  bool is_current(uint64_t generation) {
    const std::lock_guard lock(mutex_);
    return !stopped_ && generation == generation_;
  }

  void event(uint64_t generation, WatchEvent event) {
    if (!is_current(generation)) return;
    const size_t size = sizeof event + event.object.bytes.size();
    put({generation, std::move(event)}, size);
  }

  void ended(uint64_t generation, const Status& why) {
    {
      const std::lock_guard lock(mutex_);
      if (stopped_ || generation != generation_) return;
      ++generation_;
    }
    if (std::chrono::steady_clock::now() - started_ > std::chrono::seconds(5)) delay_ms_ = kFirstDelayMs;
    if (why.code() == 410) return later([](Loop& self) { self.list(); });
    later([](Loop& self) { self.watch(); });
  }

  // At once: the server is well, and who comes here has taken in what there was.
  void list_anew() {
    std::unique_ptr<Watch> left;
    {
      const std::lock_guard lock(mutex_);
      left = std::move(watch_);
    }
    left.reset();
    list();
  }

  void later(void (*step)(Loop&)) {
    if (stopped()) return;
    std::uniform_real_distribution<double> jitter(1.0, 2.0);
    const auto delay = std::min(kLastDelayMs, static_cast<int64_t>(static_cast<double>(delay_ms_) * jitter(random_)));
    delay_ms_ = std::min(kLastDelayMs, delay_ms_ * 2);
    options_.schedule(delay, [weak = weak_from_this(), step] {
      if (auto self = weak.lock()) step(*self);
    });
  }

  Client& client_;
  const WatchRequest what_;
  const ReflectorHandler handler_;
  const ReflectorOptions options_;
  Inbox<Message> inbox_;
  // Held while the user is called: his callbacks, and run. stop() waits for them; recursive, as one may stop its own.
  std::recursive_mutex calling_, posting_;
  std::mutex mutex_;  // never held while anything is called
  std::unique_ptr<Watch> watch_;
  uint64_t generation_ = 0;
  bool stopped_ = false;
  // Of the one step under way: a list, a watch, or a drain.
  std::string version_;
  int64_t delay_ms_ = kFirstDelayMs;
  std::chrono::steady_clock::time_point started_;
  std::mt19937 random_;
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
                                           ReflectorOptions options) {
  auto loop = std::make_shared<Loop>(client, std::move(what), std::move(handler), std::move(options));
  auto reflector = std::make_unique<ReflectorImpl>(loop);
  loop->list();
  return reflector;
}

std::unique_ptr<Reflector> start_reflector(Client& client, WatchRequest what, ReflectorHandler handler,
                                           std::function<void(int64_t, std::function<void()>)> schedule) {
  return start_reflector(client, std::move(what), std::move(handler),
                         ReflectorOptions{std::move(schedule), nullptr, {}});
}

}  // namespace gantry::client
