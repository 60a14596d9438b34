// One watch: what the store says has changed, as events of the form the watcher asked for.
//
// Events come on the store's notifier thread, one at a time. Bytes are those of the stored version (or its protobuf
// form, made once), shared by every watcher; a watcher that takes too little is dropped by its stream. Ends when the peer is gone, at
// its timeout, or with the server; then it lets go of the store's watch.
#pragma once

#include <memory>
#include <mutex>

#include "core/apiserver/environment.hpp"
#include "core/apiserver/forms.hpp"
#include "core/apiserver/listing.hpp"

namespace gantry::apiserver {

class WatchSession : public std::enable_shared_from_this<WatchSession> {
 public:
  WatchSession(CallPtr call, Selection selection, std::shared_ptr<http::Stream> stream);
  ~WatchSession();

  // How the watch begins.
  struct Begin {
    store::Revision from = 0;
    bool initial_events = false;   // the state first, as ADDED
    bool mark_their_end = false;   // and a bookmark behind it
  };
  void start(const Begin& begin);
  void finish();

 private:
  void on_events(const store::EventPtr* events, size_t count, store::Revision progress);
  bool send_event(const store::Event& event);
  bool send(EventKind kind, const store::EntryPtr& entry);
  void send_error(const Status& status);
  bool send_bookmark(store::Revision revision, bool initial_end);
  void arm_timeout();

  const CallPtr call_;
  const Selection selection_;
  const std::shared_ptr<http::Stream> stream_;
  bool bookmarks_ = false;
  bool table_begun_ = false;        // columns were sent
  int64_t last_bookmark_ns_ = 0;
  io::EventLoop::TimerId timer_ = 0;  // on the loop only

  std::mutex mutex_;
  bool finished_ = false;           // by mutex_
  std::unique_ptr<store::Watch> watch_;
};

}  // namespace gantry::apiserver
