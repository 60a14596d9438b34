// Where a parser is in its tokens, how deep it is, and what it says of a token that does not fit. One parser, one
// thread.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "core/cel/lexer.hpp"

namespace gantry::cel {

class TokenCursor {
 protected:
  TokenCursor(std::string_view text, Issues& issues) : issues_(issues), tokens_(lex(text, issues)) {}

  // One rule within another.
  struct Deeper {
    explicit Deeper(TokenCursor& cursor);
    ~Deeper() { --cursor_.depth_; }
    Deeper(const Deeper&) = delete;
    Deeper& operator=(const Deeper&) = delete;
    TokenCursor& cursor_;
  };

  const Token& now() const { return tokens_[pos_]; }
  const Token& next_after() const { return tokens_[pos_ + 1 < tokens_.size() ? pos_ + 1 : pos_]; }
  // Nothing is, once parsing has stopped.
  bool at(std::string_view mark) const { return !stopped_ && now().is(mark); }
  bool take(std::string_view mark);
  // The same of a mark that must be there.
  bool expect(std::string_view mark);

  // Nothing more is read.
  void fail(uint32_t place, std::string message);
  // "missing", "extraneous" or "mismatched", and what was expected.
  void wrong(std::string_view how, const std::string& expected);
  // One token too much is passed over, so that what follows is told as well.
  void pass_over(const std::string& expected);
  // A chain ("a.b.c", "1 + 2 + 3") is as deep as it is long; false: it is too long.
  bool chain(size_t& length);

  // The token "{" of a message's name here; 0: there is none.
  size_t message_open() const;

  Issues& issues_;
  std::vector<Token> tokens_;
  size_t pos_ = 0, depth_ = 0;
  bool stopped_ = false;
};

}  // namespace gantry::cel
