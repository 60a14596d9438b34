// One running watch. Threads: see the header.
#include "core/apiserver/watch/session.hpp"

#include <tuple>

#include "core/apiserver/request/errors.hpp"
#include "core/apiserver/request/forms.hpp"
#include "core/apiserver/request/respond.hpp"

namespace gantry::apiserver {
namespace {

// More than this waits for the peer: no further events are encoded for it.
constexpr size_t kWatchHighWater = 1 << 20;
// A peer that lets so many changes pile up is told to come back; it will list again.
constexpr size_t kMaxBacklog = 32'768;
// The stream dies when 8 MiB wait for the peer; with more than this the last word is not worth it.
constexpr size_t kRoomForLastWord = 4 << 20;
constexpr size_t kStep = 64;

// With its memory, which an assignment of {} keeps: of a vector it is one of no elements.
template <typename T>
void drop(std::vector<T>& what) {
  std::vector<T>().swap(what);
}

// The version that a watcher saw last, with the revision at which it stopped matching: what upstream sends as deleted.
store::EntryPtr departed(const store::Event& event) {
  auto entry = std::make_shared<store::Entry>();
  entry->key = event.previous->key;
  entry->create_revision = event.previous->create_revision;
  entry->mod_revision = event.entry->mod_revision;
  entry->value = event.previous->value;
  // The first such key is metadata's: inside of strings the quotes would be escaped, and metadata's other text comes
  // later.
  const std::string before = "\"resourceVersion\":\"" + std::to_string(event.previous->mod_revision) + "\"";
  if (const auto at = entry->value.find(before); at != std::string::npos) {
    entry->value.replace(at, before.size(), "\"resourceVersion\":\"" + std::to_string(entry->mod_revision) + "\"");
  }
  return entry;
}

}  // namespace

WatchSession::WatchSession(CallPtr call, Start start)
    : call_(std::move(call)),
      selection_(std::move(start.selection)),
      timeout_(start.timeout),
      bookmarks_(start.bookmarks),
      mark_initial_end_(start.mark_initial_end),
      stored_(call_->kind()),
      cost_(*call_, !selection_.empty()),
      backlog_(kMaxBacklog, call_->env->options.watch_backlog_bytes, call_->request.account),
      progress_(start.from),
      initial_(std::move(start.initial)),
      from_(start.from),
      last_sent_(start.from) {}

WatchSession::~WatchSession() { set_waiting(false); }

void WatchSession::open(const CallPtr& call, Start start) {
  auto session = std::make_shared<WatchSession>(call, std::move(start));
  if (!session->begin()) return;
  session->stream_->on_close([weak = session->weak_from_this()] {
    if (auto self = weak.lock()) self->closed();
  });
  session->set_timeout();
  session->pump();
}

bool WatchSession::begin() {
  auto& env = *call_->env;
  {
    std::lock_guard lock(env.sessions_mutex);
    if (!env.stopping) {
      stream_ = call_->exchange->start_stream(200, watch_content_type(*call_));
      if (stream_) env.sessions.emplace(this, shared_from_this());
    }
  }
  if (!stream_) {
    if (env.stopping) respond_error(*call_, shutting_down());
    return false;
  }
  // An idle watch keeps nothing of its request but a word for Tables, and the path's names: here, and in two keys.
  call_->exchange.reset();
  call_->request = {};
  call_->query.keep_only("includeObject", 16);
  call_->charge.settle(3 * call_->target.bytes());
  return true;
}

void WatchSession::set_timeout() {
  call_->env->loop->post([self = shared_from_this()] {
    std::lock_guard lock(self->mutex_);
    if (self->closed_) return;
    self->timer_ = self->call_->env->loop->after(self->timeout_, [weak = self->weak_from_this()] {
      if (auto expired = weak.lock()) {
        expired->bookmark();
        expired->finish();
      }
    });
  });
}

void WatchSession::closed() {
  {
    std::lock_guard lock(mutex_);
    if (std::exchange(closed_, true)) return;
    backlog_.take();
  }
  // On the loop, because giving back the store's watch waits for its running callback, in which we may be.
  call_->env->loop->post([self = shared_from_this()] { self->release(); });
}

void WatchSession::release() {
  std::unique_ptr<store::Watch> watch;
  std::shared_ptr<WatchSession> owner;
  auto& env = *call_->env;
  bool cut_off = false;
  {
    std::lock_guard lock(mutex_);
    cut_off = !std::exchange(closed_, true);
    watch = std::move(watch_);
  }
  if (env.loop->in_loop() && timer_ != 0) env.loop->cancel(std::exchange(timer_, 0));
  watch.reset();
  // The server stops, and whoever was to send the rest never will.
  if (cut_off && stream_) stream_->end();
  std::lock_guard lock(env.sessions_mutex);
  if (const auto found = env.sessions.find(this); found != env.sessions.end()) {
    owner = std::move(found->second);
    env.sessions.erase(found);
  }
}

bool WatchSession::outdated() const {
  const auto& kind = call_->kind();
  return call_->env->schemas.now()->find_resource(kind.group, kind.version, kind.plural) != &kind;
}

void WatchSession::bookmark() {
  if (!bookmarks_) return;
  {
    std::lock_guard lock(mutex_);
    want_bookmark_ = true;
  }
  pump();
}

void WatchSession::finish() {
  bool now = false;
  {
    std::lock_guard lock(mutex_);
    if (closed_) return;
    want_end_ = true;
    now = waiting_;  // a peer that reads nothing is not waited for
  }
  if (!now) return pump();
  stream_->end();
  closed();
}

// The usual case, a watch that has nothing else to do: from the store's array, which is lent for this call. False: the
// events must be kept.
bool WatchSession::send_at_once(const store::EventPtr* events, size_t count, store::Revision progress) {
  {
    std::lock_guard lock(mutex_);
    const bool free = !closed_ && !busy_ && !waiting_ && phase_ == Phase::kLive && backlog_.empty() && sending_.empty();
    if (!free || count > kStep || stream_->queued() > kWatchHighWater) return false;
    size_t work = 0;
    for (size_t i = 0; i < count; ++i) work += cost_.of(*events[i]->entry);
    if (takes_long(work)) return false;
    busy_ = true;
    replayed_ = true;
    progress_ = std::max(progress_, progress);
  }
  for (size_t i = 0; i < count; ++i) send_event(*events[i]);
  {
    std::lock_guard lock(mutex_);
    busy_ = false;
  }
  pump();  // what was asked for meanwhile
  return true;
}

void WatchSession::receive(const store::EventPtr* events, size_t count, store::Revision progress) {
  if (send_at_once(events, count, progress)) return;
  std::unique_lock lock(mutex_);
  if (closed_ || lost_) return;
  progress_ = std::max(progress_, progress);
  const bool room = backlog_.add(events, count, !std::exchange(replayed_, true));
  if (!room || (waiting_ && outlived())) return give_up(lock);
  lock.unlock();
  pump();
}

// Under mutex_, while nobody sends.
bool WatchSession::outlived() const {
  const auto compacted = call_->env->store.compacted(key_prefix(call_->kind()));
  if (phase_ != Phase::kLive) return from_ < compacted;
  return (next_ < sending_.size() ? sending_[next_]->entry->mod_revision : backlog_.first()) <= compacted;
}

void WatchSession::look_after() {
  std::unique_lock lock(mutex_);
  if (!waiting_ || closed_ || lost_) return;
  const std::chrono::milliseconds patience(call_->env->options.watch_patience_ms);
  if (outlived() || std::chrono::steady_clock::now() - waiting_since_ >= patience) give_up(lock);
}

// The peer is too slow. Who sends right now tells it when he is done.
void WatchSession::give_up(std::unique_lock<std::mutex>& lock) {
  lost_ = true;
  backlog_.take();
  if (std::exchange(busy_, true)) return;
  set_waiting(false);
  lock.unlock();
  end_lost();
}

void WatchSession::end_lost() {
  if (stream_->queued() <= kRoomForLastWord) {
    write(error_frame(*call_, Status::expired("too old resource version: " + std::to_string(last_sent_) + " (" +
                                              std::to_string(call_->env->store.revision()) + ")")));
  }
  drop(initial_);
  drop(sending_);
  charge_.reset();
  stream_->end();
  closed();
}

void WatchSession::pump() {
  std::unique_lock lock(mutex_);
  if (busy_ || waiting_) return;
  busy_ = true;
  send_all(lock);
}

void WatchSession::send_all(std::unique_lock<std::mutex>& lock) {
  while (!closed_) {
    if (lost_) {
      lock.unlock();
      return end_lost();
    }
    if (stream_->queued() > kWatchHighWater) {
      if (!want_end_) return wait_for_peer(lock);
      // finish() came while this thread was sending: as there, a peer that reads nothing is not waited for.
      busy_ = false;
      lock.unlock();
      stream_->end();
      return closed();
    }
    if (long_step()) {
      lock.unlock();
      return call_->env->workers.go_on([self = shared_from_this()] {
        std::unique_lock relock(self->mutex_);
        self->send_all(relock);
      });
    }
    if (!step(lock)) break;
  }
  busy_ = false;
}

void WatchSession::set_waiting(bool waiting) {
  if (waiting_ == waiting) return;
  waiting_ = waiting;
  waiting_since_ = std::chrono::steady_clock::now();
  auto& stalled = call_->env->stalled;
  static_cast<void>(waiting ? ++stalled : --stalled);
}

void WatchSession::wait_for_peer(std::unique_lock<std::mutex>& lock) {
  set_waiting(true);
  busy_ = false;
  lock.unlock();
  stream_->when_drained([weak = weak_from_this()] {
    const auto self = weak.lock();
    if (!self) return;
    {
      std::lock_guard relock(self->mutex_);
      self->set_waiting(false);
    }
    self->pump();
  });
}

bool WatchSession::step(std::unique_lock<std::mutex>& lock) {
  store::Revision revision = 0;
  bool end = false;
  if (phase_ == Phase::kLive && sending_.empty()) {
    if (!backlog_.empty()) {
      std::tie(sending_, charge_) = backlog_.take();
      return true;
    }
    if (std::exchange(want_bookmark_, false)) revision = progress_;
    end = revision == 0 && want_end_;
    if (revision == 0 && !end) return false;
  }
  lock.unlock();
  if (phase_ == Phase::kInitial) {
    send_initial();
  } else if (phase_ == Phase::kSubscribe) {
    subscribe();
  } else if (end) {
    stream_->end();
    closed();
  } else if (revision > last_sent_) {
    send_bookmark(revision, false);
  } else {
    send_events();
  }
  lock.lock();
  return true;
}

bool WatchSession::long_step() const {
  size_t work = 0;
  for (size_t i = next_; i < std::min(next_ + kStep, initial_.size()); ++i) work += cost_.of(*initial_[i]);
  for (size_t i = next_; i < std::min(next_ + kStep, sending_.size()); ++i) work += cost_.of(*sending_[i]->entry);
  return takes_long(work);
}

void WatchSession::send_initial() {
  for (size_t i = 0; i < kStep && next_ < initial_.size(); ++i) {
    const auto entry = stored_.seen(std::move(initial_[next_++]));
    if (selection_.matches(call_->kind(), *entry)) send(EventKind::kAdded, entry);
  }
  if (next_ < initial_.size()) return;
  drop(initial_);
  next_ = 0;
  last_sent_ = from_;
  if (mark_initial_end_) send_bookmark(from_, true);
  phase_ = Phase::kSubscribe;
}

void WatchSession::subscribe() {
  auto& env = *call_->env;
  const std::string prefix = prefix_of(*call_, selection_);
  auto watch = env.store.watch(
      prefix, from_,
      [weak = weak_from_this()](const store::EventPtr* events, size_t count, store::Revision progress) {
        if (auto self = weak.lock()) self->receive(events, count, progress);
      },
      selection_.only);
  if (!watch) {
    write(error_frame(*call_, watch.error()));
    stream_->end();
    return closed();
  }
  phase_ = Phase::kLive;
  std::lock_guard lock(mutex_);
  if (!closed_) watch_ = std::move(*watch);
}

void WatchSession::send_events() {
  for (size_t i = 0; i < kStep && next_ < sending_.size(); ++i) send_event(*std::exchange(sending_[next_++], nullptr));
  if (next_ < sending_.size()) return;
  drop(sending_);
  next_ = 0;
  charge_.reset();
}

void WatchSession::send_event(const store::Event& event) {
  if (stored_.same()) return send_seen(event);
  send_seen(
      {event.type, stored_.seen(event.entry), event.previous == nullptr ? nullptr : stored_.seen(event.previous)});
}

void WatchSession::send_seen(const store::Event& event) {
  const auto& kind = call_->kind();
  const bool was = event.previous != nullptr && selection_.matches(kind, *event.previous);
  const bool is = event.type == store::EventType::kPut && selection_.matches(kind, *event.entry);
  if (is) return send(was ? EventKind::kModified : EventKind::kAdded, event.entry);
  if (!was) return;
  send(EventKind::kDeleted, event.type == store::EventType::kDelete ? event.entry : departed(event));
}

void WatchSession::send(EventKind kind, const store::EntryPtr& entry) {
  const bool first = std::exchange(first_, false);
  const auto shared = stream_->shares() ? call_->env->shared_frames.get(*call_, kind, entry) : nullptr;
  if (!shared) {
    write(event_frame(*call_, kind, entry, first));
  } else if (!stream_->write_shared(shared)) {
    closed();
  }
  last_sent_ = std::max(last_sent_, entry->mod_revision);
}

void WatchSession::send_bookmark(store::Revision revision, bool initial_end) {
  write(bookmark_frame(*call_, revision, initial_end));
  last_sent_ = revision;
}

void WatchSession::write(Frame frame) {
  if (!stream_->write(std::move(frame))) closed();
}

}  // namespace gantry::apiserver
