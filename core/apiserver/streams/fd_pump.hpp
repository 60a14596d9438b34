// Between descriptors and the network, without a thread for each: logs into streams, and the two halves
// that exec sessions are made of.
//
// Everything runs on the event loop that is passed in (any loop; one for all pumps will do:
// `io::EventLoop::start("pumps")`). Descriptors are pipes or sockets and become non-blocking.
#pragma once

#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "core/files/unique_fd.hpp"
#include "core/http/http.hpp"
#include "core/http/io/event_loop.hpp"

namespace gantry::streams {

// Copies what comes out of `fd` (owned from here on) to the stream and ends it at the end. Reads no
// faster than the peer does; closes `fd` when the peer is gone. [any-thread]
void pump_log(std::shared_ptr<io::EventLoop> loop, int fd, std::shared_ptr<http::Stream> stream);

// Reads a descriptor until its end. All but create() on the loop.
class FdSource : public io::EventLoop::Watcher, public std::enable_shared_from_this<FdSource> {
 public:
  using Data = std::function<void(std::string_view)>;
  static std::shared_ptr<FdSource> create(std::shared_ptr<io::EventLoop> loop, int fd, Data data,
                                          std::function<void()> ended);
  void start();
  void pause(bool paused);
  bool paused() const { return paused_; }
  void close();  // `ended` won't be called
  void on_ready(uint32_t events) override;

 private:
  FdSource(std::shared_ptr<io::EventLoop> loop, int fd, Data data, std::function<void()> ended);
  const std::shared_ptr<io::EventLoop> loop_;
  io::UniqueFd fd_;
  std::shared_ptr<Data> data_;  // shared: a callback may close its own source
  std::function<void()> ended_;
  bool paused_ = false;
};

// Writes to a descriptor what it is given, in order; keeps what does not fit. All but create() on the loop.
class FdSink : public io::EventLoop::Watcher, public std::enable_shared_from_this<FdSink> {
 public:
  // `written` is told how many bytes left the queue (also when they are dropped because nobody reads).
  static std::shared_ptr<FdSink> create(std::shared_ptr<io::EventLoop> loop, int fd,
                                        std::function<void(size_t)> written);
  void write(std::string bytes);
  void finish();  // closes after what is queued
  void close();
  void on_ready(uint32_t events) override;

 private:
  FdSink(std::shared_ptr<io::EventLoop> loop, int fd, std::function<void(size_t)> written);
  void flush();
  const std::shared_ptr<io::EventLoop> loop_;
  io::UniqueFd fd_;
  std::function<void(size_t)> written_;
  std::deque<std::string> queue_;
  size_t offset_ = 0;  // into the first
  bool finished_ = false, watching_ = false;
};

}  // namespace gantry::streams
