// Owned bytes as a piece of a body, and whole messages. [any-thread]
#include "core/http/http.hpp"

#include <charconv>

namespace gantry::http {

Chunk make_chunk(std::string text) {
  auto owner = std::make_shared<const std::string>(std::move(text));
  return {*owner, owner, true};
}

std::shared_ptr<const Framed> make_framed(const std::vector<Chunk>& message) {
  auto framed = std::make_shared<Framed>();
  for (const auto& chunk : message) framed->body_size += chunk.bytes.size();
  char digits[24];
  const auto end = std::to_chars(digits, digits + sizeof digits, framed->body_size, 16).ptr;
  auto& text = framed->text;
  text.reserve(static_cast<size_t>(end - digits) + framed->body_size + 4);
  text.append(digits, end).append("\r\n");
  framed->body_at = text.size();
  for (const auto& chunk : message) text.append(chunk.bytes);
  text.append("\r\n");
  return framed;
}

}  // namespace gantry::http
