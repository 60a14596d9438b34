// Small text helpers of the schema room: base64, UTF-8, Go's JSON strings. Any thread.
#pragma once

#include <string>
#include <string_view>

namespace gantry::schema {

std::string base64_encode(std::string_view bytes);
// False when the text is no padded base64 (line breaks are allowed, as Go allows them).
bool base64_decode(std::string_view text, std::string& out);
// Where Go says that such a text is none.
size_t base64_error(std::string_view text);

bool valid_utf8(std::string_view text);

// Appends a JSON string in quotes, escaped as Go's encoding/json does (<, >, & and U+2028/9 too).
void append_json_string(std::string& out, std::string_view text);

// %q of Go, near enough for messages.
std::string quoted(std::string_view text);

// The text, or its first `most` bytes (whole characters) and "...". For messages, whose parts are a client's.
std::string cut(std::string_view text, size_t most);
// A name within a path in a message is cut from here on.
inline constexpr size_t kLongestName = 128;

}  // namespace gantry::schema
