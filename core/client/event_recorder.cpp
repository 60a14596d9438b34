// The recorder's thread: takes events from the queue, correlates them, keeps one request a run of events under way.
#include "core/client/event_recorder.hpp"

#include <atomic>
#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>
#include <condition_variable>
#include <deque>
#include <map>
#include <mutex>
#include <thread>

#include "core/client/event_correlator.hpp"
#include "core/client/refusals.hpp"
#include "core/limits/notices.hpp"
#include "core/schema/values/values.hpp"
#include "core/simulation/turns.hpp"
#include "gantry/abi/log.h"
#include "gantry/text.hpp"

namespace gantry::client {
namespace {

using Event = EventCorrelator::Event;
using Steady = std::chrono::steady_clock;

const ResourceRef kEvents{"", "v1", "events"};
constexpr size_t kMaxMessage = 1024;

struct Waiting {
  Event event;
  int64_t at_unix_ns = 0;
};

// The request of one run of equal events, and what has happened since it was sent.
struct Flight {
  Event event;
  bool create = false;
  bool changed = false;  // `event` is newer than what is being sent
  int tries_left = 0;
  std::chrono::milliseconds delay{};
  Steady::time_point retry_at{};
  bool waits = false;  // for retry_at
};

bool worth_a_retry(const Status& error) { return error.code() == 429 || error.code() >= 500; }

std::string patch_of(const Event& event) {
  const boost::json::object patch{
      {"count", event.count()},
      {"lastTimestamp", schema::format_time(event.last_timestamp().seconds() * 1'000'000'000)},
      {"message", event.message()}};
  return boost::json::serialize(patch);
}

}  // namespace

class EventRecorder::Impl : public std::enable_shared_from_this<Impl> {
 public:
  Impl(Client& client, std::function<int64_t()> now, Options options)
      : client_(client), now_(std::move(now)), options_(options) {}

  void start() {
    thread_ = std::thread([this] { run(); });
  }
  void stop() {
    {
      std::lock_guard lock(mutex_);
      stopping_ = true;
    }
    changed_.notify_all();
    thread_.join();
  }

  void add(Event event) {
    {
      std::lock_guard lock(mutex_);
      if (stopping_) return;
      if (waiting_.size() >= options_.max_waiting) {
        waiting_.pop_front();
        ++dropped_;
      }
      waiting_.push_back({std::move(event), now_()});
      bell_.ring();
    }
    changed_.notify_all();
  }
  uint64_t dropped() const { return dropped_; }

 private:
  using Flights = std::map<std::string, Flight>;
  struct Answer {
    std::string key;
    Status status;
  };

  void run();
  void take(Waiting item);
  void send(const std::string& key, Flight& flight);
  void answered(const Answer& answer);
  void retry(const std::string& key, Flight& flight);
  void send_due();
  Steady::time_point next_retry() const;

  Client& client_;
  const std::function<int64_t()> now_;
  const Options options_;
  std::thread thread_;
  std::atomic<uint64_t> dropped_{0};

  std::mutex mutex_;
  std::condition_variable changed_;
  simulation::Bell bell_{"event recorder"};  // rung under mutex_
  std::deque<Waiting> waiting_;              // by mutex_
  std::deque<Answer> answers_;               // by mutex_
  bool stopping_ = false;                    // by mutex_

  // On the thread only.
  EventCorrelator correlator_;
  Flights flights_;
};

void EventRecorder::Impl::run() {
  std::unique_lock lock(mutex_);
  while (!stopping_) {
    const bool room = flights_.size() < options_.max_requests;
    if (!answers_.empty()) {
      const Answer answer = std::move(answers_.front());
      answers_.pop_front();
      lock.unlock();
      answered(answer);
    } else if (room && !waiting_.empty()) {
      Waiting item = std::move(waiting_.front());
      waiting_.pop_front();
      lock.unlock();
      take(std::move(item));
    } else {
      bell_.leave();
      const auto until = next_retry();
      const auto awake = [&] { return stopping_ || !answers_.empty() || (room && !waiting_.empty()) || bell_.rung(); };
      if (until == Steady::time_point::max()) {
        changed_.wait(lock, awake);
      } else if (!changed_.wait_until(lock, until, awake)) {
        lock.unlock();
        send_due();
      }
      if (lock.owns_lock()) lock.unlock();
      bell_.enter();
    }
    lock.lock();
  }
}

void EventRecorder::Impl::take(Waiting item) {
  auto result = correlator_.correlate(std::move(item.event), item.at_unix_ns);
  if (!result) {
    ++dropped_;
    return;
  }
  const auto [at, fresh] = flights_.try_emplace(result->key);
  auto& flight = at->second;
  flight.event = std::move(result->event);
  if (!fresh) {
    flight.changed = true;
    return;
  }
  flight.create = flight.event.count() == 1;
  flight.tries_left = options_.tries;
  flight.delay = options_.retry_delay;
  send(at->first, flight);
}

void EventRecorder::Impl::send(const std::string& key, Flight& flight) {
  flight.changed = false;
  flight.waits = false;
  const auto& event = flight.event;
  const std::string& ns = event.metadata().namespace_();
  auto request = flight.create
                     ? create_request(kEvents, ns, event.SerializeAsString())
                     : patch_request(kEvents, ns, event.metadata().name(), patch_of(event), ApiRequest::MERGE_PATCH);
  client_.call(std::move(request), [weak = weak_from_this(), key](Expected<ApiResponse> response) {
    const auto self = weak.lock();
    if (!self) return;
    {
      std::lock_guard lock(self->mutex_);
      self->answers_.push_back({key, response ? Status() : response.error()});
      self->bell_.ring();
    }
    self->changed_.notify_all();
  });
}

void EventRecorder::Impl::answered(const Answer& answer) {
  const auto at = flights_.find(answer.key);
  if (at == flights_.end()) return;
  auto& flight = at->second;
  const Status& status = answer.status;
  if (worth_a_retry(status)) return retry(at->first, flight);
  if (status.code() == 404 && !flight.create) {
    // Its time was up, or somebody deleted it: a new one takes its name.
    flight.create = true;
    return send(at->first, flight);
  }
  // An answer that was lost may have been a success.
  const bool stored = status.ok() || (status.code() == 409 && flight.create);
  if (stored && flight.changed) {
    flight.create = false;
    flight.tries_left = options_.tries;
    flight.delay = options_.retry_delay;
    return send(at->first, flight);
  }
  // Rejected, or its namespace is going away.
  if (!stored) ++dropped_;
  if (is_final(status) && options_.notices != nullptr) {
    const auto& about = flight.event.involved_object();
    options_.notices->tell("event-refused", "events", GANTRY_LOG_WARN,
                           "the server refuses an event about " + about.kind() + " " + about.namespace_() + "/" +
                               about.name() + ": " + status.message());
  }
  flights_.erase(at);
}

void EventRecorder::Impl::retry(const std::string& key, Flight& flight) {
  if (--flight.tries_left <= 0) {
    ++dropped_;
    flights_.erase(key);
    return;
  }
  flight.retry_at = Steady::now() + flight.delay;
  flight.delay *= 2;
  flight.waits = true;
}

Steady::time_point EventRecorder::Impl::next_retry() const {
  auto first = Steady::time_point::max();
  for (const auto& [key, flight] : flights_) {
    if (flight.waits) first = std::min(first, flight.retry_at);
  }
  return first;
}

void EventRecorder::Impl::send_due() {
  const auto now = Steady::now();
  for (auto& [key, flight] : flights_) {
    if (flight.waits && flight.retry_at <= now) send(key, flight);
  }
}

EventRecorder::EventRecorder(Client& client, std::function<int64_t()> now)
    : EventRecorder(client, std::move(now), Options()) {}

EventRecorder::EventRecorder(Client& client, std::function<int64_t()> now, Options options)
    : impl_(std::make_shared<Impl>(client, std::move(now), options)) {
  impl_->start();
}

EventRecorder::~EventRecorder() { impl_->stop(); }

void EventRecorder::record(std::string_view component, std::string_view host, std::string_view regarding,
                           std::string_view type, std::string_view reason, std::string_view message) {
  Event event;
  auto& about = *event.mutable_involved_object();
  if (!about.ParseFromArray(regarding.data(), static_cast<int>(regarding.size()))) return;
  event.mutable_metadata()->set_namespace_(about.namespace_().empty() ? "default" : about.namespace_());
  event.mutable_source()->set_component(std::string(component));
  if (!host.empty()) event.mutable_source()->set_host(std::string(host));
  event.set_reporting_component(std::string(component));
  event.set_reporting_instance(std::string(host));
  event.set_type(as_text(type));
  event.set_reason(as_text(reason));
  event.set_message(std::string(cut_text(as_text(message), kMaxMessage)));
  impl_->add(std::move(event));
}

uint64_t EventRecorder::dropped() const { return impl_->dropped(); }

}  // namespace gantry::client
