#include "gantry/json_text.hpp"

namespace gantry::sdk {

std::string json_string(std::string_view text) {
  constexpr std::string_view kHex = "0123456789abcdef";
  std::string out = "\"";
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') {
      out.append(1, '\\').append(1, c);
    } else if (byte < 0x20) {
      out.append("\\u00").append(1, kHex[byte >> 4]).append(1, kHex[byte & 15]);
    } else {
      out += c;
    }
  }
  return out += '"';
}

void add_json_member(std::string& object, std::string_view key, std::string_view value) {
  if (object.back() != '{') object += ',';
  object.append(json_string(key)).append(":").append(json_string(value));
}

}  // namespace gantry::sdk
