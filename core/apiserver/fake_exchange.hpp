// For tests: an Exchange that keeps what it is answered, and lets the test wait for it.
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "core/http/http.hpp"

namespace gantry::apiserver {

// What is shared by everything that collects: wait until something is so, with a deadline.
class Waitable {
 public:
  template <typename Condition>
  bool wait(Condition condition) {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, std::chrono::seconds(20), condition);
  }

 protected:
  template <typename Work>
  void change(Work work) {
    {
      std::lock_guard lock(mutex_);
      work();
    }
    changed_.notify_all();
  }
  std::mutex mutex_;
  std::condition_variable changed_;
};

class FakeStream : public http::Stream, public Waitable {
 public:
  bool write(std::vector<http::Chunk> message) override {
    bool here = false;
    change([&] {
      for (const auto& chunk : message) text_ += chunk.bytes;
      here = !gone_;
    });
    return here;
  }
  size_t queued() const override { return 0; }
  void when_drained(std::function<void()> ready) override { ready(); }
  void end() override {
    change([&] { ended_ = true; });
  }
  void on_close(std::function<void()> closed) override {
    bool gone = false;
    change([&] {
      gone = gone_;
      if (!gone) closed_ = std::move(closed);
    });
    if (gone) closed();
  }
  // The peer goes away.
  void disconnect() {
    std::function<void()> closed;
    change([&] {
      gone_ = true;
      closed = std::exchange(closed_, nullptr);
    });
    if (closed) closed();
  }
  bool wait_end() {
    return wait([this] { return ended_; });
  }
  std::string text() {
    std::lock_guard lock(mutex_);
    return text_;
  }
  bool wait_text(const std::string& part) {
    return wait([&] { return text_.find(part) != std::string::npos; });
  }

 private:
  std::string text_;
  bool ended_ = false, gone_ = false;
  std::function<void()> closed_;
};

class FakeSocket : public http::MessageStream, public Waitable {
 public:
  void start(std::function<void(bool, std::string_view)> message, std::function<void()> ended) override {
    change([&] {
      message_ = std::move(message);
      ended_ = std::move(ended);
    });
  }
  void pause(bool) override {}
  bool write(bool, std::string message) override {
    change([&] { sent_.push_back(std::move(message)); });
    return true;
  }
  size_t queued() const override { return 0; }
  void close(uint16_t, std::string) override {
    change([&] { closed_ = true; });
    disconnect();
  }
  void deliver(std::string_view message) {
    std::function<void(bool, std::string_view)> call;
    change([&] { call = message_; });
    if (call) call(true, message);
  }
  void disconnect() {
    // Let go of both, as a real one does: what they hold holds this socket.
    std::function<void(bool, std::string_view)> message;
    std::function<void()> ended;
    change([&] {
      message = std::exchange(message_, nullptr);
      ended = std::exchange(ended_, nullptr);
    });
    if (ended) ended();
  }
  bool wait_closed() {
    return wait([this] { return closed_; });
  }
  // All that was sent on a channel, which is a message's first byte.
  std::string channel(char number) {
    std::lock_guard lock(mutex_);
    std::string out;
    for (const auto& message : sent_) {
      if (!message.empty() && message[0] == number) out += message.substr(1);
    }
    return out;
  }

 private:
  std::function<void(bool, std::string_view)> message_;
  std::function<void()> ended_;
  std::vector<std::string> sent_;
  bool closed_ = false;
};

class FakeExchange : public http::Exchange, public Waitable {
 public:
  bool open() const override { return !left_; }
  // The peer goes away before he is answered.
  void leave() {
    left_ = true;
    std::function<void()> left;
    change([&] { left = std::exchange(when_left_, nullptr); });
    if (left) left();
  }
  void when_left(std::function<void()> left) override {
    if (left_) return left();
    change([&] { when_left_ = std::move(left); });
  }
  void respond(http::Response response) override {
    change([&] {
      response_ = std::move(response);
      ++answers_;
    });
  }
  std::shared_ptr<http::Stream> start_stream(int code, std::string content_type) override {
    change([&] {
      response_.code = code;
      response_.content_type = std::move(content_type);
      stream_ = std::make_shared<FakeStream>();
      ++answers_;
    });
    return stream_;
  }
  // As a transport that can't: it answers itself.
  std::shared_ptr<http::ByteStream> upgrade_bytes(http::Headers) override {
    change([&] {
      response_.code = 400;
      ++answers_;
    });
    return nullptr;
  }
  std::shared_ptr<http::MessageStream> upgrade_websocket(std::string) override {
    change([&] {
      socket_ = std::make_shared<FakeSocket>();
      ++answers_;
    });
    return socket_;
  }

  bool wait_answer() {
    return wait([this] { return answers_ > 0; });
  }
  // After wait_answer().
  int answers() {
    std::lock_guard lock(mutex_);
    return answers_;
  }
  const http::Response& response() const { return response_; }
  int code() const { return response_.code; }
  std::string body() const {
    std::string out;
    for (const auto& chunk : response_.body) out += chunk.bytes;
    return out;
  }
  std::string header(std::string_view name) const {
    for (const auto& [key, value] : response_.headers) {
      if (key == name) return value;
    }
    return {};
  }
  std::shared_ptr<FakeStream> stream() const { return stream_; }
  std::shared_ptr<FakeSocket> socket() const { return socket_; }

 private:
  std::atomic<bool> left_{false};
  std::function<void()> when_left_;
  http::Response response_;
  int answers_ = 0;
  std::shared_ptr<FakeStream> stream_;
  std::shared_ptr<FakeSocket> socket_;
};

}  // namespace gantry::apiserver
