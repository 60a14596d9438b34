// What waits to be sent on one connection by writers on other threads, with its bound.
//
// Streams push from any thread; the connection takes on its loop. It outlives neither: both hold it.
#pragma once

#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "core/http/http.hpp"
#include "core/http/io/event_loop.hpp"
#include "core/limits/account.hpp"

namespace gantry::http {

class Outbox {
 public:
  // Called on the loop when there is something to take, or the end was asked for.
  class Reader : public io::EventLoop::Wakeable {
   public:
    virtual void on_outbox() = 0;

   private:
    void on_wake() final { on_outbox(); }
  };

  // Chunks that are the connection's own are charged to `account` (may be null), all of them count for `bound`.
  // `terminator`: what ends the stream on the wire ("0\r\n\r\n"), sent by finish().
  Outbox(std::shared_ptr<io::EventLoop> loop, std::weak_ptr<Reader> reader, size_t bound,
         std::shared_ptr<limits::Account> account, std::string terminator = {});

  // False: the peer is gone, the end was sent, or more than the bound or the account allows waits (then the connection
  // dies).
  bool push(std::vector<http::Chunk> chunks);
  bool push(http::Chunk chunk);
  // Nothing more will be pushed; the connection closes, or goes on with its next request, after it.
  void finish();
  size_t queued() const;
  void when_drained(std::function<void()> ready);
  void on_close(std::function<void()> closed);
  void post(std::function<void()> work) { loop_->post(std::move(work)); }
  std::shared_ptr<Reader> reader() const { return reader_.lock(); }

  // The connection's side. [loop]
  // Asks for the next wake, too. False: more was pushed than the bound or the account allows, the connection must die.
  bool take(std::deque<http::Chunk>& into);
  void sent(size_t bytes);
  void close();
  bool finished() const;

 private:
  bool admit(size_t size, size_t own);  // under mutex_, as the next
  void schedule();

  const std::shared_ptr<io::EventLoop> loop_;
  const std::weak_ptr<Reader> reader_;
  const size_t bound_;
  const std::string terminator_;
  mutable std::mutex mutex_;
  std::vector<http::Chunk> pending_;
  size_t queued_ = 0;
  limits::Charge charge_;  // for own chunks: what was pushed of them, or all that waits when that is less
  bool scheduled_ = false, finished_ = false, closed_ = false, overflowed_ = false;
  std::vector<std::function<void()>> drained_, on_close_;
};

}  // namespace gantry::http
