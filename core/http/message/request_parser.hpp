// Bytes to one http::Request, with limits. Linear in its input, in whatever pieces it comes.
//
// One for each request while it is being read; used on the connection's loop.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "core/http/http.hpp"
#include "core/http/message/chunked_reader.hpp"
#include "core/http/message/request_head.hpp"
#include "gantry/status.hpp"

namespace gantry::http {

class RequestParser {
 public:
  RequestParser(size_t head_limit, size_t body_limit) : head_limit_(head_limit), body_limit_(body_limit) {}

  // Returns how many bytes were taken; the rest must come again with more behind it.
  size_t feed(std::string_view bytes);
  bool head_done() const { return head_.has_value(); }
  bool done() const { return done_; }
  // Set when the bytes are no request, or too large a one: nothing behind them can be trusted.
  const Status& error() const { return error_; }
  // Bytes that are kept, or will be: the head and the body. The body's length counts as soon as it is known.
  size_t held() const;

  // After head_done().
  const http::Request& head() const { return head_->request; }
  http::Request& head() { return head_->request; }
  bool expects_continue() const { return head_->expects_continue; }
  bool keep_alive() const { return head_->keep_alive; }
  bool chunks_allowed() const { return head_->version_11; }
  // A smaller limit than before; error() when more is announced or there already.
  void limit_body(size_t limit);
  // After done().
  http::Request take();

 private:
  size_t feed_head(std::string_view bytes);
  size_t feed_body(std::string_view bytes);
  void fail(Status why) { error_ = std::move(why); }
  Status too_large() const;

  const size_t head_limit_;
  size_t body_limit_;
  size_t scanned_ = 0, head_size_ = 0;
  bool led_by_empty_line_ = false, done_ = false;
  Status error_;
  std::optional<RequestHead> head_;
  std::optional<ChunkedReader> chunked_;
  std::string body_;
};

}  // namespace gantry::http
