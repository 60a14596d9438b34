// Takes the chunked coding off a body (RFC 9112 7.1): strict line ends, bounds for what is no body.
//
// One for each body; linear in its input.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "gantry/status.hpp"

namespace gantry::http {

class ChunkedReader {
 public:
  explicit ChunkedReader(size_t body_limit) : limit_(body_limit) {}

  // Appends what it finds to `body`; returns how many bytes were taken. The rest must come again with more behind it.
  Expected<size_t> feed(std::string_view bytes, std::string& body);
  bool done() const { return state_ == State::kDone; }
  void set_limit(size_t body_limit) { limit_ = body_limit; }

 private:
  enum class State : uint8_t { kSize, kData, kDataEnd, kTrailer, kDone };
  // Takes a line and its CRLF from the front; 0 when it is not whole yet.
  Expected<size_t> take_line(std::string_view bytes, std::string_view& line);
  Status read_size(std::string_view line, size_t have);
  Status read_trailer(std::string_view line);

  State state_ = State::kSize;
  size_t limit_, left_ = 0, extra_ = 0;
};

}  // namespace gantry::http
