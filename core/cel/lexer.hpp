// Cuts an expression into tokens. Pure, any thread.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "core/cel/issues.hpp"

namespace gantry::cel {

enum class TokenKind : uint8_t { kEnd, kIdent, kReserved, kInt, kUint, kFloat, kString, kBytes, kMark };

struct Token {
  TokenKind kind;
  uint32_t at;            // offset in bytes
  std::string_view text;  // of the source; keywords (true, false, null, in) are marks
  bool is(std::string_view mark) const { return kind == TokenKind::kMark && text == mark; }
};

// Ends with a token of kEnd. What is no token is an issue and left out.
std::vector<Token> lex(std::string_view source, Issues& issues);

}  // namespace gantry::cel
