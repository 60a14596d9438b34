// Owns the grammar: recursive descent over the tokens, with ANTLR's words for what does not fit, as upstream's parser
// has them. Pure, any thread.
#include "core/cel/parser.hpp"

#include <algorithm>
#include <limits>

#include "core/cel/literals.hpp"
#include "core/cel/macros.hpp"
#include "core/cel/token_cursor.hpp"

namespace gantry::cel {
namespace {

// What may begin an operand, with what else may stand there, in the order of upstream's token numbers.
std::string operands(bool list_end = false, bool map_end = false, bool call_end = false) {
  std::string out = "{'[', ";
  if (list_end) out += "']', ";
  out += "'{', ";
  if (map_end) out += "'}', ";
  out += "'(', ";
  if (call_end) out += "')', ";
  out += list_end || map_end ? "'.', ',', '-', '!', '?', " : "'.', '-', '!', ";
  return out + "'true', 'false', 'null', NUM_FLOAT, NUM_INT, NUM_UINT, STRING, BYTES, IDENTIFIER}";
}

bool begins_operand(const Token& token) {
  if (token.kind == TokenKind::kEnd || token.kind == TokenKind::kReserved) return false;
  if (token.kind != TokenKind::kMark) return true;
  for (std::string_view mark : {"[", "{", "(", ".", "-", "!", "true", "false", "null"}) {
    if (token.text == mark) return true;
  }
  return false;
}

class Parser : private TokenCursor {
 public:
  Parser(std::string_view text, Issues& issues) : TokenCursor(text, issues) {}

  ExprPtr run() {
    ExprPtr expr = expression();
    if (!stopped_ && now().kind != TokenKind::kEnd) {
      wrong(next_after().kind == TokenKind::kEnd ? "extraneous" : "mismatched", "<EOF>");
    }
    if (nodes_.too_deep() && !stopped_) fail(kNowhere, "max recursion depth exceeded");
    if (nodes_.too_many() && !stopped_) fail(kNowhere, "expression node limit exceeded: " + std::to_string(kMostNodes));
    return issues_.empty() ? std::move(expr) : nullptr;
  }

 private:
  ExprPtr expression() {
    const Deeper deeper(*this);
    if (stopped_) return nullptr;
    ExprPtr condition = either();
    const uint32_t place = now().at;
    if (!take("?")) return condition;
    ExprPtr yes = either();
    if (!expect(":")) return nullptr;
    ExprPtr no = expression();
    return nodes_.call(place, "_?_:_", std::move(condition), std::move(yes), std::move(no));
  }

  ExprPtr either() {
    return logical("||", "_||_", [this] { return logical("&&", "_&&_", [this] { return relation(); }); });
  }

  // Long ones become a balanced tree, whose depth hardly grows with them.
  template <typename Operand>
  ExprPtr logical(std::string_view mark, const std::string& function, const Operand& operand) {
    std::vector<ExprPtr> terms;
    std::vector<uint32_t> places;
    terms.push_back(operand());
    while (at(mark)) {
      places.push_back(now().at);
      ++pos_;
      terms.push_back(operand());
    }
    if (stopped_) return nullptr;
    return balanced(function, terms, places, 0, terms.size());
  }

  ExprPtr balanced(const std::string& function, std::vector<ExprPtr>& terms, const std::vector<uint32_t>& places,
                   size_t begin, size_t end) {
    if (end - begin == 1) return std::move(terms[begin]);
    const size_t middle = begin + (end - begin + 1) / 2;
    ExprPtr left = balanced(function, terms, places, begin, middle);
    return nodes_.call(places[middle - 1], function, std::move(left), balanced(function, terms, places, middle, end));
  }

  ExprPtr relation() {
    static constexpr std::pair<std::string_view, std::string_view> kRelations[] = {
        {"<", "_<_"}, {"<=", "_<=_"}, {">=", "_>=_"}, {">", "_>_"}, {"==", "_==_"}, {"!=", "_!=_"}, {"in", "@in"}};
    return binary(kRelations, [this] { return sum(); });
  }
  ExprPtr sum() {
    static constexpr std::pair<std::string_view, std::string_view> kSums[] = {{"+", "_+_"}, {"-", "_-_"}};
    return binary(kSums, [this] { return product(); });
  }
  ExprPtr product() {
    static constexpr std::pair<std::string_view, std::string_view> kProducts[] = {
        {"*", "_*_"}, {"/", "_/_"}, {"%", "_%_"}};
    return binary(kProducts, [this] { return unary(); });
  }

  template <typename Table, typename Operand>
  ExprPtr binary(const Table& table, const Operand& operand) {
    ExprPtr left = operand();
    for (size_t length = 0;;) {
      const auto found =
          std::find_if(std::begin(table), std::end(table), [&](const auto& row) { return at(row.first); });
      if (found == std::end(table) || !chain(length)) return left;
      const uint32_t place = now().at;
      ++pos_;
      ExprPtr right = operand();
      left = nodes_.call(place, std::string(found->second), std::move(left), std::move(right));
    }
  }

  // Signs of one kind; two of them are none.
  ExprPtr unary() {
    const Token first = now();
    if (stopped_ || (!first.is("!") && !first.is("-"))) return member();
    size_t signs = 0;
    while (take(first.text)) ++signs;
    const bool number = now().kind == TokenKind::kInt || now().kind == TokenKind::kFloat;
    if (first.is("-")) {
      if (at("!")) return no_way("-" + std::string(now().text));
      if (number && signs == 1) {
        --pos_;  // the sign is the number's
        return member();
      }
    } else if (at("-") && next_after().kind != TokenKind::kInt && next_after().kind != TokenKind::kFloat) {
      ++pos_;
      return no_way("-" + std::string(now().text));
    }
    ExprPtr operand = member();
    if (signs % 2 == 0) return operand;
    return nodes_.call(first.at, first.is("!") ? "!_" : "-_", std::move(operand));
  }

  ExprPtr no_way(const std::string& input) {
    fail(now().at, "Syntax error: no viable alternative at input '" + input + "'");
    return nullptr;
  }

  ExprPtr member() {
    ExprPtr expr = primary();
    for (size_t length = 0;;) {
      if (!at(".") && !at("[")) return expr;
      if (!chain(length)) return nullptr;
      const Token open = now();
      ++pos_;
      const bool optional = take("?");
      expr = open.is("[") ? index(open, optional, std::move(expr)) : select(open, optional, std::move(expr));
    }
  }

  ExprPtr index(const Token& open, bool optional, ExprPtr target) {
    ExprPtr key = expression();
    if (!expect("]")) return nullptr;
    return nodes_.call(open.at, optional ? "_[?_]" : "_[_]", std::move(target), std::move(key));
  }

  ExprPtr select(const Token& dot, bool optional, ExprPtr target) {
    const Token name = now();
    if (name.kind != TokenKind::kIdent && name.kind != TokenKind::kReserved) {
      if (name.is("in")) return no_way(".in");
      wrong("mismatched", "IDENTIFIER");
      return nullptr;
    }
    ++pos_;
    if (optional) {
      return nodes_.call(dot.at, "_?._", std::move(target), nodes_.constant(name.at, std::string(name.text)));
    }
    const uint32_t open = now().at;
    if (!take("(")) return nodes_.make(dot.at, Select{std::move(target), std::string(name.text), false});
    return called(open, std::string(name.text), std::move(target));
  }

  ExprPtr called(uint32_t open, std::string function, ExprPtr target) {
    Call call{std::move(target), std::move(function), {}};
    if (!take(")")) {
      if (now().kind == TokenKind::kEnd) {
        wrong("mismatched", operands(false, false, true));
        return nullptr;
      }
      do {
        call.args.push_back(expression());
      } while (take(","));
      if (!expect(")")) return nullptr;
    }
    ExprPtr made = nodes_.make(open, std::move(call));
    // What has holes is no use to a macro.
    if (made != nullptr && issues_.empty() && !nodes_.too_many() && !nodes_.too_deep())
      expand_macro(made, nodes_, issues_);
    return made;
  }

  ExprPtr primary() {
    if (stopped_) return nullptr;
    if (!begins_operand(now()) && now().kind != TokenKind::kReserved) {
      const bool too_much = begins_operand(next_after()) && now().kind != TokenKind::kEnd;
      if (!too_much) {
        wrong("mismatched", operands());
        return nullptr;
      }
      pass_over(operands());
      if (at("-") || at("!")) return again();
    }
    const Token token = now();
    if (token.is("(")) return in_parentheses();
    if (token.is("[")) return list();
    if (token.is("{")) return map();
    if (token.is(".") || token.kind == TokenKind::kIdent || token.kind == TokenKind::kReserved) return named();
    return literal();
  }

  // After a token too much, what follows may have signs.
  ExprPtr again() {
    const Deeper deeper(*this);
    return unary();
  }

  ExprPtr in_parentheses() {
    ++pos_;
    ExprPtr inner = expression();
    return expect(")") ? std::move(inner) : nullptr;
  }

  // An identifier, a call, or a message.
  ExprPtr named() {
    std::string name;
    if (take(".")) name = ".";
    const Token token = now();
    if (const size_t open = message_open()) return message(open, std::move(name));
    if (token.kind == TokenKind::kReserved) {
      fail(token.at, "reserved identifier: " + std::string(token.text));
      return nullptr;
    }
    if (token.kind != TokenKind::kIdent) {
      wrong("mismatched", "IDENTIFIER");
      return nullptr;
    }
    ++pos_;
    name += token.text;
    const uint32_t open = now().at;
    if (take("(")) return called(open, std::move(name), nullptr);
    return nodes_.ident(token.at, std::move(name));
  }

  ExprPtr message(size_t open, std::string name) {
    for (; pos_ < open; ++pos_) name += now().text;
    const uint32_t place = now().at;
    ++pos_;
    MakeMessage made{std::move(name), {}};
    while (!stopped_ && !at("}")) {
      if (take(",")) break;
      const bool optional = take("?");
      const Token field = now();
      if (field.kind != TokenKind::kIdent && field.kind != TokenKind::kReserved) {
        wrong("mismatched", optional ? "{IDENTIFIER, ESC_IDENTIFIER}" : "{'}', ',', '?', IDENTIFIER, ESC_IDENTIFIER}");
        return nullptr;
      }
      ++pos_;
      const uint32_t colon = now().at;
      if (!expect(":")) return nullptr;
      made.entries.push_back({colon, nullptr, std::string(field.text), expression(), optional});
      if (!take(",")) break;
    }
    return expect("}") ? nodes_.make(place, std::move(made)) : nullptr;
  }

  // Whether an element may begin here; what is at the end of the text is said with all that might.
  bool more(std::string_view end, const std::string& expected) {
    if (stopped_ || at(end)) return false;
    if (now().kind == TokenKind::kEnd) wrong("mismatched", expected);
    return !stopped_;
  }

  ExprPtr list() {
    const uint32_t place = now().at;
    ++pos_;
    MakeList made;
    while (more("]", operands(true))) {
      if (take(",")) break;
      const bool optional = take("?");
      made.elements.push_back({expression(), optional});
      if (!take(",")) break;
    }
    return expect("]") ? nodes_.make(place, std::move(made)) : nullptr;
  }

  ExprPtr map() {
    const uint32_t place = now().at;
    ++pos_;
    MakeMap made;
    while (more("}", operands(false, true))) {
      if (take(",")) break;
      const bool optional = take("?");
      ExprPtr key = expression();
      const uint32_t colon = now().at;
      if (!expect(":")) return nullptr;
      made.entries.push_back({colon, std::move(key), {}, expression(), optional});
      if (!take(",")) break;
    }
    return expect("}") ? nodes_.make(place, std::move(made)) : nullptr;
  }

  template <typename Value>
  ExprPtr number(uint32_t place, const std::optional<Value>& value, std::string_view kind) {
    if (value) return nodes_.constant(place, *value);
    issues_.add(place, "invalid " + std::string(kind) + " literal");
    return nullptr;
  }

  ExprPtr literal() {
    const uint32_t place = now().at;
    const bool negative = take("-");
    const Token token = now();
    ++pos_;
    switch (token.kind) {
      case TokenKind::kInt:
        return number(place, read_int(token.text, negative), "int");
      case TokenKind::kUint:
        return number(place, read_uint(token.text), "uint");
      case TokenKind::kFloat: {
        auto value = read_double(token.text);
        if (value && negative) value = -*value;
        return number(place, value, "double");
      }
      case TokenKind::kString:
      case TokenKind::kBytes:
        return text(token);
      default:
        break;
    }
    if (token.is("null")) return nodes_.constant(place, Null{});
    return nodes_.constant(place, token.is("true"));
  }

  ExprPtr text(const Token& token) {
    const bool bytes = token.kind == TokenKind::kBytes;
    std::string problem;
    auto value = read_text(token.text, bytes, problem);
    if (!value) {
      issues_.add(token.at, std::move(problem));
      return nullptr;
    }
    if (bytes) return nodes_.constant(token.at, Bytes{std::move(*value)});
    return nodes_.constant(token.at, std::move(*value));
  }

  Nodes nodes_;
};

}  // namespace

ExprPtr parse(std::string_view text, Issues& issues) {
  const size_t size = code_points(text);
  if (size > kMostCodePoints || text.size() >= std::numeric_limits<uint32_t>::max()) {
    issues.add(kNowhere, "expression code point size exceeds limit: size: " + std::to_string(size) + ", limit " +
                             std::to_string(kMostCodePoints));
    return nullptr;
  }
  return Parser(text, issues).run();
}

}  // namespace gantry::cel
