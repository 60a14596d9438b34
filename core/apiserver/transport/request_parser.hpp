// Bytes to one http::Request, with limits. Wraps Boost.Beast's parser and keeps its headers out of here.
//
// One for each request while it is being read; used on the connection's loop.
#pragma once

#include <cstdint>
#include <memory>
#include <string_view>

#include "core/client/http.hpp"
#include "gantry/status.hpp"

namespace gantry::transport {

class RequestParser {
 public:
  RequestParser(uint32_t header_limit, size_t body_limit);
  ~RequestParser();

  // Returns how many bytes were taken; the rest must come again with more behind it.
  size_t feed(std::string_view bytes);
  bool head_done() const;
  bool done() const;
  // Set when the bytes are no request, or too large a one.
  const Status& error() const;
  bool expects_continue() const;
  // After done().
  bool keep_alive() const;
  bool chunks_allowed() const;  // HTTP/1.1
  http::Request take();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace gantry::transport
