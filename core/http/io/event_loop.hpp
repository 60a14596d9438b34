// One thread that waits for descriptors, timers and posted work: the only thing the transports block on.
//
// A Boost.Asio io_context with one thread. Descriptors are waited for, not read: asio::ssl::stream keeps two 17 KB
// buffers and a BIO pair for each connection, where an idle watch should cost OpenSSL's own state and nothing else.
// Asio's headers stay in the .cpp. Used by the HTTPS server (one loop a thread), the HTTPS client, and the pumps of
// logs and exec sessions.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>

namespace gantry::io {

class EventLoop {
 public:
  using Clock = std::chrono::steady_clock;
  using TimerId = uint64_t;

  // Told when its descriptor is ready: EPOLLIN, EPOLLOUT, EPOLLHUP, EPOLLERR. [loop]
  class Watcher {
   public:
    virtual ~Watcher() = default;
    virtual void on_ready(uint32_t events) = 0;
  };

  // Woken by wake(). [loop]
  class Wakeable {
   public:
    virtual ~Wakeable() = default;
    virtual void on_wake() = 0;
  };

  // Starts the thread. Everybody who may post from elsewhere holds a shared pointer, so that late posts
  // find a loop that drops them and not freed memory. Throws std::system_error, or Boost's, where no thread or no
  // descriptor is left; what starts a loop starts with its program.
  static std::shared_ptr<EventLoop> start(const std::string& name);
  ~EventLoop();
  EventLoop(const EventLoop&) = delete;
  EventLoop& operator=(const EventLoop&) = delete;

  // Runs what was posted before, forgets descriptors and timers, joins. Not from the loop. Idempotent.
  void stop();
  // Runs `work` on the loop, in order; dropped after stop(). [any-thread]
  void post(std::function<void()> work);
  // As a post of who->on_wake(), if he still lives then; without allocating. [any-thread]
  void wake(std::weak_ptr<Wakeable> who);
  bool in_loop() const;

  // The rest only on the loop. Level triggered; the loop keeps the watcher alive until remove().
  void add(int fd, uint32_t events, std::shared_ptr<Watcher> watcher);
  void modify(int fd, uint32_t events);
  void remove(int fd);
  TimerId after(Clock::duration delay, std::function<void()> work);
  void cancel(TimerId timer);
  // 64 KiB for whoever runs now; nothing in it survives the callback.
  std::span<char> scratch();

 private:
  struct Impl;
  EventLoop();
  std::unique_ptr<Impl> impl_;
};

}  // namespace gantry::io
