// Owns the reading of label selectors. Called by selector.cpp; pure, any thread.
#include "core/schema/selector_parse.hpp"

#include <charconv>
#include <set>
#include <string>

#include "core/schema/text.hpp"
#include "core/schema/values.hpp"

namespace gantry::schema {
namespace {

using Op = LabelSelector::Op;
using Requirement = LabelSelector::Requirement;

Status invalid_value(const std::string& path, std::string_view value, const std::string& why) {
  return Status::bad_request(cut(path, kShown) + ": Invalid value: " + quoted(cut(value, kShown)) + ": " + why);
}

enum class Token : uint8_t {
  kError,
  kEnd,
  kClose,
  kComma,
  kNot,
  kDoubleEquals,
  kEquals,
  kGreater,
  kIdentifier,
  kIn,
  kLess,
  kNotEquals,
  kNotIn,
  kOpen
};

struct Lexeme {
  Token token = Token::kEnd;
  std::string text;
};

bool is_special(char c) { return std::string_view("=!(),><").find(c) != std::string_view::npos; }
bool is_space(char c) { return c == ' ' || c == '\t' || c == '\r' || c == '\n'; }

Token symbol(std::string_view text) {
  if (text == ")") return Token::kClose;
  if (text == ",") return Token::kComma;
  if (text == "!") return Token::kNot;
  if (text == "==") return Token::kDoubleEquals;
  if (text == "=") return Token::kEquals;
  if (text == ">") return Token::kGreater;
  if (text == "<") return Token::kLess;
  if (text == "!=") return Token::kNotEquals;
  if (text == "(") return Token::kOpen;
  return Token::kError;
}

std::vector<Lexeme> scan(std::string_view text) {
  std::vector<Lexeme> out;
  size_t at = 0;
  while (at < text.size()) {
    size_t start = at;
    if (is_space(text[at])) {
      ++at;
    } else if (is_special(text[at])) {
      at += symbol(text.substr(at, 2)) != Token::kError && at + 1 < text.size() ? 2 : 1;
      std::string_view piece = text.substr(start, at - start);
      out.push_back({symbol(piece), std::string(piece)});
    } else {
      while (at < text.size() && !is_space(text[at]) && !is_special(text[at])) ++at;
      std::string_view piece = text.substr(start, at - start);
      Token token = piece == "in" ? Token::kIn : piece == "notin" ? Token::kNotIn : Token::kIdentifier;
      out.push_back({token, std::string(piece)});
    }
  }
  out.push_back({});
  return out;
}

Status found(const Lexeme& lexeme, std::string_view expected) {
  return Status::bad_request("found '" + cut(lexeme.text, kShown) + "', expected: " + std::string(expected));
}

// Recursive descent over the tokens, one function a rule of the grammar.
class Parser {
 public:
  explicit Parser(std::string_view text) : lexemes_(scan(text)) {}

  Expected<std::vector<Requirement>> parse() {
    std::vector<Requirement> out;
    for (;;) {
      Token token = value_token();
      if (token == Token::kEnd) return out;
      if (token != Token::kIdentifier && token != Token::kNot) {
        return found(peek(), "!, identifier, or 'end of string'");
      }
      Requirement requirement;
      if (Status status = parse_one(requirement); !status.ok()) {
        return std::move(status).in("unable to parse requirement");
      }
      out.push_back(std::move(requirement));
      token = value_token();
      if (token == Token::kEnd) return out;
      if (token != Token::kComma) return found(peek(), "',' or 'end of string'");
      ++at_;
      token = value_token();
      if (token != Token::kIdentifier && token != Token::kNot) {
        return found(peek(), "identifier after ','");
      }
    }
  }

 private:
  const Lexeme& peek() const { return lexemes_[at_]; }
  const Lexeme& take() { return at_ + 1 < lexemes_.size() ? lexemes_[at_++] : lexemes_[at_]; }
  // Where a value may stand, "in" and "notin" are ordinary words.
  Token value_token() const {
    Token token = peek().token;
    return token == Token::kIn || token == Token::kNotIn ? Token::kIdentifier : token;
  }

  Status parse_one(Requirement& out) {
    bool negated = value_token() == Token::kNot;
    if (negated) take();
    if (value_token() != Token::kIdentifier) return found(peek(), "identifier");
    out.key = take().text;
    if (std::string why = check_format("qualified-name", out.key); !why.empty()) {
      return invalid_value("<nil>", out.key, why);
    }
    if (negated || value_token() == Token::kEnd || value_token() == Token::kComma) {
      out.op = negated ? Op::kNotExists : Op::kExists;
      return {};
    }
    const Lexeme& op = peek();
    Status status;
    switch (op.token) {
      case Token::kIn:
      case Token::kNotIn:
        out.op = op.token == Token::kIn ? Op::kIn : Op::kNotIn;
        take();
        status = parse_set(out.values);
        break;
      case Token::kEquals:
      case Token::kDoubleEquals:
      case Token::kNotEquals:
      case Token::kGreater:
      case Token::kLess:
        out.op = op.token == Token::kGreater     ? Op::kGreater
                 : op.token == Token::kLess      ? Op::kLess
                 : op.token == Token::kNotEquals ? Op::kNotIn
                                                 : Op::kIn;
        take();
        status = parse_exact(out.values);
        break;
      default:
        return found(op, "in, notin, =, ==, !=, gt, lt");
    }
    return status.ok() ? check_requirement(out) : status;
  }

  Status parse_exact(std::vector<std::string>& values) {
    Token token = value_token();
    if (token == Token::kEnd || token == Token::kComma) {
      values.emplace_back();
      return {};
    }
    if (token != Token::kIdentifier) return found(peek(), "identifier");
    values.push_back(take().text);
    return {};
  }

  Status parse_set(std::vector<std::string>& values) {
    if (peek().token != Token::kOpen) {
      return Status::bad_request("found '" + cut(peek().text, kShown) + "' expected: '('");
    }
    take();
    std::set<std::string> set;
    Token token = value_token();
    if (token == Token::kIdentifier || token == Token::kComma) {
      if (Status status = parse_list(set); !status.ok()) return status;
      if (peek().token != Token::kClose) return found(peek(), "')'");
    } else if (token != Token::kClose) {
      return found(peek(), "',', ')' or identifier");
    }
    take();
    values.assign(set.begin(), set.end());
    return {};
  }

  // An empty place between commas is the empty value.
  Status parse_list(std::set<std::string>& set) {
    for (;;) {
      Token token = value_token();
      if (token == Token::kIdentifier) {
        set.insert(take().text);
        token = value_token();
        if (token == Token::kClose) return {};
        if (token != Token::kComma) return found(peek(), "',' or ')'");
      } else if (token == Token::kComma) {
        take();
        if (set.empty()) set.emplace();
        token = value_token();
        if (token == Token::kClose) {
          set.emplace();
          return {};
        }
        if (token == Token::kComma) {
          take();
          set.emplace();
        }
      } else {
        return found(peek(), "',', or identifier");
      }
    }
  }

  std::vector<Lexeme> lexemes_;
  size_t at_ = 0;
};

}  // namespace

bool parse_int(std::string_view text, int64_t& value) {
  if (text.size() > 1 && text[0] == '+') text.remove_prefix(1);
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc() && end == text.data() + text.size() && !text.empty();
}

Status check_requirement(const Requirement& requirement) {
  if (std::string why = check_format("qualified-name", requirement.key); !why.empty()) {
    return invalid_value("key", requirement.key, why);
  }
  bool set = requirement.op == Op::kIn || requirement.op == Op::kNotIn;
  if (set && requirement.values.empty()) {
    return Status::bad_request("values: Invalid value: []: for 'in', 'notin' operators, values set can't be empty");
  }
  bool exists = requirement.op == Op::kExists || requirement.op == Op::kNotExists;
  if (exists && !requirement.values.empty()) {
    std::string list;
    for (const auto& value : requirement.values) {
      if (list.size() <= kShown) list += (list.empty() ? "" : ",") + quoted(cut(value, kShown));
    }
    return Status::bad_request("values: Invalid value: [" + cut(list, kShown) +
                               "]: values set must be empty for exists and does not exist");
  }
  for (size_t i = 0; i < requirement.values.size(); ++i) {
    const std::string& value = requirement.values[i];
    std::string path = "values[" + std::to_string(i) + "]";
    int64_t number = 0;
    if (!set && !parse_int(value, number)) {
      return invalid_value(path, value, "for 'Gt', 'Lt' operators, the value must be an integer");
    }
    if (std::string why = check_format("label-value", value); !why.empty()) {
      return invalid_value(path + "[" + requirement.key + "]", value, why);
    }
  }
  return {};
}

Expected<std::vector<Requirement>> parse_requirements(std::string_view text) { return Parser(text).parse(); }

}  // namespace gantry::schema
