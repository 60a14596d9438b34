// Bytes to one HTTP/1.1 response, its body in pieces as they come. Keeps Beast's headers out of here.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "core/http/http.hpp"
#include "gantry/status.hpp"

namespace gantry::http {

class ResponseParser {
 public:
  explicit ResponseParser(bool head_request);
  ~ResponseParser();
  // Returns how many bytes were taken.
  size_t feed(std::string_view bytes);
  void feed_end();  // the connection ended: perhaps the end of the body
  bool head_done() const;
  bool done() const;
  const Status& error() const;
  int code() const;
  http::Headers headers() const;
  bool keep_alive() const;
  std::string take_body();  // what has come since the last call

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace gantry::http
