// The head of one HTTP/1.1 request, read to the letter of RFC 9112: what a proxy in front and this server could read in
// two ways is refused. Pure functions, linear in their input.
#pragma once

#include <cstddef>
#include <string_view>

#include "core/http/http.hpp"
#include "gantry/status.hpp"

namespace gantry::http {

enum class Framing : uint8_t { kNone, kLength, kChunked };

struct RequestHead {
  http::Request request;  // without a body
  Framing framing = Framing::kNone;
  size_t length = 0;  // kLength
  bool keep_alive = true;
  bool version_11 = true;
  bool expects_continue = false;
};

// `head`: from the request line to the empty line, both with their CRLF.
Expected<RequestHead> parse_head(std::string_view head, size_t most_fields);

// "name: value" without its CRLF, as a name in lower case and a trimmed value; for heads and trailers.
Expected<std::pair<std::string, std::string>> parse_field(std::string_view line);

}  // namespace gantry::http
