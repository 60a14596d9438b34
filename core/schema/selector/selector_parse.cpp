// Owns the reading of label selectors. Called by selector.cpp; pure, any thread.
#include "core/schema/selector/selector_parse.hpp"

#include <algorithm>
#include <charconv>
#include <string>
#include <utility>

#include "core/schema/values/text.hpp"
#include "core/schema/values/values.hpp"

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
  std::string_view text;
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

// Takes the first word off a text.
Lexeme next_word(std::string_view& rest) {
  while (!rest.empty() && is_space(rest.front())) rest.remove_prefix(1);
  if (rest.empty()) return {};
  size_t size = 0;
  Token token = Token::kIdentifier;
  if (is_special(rest.front())) {
    size = rest.size() > 1 && symbol(rest.substr(0, 2)) != Token::kError ? 2 : 1;
    token = symbol(rest.substr(0, size));
  } else {
    while (size < rest.size() && !is_space(rest[size]) && !is_special(rest[size])) ++size;
    const auto word = rest.substr(0, size);
    if (word == "in" || word == "notin") token = word == "in" ? Token::kIn : Token::kNotIn;
  }
  const Lexeme out{token, rest.substr(0, size)};
  rest.remove_prefix(size);
  return out;
}

Status found(const Lexeme& lexeme, std::string_view expected) {
  return Status::bad_request("found '" + cut(lexeme.text, kShown) + "', expected: " + std::string(expected));
}

// Recursive descent over the tokens, one function a rule of the grammar.
class Parser {
 public:
  explicit Parser(std::string_view text) : rest_(text), word_(next_word(rest_)) {}

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
      take();
      token = value_token();
      if (token != Token::kIdentifier && token != Token::kNot) {
        return found(peek(), "identifier after ','");
      }
    }
  }

 private:
  const Lexeme& peek() const { return word_; }
  Lexeme take() { return std::exchange(word_, next_word(rest_)); }
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
    const Lexeme op = peek();
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
    values.emplace_back(take().text);
    return {};
  }

  Status parse_set(std::vector<std::string>& values) {
    if (peek().token != Token::kOpen) {
      return Status::bad_request("found '" + cut(peek().text, kShown) + "' expected: '('");
    }
    take();
    Token token = value_token();
    if (token == Token::kIdentifier || token == Token::kComma) {
      if (Status status = parse_list(values); !status.ok()) return status;
      if (peek().token != Token::kClose) return found(peek(), "')'");
    } else if (token != Token::kClose) {
      return found(peek(), "',', ')' or identifier");
    }
    take();
    std::sort(values.begin(), values.end());
    values.erase(std::unique(values.begin(), values.end()), values.end());
    return {};
  }

  // An empty place between commas is the empty value.
  Status parse_list(std::vector<std::string>& set) {
    for (;;) {
      Token token = value_token();
      if (token == Token::kIdentifier) {
        set.emplace_back(take().text);
        token = value_token();
        if (token == Token::kClose) return {};
        if (token != Token::kComma) return found(peek(), "',' or ')'");
      } else if (token == Token::kComma) {
        take();
        if (set.empty()) set.emplace_back();
        token = value_token();
        if (token == Token::kClose) {
          set.emplace_back();
          return {};
        }
        if (token == Token::kComma) {
          take();
          set.emplace_back();
        }
      } else {
        return found(peek(), "',', or identifier");
      }
    }
  }

  std::string_view rest_;
  Lexeme word_;
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
