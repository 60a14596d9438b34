#include "core/http/message/request_parser.hpp"

#include <algorithm>

namespace gantry::http {
namespace {

constexpr size_t kMostFields = 1'000;

}  // namespace

Status RequestParser::too_large() const {
  return Status::too_large("Request entity too large: limit is " + std::to_string(body_limit_));
}

// Looks for the empty line, going on where the last piece ended.
size_t RequestParser::feed_head(std::string_view bytes) {
  for (;;) {
    const size_t end = bytes.substr(0, head_limit_).find('\n', scanned_);
    if (end == bytes.npos) {
      scanned_ = std::min(bytes.size(), head_limit_);
      if (bytes.size() >= head_limit_) fail({431, "BadRequest", "request header fields too large"});
      return 0;
    }
    if (end == 0 || bytes[end - 1] != '\r') {
      fail(Status::bad_request("malformed HTTP request: a line of the head does not end with CRLF"));
      return 0;
    }
    scanned_ = end + 1;
    if (end == 1) {
      // Old clients send one empty line too many behind a body.
      if (std::exchange(led_by_empty_line_, true)) fail(Status::bad_request("malformed HTTP request: empty lines"));
      scanned_ = 0;
      return 2;
    }
    if (bytes[end - 2] == '\n') break;
  }
  auto head = parse_head(bytes.substr(0, scanned_), kMostFields);
  if (!head) {
    fail(std::move(head).error());
    return 0;
  }
  head_ = std::move(*head);
  head_size_ = scanned_;
  if (head_->framing == Framing::kChunked) chunked_.emplace(body_limit_);
  done_ = head_->framing == Framing::kNone;
  if (head_->framing == Framing::kLength && head_->length > body_limit_) fail(too_large());
  return scanned_;
}

size_t RequestParser::feed_body(std::string_view bytes) {
  if (chunked_) {
    auto used = chunked_->feed(bytes, body_);
    if (!used) fail(std::move(used).error());
    done_ = chunked_->done();
    return used ? *used : 0;
  }
  if (body_.empty()) body_.reserve(head_->length);
  const size_t part = std::min(bytes.size(), head_->length - body_.size());
  body_.append(bytes.substr(0, part));
  done_ = body_.size() == head_->length;
  return part;
}

size_t RequestParser::feed(std::string_view bytes) {
  if (!error_.ok() || done_ || bytes.empty()) return 0;
  return head_ ? feed_body(bytes) : feed_head(bytes);
}

size_t RequestParser::held() const {
  if (!head_) return 0;
  return head_size_ + (chunked_ ? body_.capacity() : std::max(head_->length, body_.size()));
}

void RequestParser::limit_body(size_t limit) {
  body_limit_ = limit;
  if (chunked_) chunked_->set_limit(limit);
  if (std::max(head_->length, body_.size()) > limit) fail(too_large());
}

http::Request RequestParser::take() {
  auto request = std::move(head_->request);
  request.body = std::move(body_);
  return request;
}

}  // namespace gantry::http
