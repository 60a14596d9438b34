// The text of HTTP/1.1 responses: heads, chunk frames, the transport's own Status bodies. Pure functions.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "core/http/http.hpp"
#include "gantry/status.hpp"

namespace gantry::http {

struct HeadOptions {
  std::optional<size_t> content_length;
  bool chunked = false;
  bool close = false;
};

std::string response_head(int code, std::string_view content_type, const http::Headers& headers,
                          const HeadOptions& options);
// "1a\r\n"
std::string chunk_head(size_t size);
// The refusal of what is no request: "malformed HTTP request: WHAT".
Status malformed(std::string_view what);
// A Status as the JSON response that the handler would make of it.
http::Response status_response(const Status& status);
std::string_view reason_phrase(int code);
bool equals_ignoring_case(std::string_view a, std::string_view b);
// Whether a comma-separated header value has this token, in any case.
bool has_token(std::string_view value, std::string_view token);

}  // namespace gantry::http
