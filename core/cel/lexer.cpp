// Owns the tokens of expressions, by the grammar of CEL's language definition. Pure, any thread.
#include "core/cel/lexer.hpp"

#include <algorithm>
#include <array>
#include <string>

namespace gantry::cel {
namespace {

bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_hex(char c) { return is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F'); }
bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_'; }
bool is_space(char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '\f'; }

constexpr std::array<std::string_view, 17> kReserved = {"as",        "break",  "const",  "continue", "else", "for",
                                                        "function",  "if",     "import", "let",      "loop", "package",
                                                        "namespace", "return", "var",    "void",     "while"};
constexpr std::array<std::string_view, 4> kKeywords = {"true", "false", "null", "in"};
// The longer ones first.
constexpr std::array<std::string_view, 25> kMarks = {"&&", "||", "==", "!=", "<=", ">=", "<", ">", "+",
                                                     "-",  "*",  "/",  "%",  "!",  "?",  ":", ".", ",",
                                                     "(",  ")",  "[",  "]",  "{",  "}",  "="};

template <typename List>
bool holds(const List& list, std::string_view text) {
  return std::find(list.begin(), list.end(), text) != list.end();
}

class Lexer {
 public:
  Lexer(std::string_view source, Issues& issues) : source_(source), issues_(issues) {}

  std::vector<Token> run() {
    while (skip_blanks()) next();
    put(TokenKind::kEnd, source_.size());
    return std::move(tokens_);
  }

 private:
  char peek(size_t at) const { return at < source_.size() ? source_[at] : '\0'; }

  bool skip_blanks() {
    while (pos_ < source_.size()) {
      if (is_space(source_[pos_])) {
        ++pos_;
      } else if (source_.substr(pos_, 2) == "//") {
        pos_ = std::min(source_.find('\n', pos_), source_.size());
      } else {
        return true;
      }
    }
    return false;
  }

  void put(TokenKind kind, size_t end) {
    tokens_.push_back({kind, static_cast<uint32_t>(pos_), source_.substr(pos_, end - pos_)});
    pos_ = end;
  }

  void refuse(size_t end) {
    issues_.add(static_cast<uint32_t>(pos_),
                "Syntax error: token recognition error at: '" + std::string(source_.substr(pos_, end - pos_)) + "'");
    pos_ = end;
  }

  void next() {
    const char c = source_[pos_];
    if (const size_t quote = quoted()) return text_literal(quote);
    if (is_letter(c)) return word();
    if (is_digit(c) || (c == '.' && is_digit(peek(pos_ + 1)))) return number();
    for (std::string_view mark : kMarks) {
      if (!source_.substr(pos_).starts_with(mark)) continue;
      if (mark == "=") break;  // no operator by itself
      return put(TokenKind::kMark, pos_ + mark.size());
    }
    // The two that begin a longer operator take what follows with them.
    const bool begun = c == '|' || c == '&' || c == '=';
    const size_t first = pos_ + code_point_size(source_.substr(pos_));
    refuse(begun && first < source_.size() ? first + code_point_size(source_.substr(first)) : first);
  }

  // How far it is to the quote when a string begins here, and 1 more; 0: none does.
  size_t quoted() const {
    size_t at = pos_;
    bool raw = false, bytes = false;
    for (; at < pos_ + 2; ++at) {
      const char c = peek(at);
      if ((c == 'r' || c == 'R') && !raw)
        raw = true;
      else if ((c == 'b' || c == 'B') && !bytes && !raw)
        bytes = true;
      else
        break;
    }
    const char c = peek(at);
    return c == '"' || c == '\'' ? at - pos_ + 1 : 0;
  }

  // Where the text ends that begins with `end` at `open`; npos: nowhere.
  size_t text_end(size_t open, std::string_view end, bool raw) const {
    for (size_t at = open + end.size(); at < source_.size(); ++at) {
      const char c = source_[at];
      if (source_.substr(at, end.size()) == end) return at + end.size();
      if (c == '\\' && !raw) ++at;
      if ((c == '\n' || c == '\r') && end.size() == 1) break;
    }
    return std::string_view::npos;
  }

  void text_literal(size_t quote) {
    const std::string_view prefix = source_.substr(pos_, quote - 1);
    const bool raw = prefix.find_first_of("rR") != std::string_view::npos;
    const bool bytes = prefix.find_first_of("bB") != std::string_view::npos;
    const size_t open = pos_ + quote - 1;
    const std::string one(1, source_[open]), three(3, source_[open]);
    const TokenKind kind = bytes ? TokenKind::kBytes : TokenKind::kString;
    size_t end = std::string_view::npos;
    if (source_.substr(open, 3) == three && no_end_ != three[0]) {
      end = text_end(open, three, raw);
      if (end == std::string_view::npos) no_end_ = three[0];  // nor will a later one find any
    }
    if (end == std::string_view::npos) end = text_end(open, one, raw);
    if (end != std::string_view::npos) return put(kind, end);
    if (!prefix.empty()) return word();
    refuse(std::min(source_.find_first_of("\n\r", pos_), source_.size() - 1) + 1);
  }

  void word() {
    size_t end = pos_;
    while (is_letter(peek(end)) || is_digit(peek(end))) ++end;
    const std::string_view text = source_.substr(pos_, end - pos_);
    put(holds(kKeywords, text)   ? TokenKind::kMark
        : holds(kReserved, text) ? TokenKind::kReserved
                                 : TokenKind::kIdent,
        end);
  }

  size_t digits(size_t at) const {
    while (is_digit(peek(at))) ++at;
    return at;
  }

  void number() {
    size_t end = pos_;
    if (peek(end) == '0' && peek(end + 1) == 'x' && is_hex(peek(end + 2))) {
      end += 2;
      while (is_hex(peek(end))) ++end;
      return whole(end);
    }
    end = digits(end);
    bool fraction = false;
    if (peek(end) == '.' && is_digit(peek(end + 1))) {
      fraction = true;
      end = digits(end + 1);
    }
    if (peek(end) == 'e' || peek(end) == 'E') {
      const size_t sign = peek(end + 1) == '+' || peek(end + 1) == '-' ? 1 : 0;
      if (is_digit(peek(end + 1 + sign))) {
        fraction = true;
        end = digits(end + 1 + sign);
      }
    }
    if (fraction) return put(TokenKind::kFloat, end);
    whole(end);
  }

  void whole(size_t end) {
    const bool is_unsigned = peek(end) == 'u' || peek(end) == 'U';
    put(is_unsigned ? TokenKind::kUint : TokenKind::kInt, end + (is_unsigned ? 1 : 0));
  }

  std::string_view source_;
  Issues& issues_;
  std::vector<Token> tokens_;
  size_t pos_ = 0;
  char no_end_ = '\0';  // the quote of a long text that has no end
};

}  // namespace

std::vector<Token> lex(std::string_view source, Issues& issues) { return Lexer(source, issues).run(); }

}  // namespace gantry::cel
