// One running watch: first what is there (when asked for), then the store's changes, as events of one stream.
//
// The Environment owns it from open() until the peer leaves, its time is up, it is too slow, or the server stops.
// Changes come on the store's notifier thread, time on the server's event loop, drained buffers on network threads; one
// of them at a time sends, without holding a lock, so that a reader may close its watch while it is being told
// something. What takes long to put together is sent by a worker.
#pragma once

#include <memory>
#include <mutex>

#include "core/apiserver/request/call.hpp"
#include "core/apiserver/verbs/listing.hpp"
#include "core/apiserver/verbs/stored.hpp"
#include "core/apiserver/watch/backlog.hpp"

namespace gantry::apiserver {

class WatchSession : public std::enable_shared_from_this<WatchSession> {
 public:
  struct Start {
    Selection selection;
    store::Revision from = 0;
    std::vector<store::EntryPtr> initial;  // sent as ADDED
    bool mark_initial_end = false;
    bool bookmarks = false;
    std::chrono::seconds timeout{0};
  };
  // Takes the call over and sends what it can at once. [any-thread]
  static void open(const CallPtr& call, Start start);

  WatchSession(CallPtr call, Start start);
  ~WatchSession();
  // Tells the peer how far it is, when that is news. [any-thread]
  void bookmark();
  // Whether its kind is no longer the one that is served. [any-thread]
  bool outdated() const;
  // Ends the watch if its peer has been waited for too long, or if what waits is older than what the store keeps.
  // [any-thread]
  void look_after();
  // Ends the stream, after what is on its way. [any-thread]
  void finish();
  // Gives everything back; at the latest the server's stop() does. Not from within the store's callback of this watch.
  void release();

 private:
  enum class Phase : uint8_t { kInitial, kSubscribe, kLive };

  bool begin();
  void set_timeout();
  void closed();  // the peer is gone, or nothing more will be sent
  void receive(const store::EventPtr* events, size_t count, store::Revision progress);
  bool send_at_once(const store::EventPtr* events, size_t count, store::Revision progress);
  void pump();
  void send_all(std::unique_lock<std::mutex>& lock);  // as the one who sends
  bool step(std::unique_lock<std::mutex>& lock);      // false: nothing to do
  void wait_for_peer(std::unique_lock<std::mutex>& lock);
  void set_waiting(bool waiting);  // under mutex_
  bool outlived() const;
  void give_up(std::unique_lock<std::mutex>& lock);
  void end_lost();
  // Called by the one who sends; lock free.
  bool long_step() const;
  void send_initial();
  void subscribe();
  void send_events();
  void send_event(const store::Event& event);
  void send_seen(const store::Event& event);  // of versions as the call's kind has them
  void send(EventKind kind, const store::EntryPtr& entry);
  void send_bookmark(store::Revision revision, bool initial_end);
  void write(Frame frame);

  const CallPtr call_;
  const Selection selection_;
  const std::chrono::seconds timeout_;
  const bool bookmarks_, mark_initial_end_;
  const StoredAs stored_;
  const ReadingCost cost_;
  std::shared_ptr<http::Stream> stream_;

  std::mutex mutex_;
  bool busy_ = false, waiting_ = false, closed_ = false;
  bool want_bookmark_ = false, want_end_ = false;
  bool replayed_ = false;  // the store has told what was there when the watch began
  bool lost_ = false;      // the peer is too slow, and is told so as soon as nobody sends
  std::chrono::steady_clock::time_point waiting_since_;
  Backlog backlog_;
  store::Revision progress_ = 0;
  std::unique_ptr<store::Watch> watch_;

  // The sender's.
  Phase phase_ = Phase::kInitial;
  std::vector<store::EntryPtr> initial_;
  std::vector<store::EventPtr> sending_;
  limits::Charge charge_;  // for sending_
  size_t next_ = 0;        // of initial_, then of sending_
  store::Revision from_ = 0, last_sent_ = 0;
  bool first_ = true;
  // The event loop's.
  io::EventLoop::TimerId timer_ = 0;
};

}  // namespace gantry::apiserver
