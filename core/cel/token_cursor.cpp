// Owns ANTLR's words for tokens that do not fit, and the bounds of depth. One parser, one thread.
#include "core/cel/token_cursor.hpp"

#include "core/cel/parser.hpp"

namespace gantry::cel {

TokenCursor::Deeper::Deeper(TokenCursor& cursor) : cursor_(cursor) {
  if (++cursor_.depth_ <= kDeepestExpression || cursor_.stopped_) return;
  cursor_.fail(kNowhere, "expression recursion limit exceeded: " + std::to_string(kDeepestExpression));
}

bool TokenCursor::take(std::string_view mark) {
  if (!at(mark)) return false;
  ++pos_;
  return true;
}

bool TokenCursor::expect(std::string_view mark) {
  if (stopped_) return false;
  if (take(mark)) return true;
  const std::string quoted = "'" + std::string(mark) + "'";
  if (now().kind == TokenKind::kEnd) {
    wrong("missing", quoted);
  } else if (next_after().is(mark)) {
    pass_over(quoted);
    return take(mark);
  } else {
    wrong("mismatched", quoted);
  }
  return false;
}

void TokenCursor::fail(uint32_t place, std::string message) {
  issues_.add(place, std::move(message));
  stopped_ = true;
}

void TokenCursor::wrong(std::string_view how, const std::string& expected) {
  const std::string shown = now().kind == TokenKind::kEnd ? "<EOF>" : std::string(now().text);
  std::string message = "Syntax error: " + std::string(how);
  message += how == "missing" ? " " + expected + " at '" + shown + "'" : " input '" + shown + "' expecting " + expected;
  fail(now().at, std::move(message));
}

void TokenCursor::pass_over(const std::string& expected) {
  wrong("extraneous", expected);
  stopped_ = false;
  ++pos_;
}

bool TokenCursor::chain(size_t& length) {
  if (stopped_) return false;
  if (++length + depth_ <= kDeepestExpression) return true;
  fail(kNowhere, "max recursion depth exceeded");
  return false;
}

size_t TokenCursor::message_open() const {
  for (size_t i = pos_;; i += 2) {
    if (tokens_[i].kind != TokenKind::kIdent && tokens_[i].kind != TokenKind::kReserved) return 0;
    if (tokens_[i + 1].is("{")) return i + 1;
    if (!tokens_[i + 1].is(".")) return 0;
  }
}

}  // namespace gantry::cel
