// For tests: a tree as text, "_+_(a, 1)".
#pragma once

#include <gtest/gtest.h>

#include <string>

#include "core/cel/parser.hpp"

namespace gantry::cel::testing {

class Printer {
 public:
  std::string operator()(const ExprPtr& expr) { return expr != nullptr ? std::visit(*this, expr->node) : "?"; }

  std::string operator()(const Constant& value) { return std::visit(*this, value); }
  std::string operator()(const Null&) { return "null"; }
  std::string operator()(bool value) { return value ? "true" : "false"; }
  std::string operator()(int64_t value) { return std::to_string(value); }
  std::string operator()(uint64_t value) { return std::to_string(value) + "u"; }
  std::string operator()(double value) { return std::to_string(value); }
  std::string operator()(const std::string& value) { return "\"" + value + "\""; }
  std::string operator()(const Bytes& value) { return "b\"" + value.bytes + "\""; }
  std::string operator()(const Ident& ident) { return ident.name; }
  std::string operator()(const Select& select) {
    return (*this)(select.target) + "." + select.field + (select.test ? "~test" : "");
  }
  std::string operator()(const Call& call) {
    std::string out = (call.target != nullptr ? (*this)(call.target) + "." : "") + call.function + "(";
    for (size_t i = 0; i < call.args.size(); ++i) out += (i > 0 ? ", " : "") + (*this)(call.args[i]);
    return out + ")";
  }
  std::string operator()(const MakeList& list) {
    std::string out;
    for (const Element& one : list.elements) {
      out += (out.empty() ? "" : ", ") + std::string(one.optional ? "?" : "") + (*this)(one.value);
    }
    return "[" + out + "]";
  }
  std::string operator()(const MakeMap& map) { return "{" + entries(map.entries) + "}"; }
  std::string operator()(const MakeMessage& message) { return message.type + "{" + entries(message.entries) + "}"; }
  std::string operator()(const Comprehension& fold) {
    return "fold(" + fold.iter + (fold.iter2.empty() ? "" : ", " + fold.iter2) + " : " + (*this)(fold.range) + "; " +
           fold.accu + " = " + (*this)(fold.init) + "; " + (*this)(fold.condition) + "; " + (*this)(fold.step) + "; " +
           (*this)(fold.result) + ")";
  }

 private:
  std::string entries(const std::vector<Entry>& list) {
    std::string out;
    for (const Entry& one : list) {
      out += (out.empty() ? "" : ", ") + std::string(one.optional ? "?" : "");
      out += (one.key != nullptr ? (*this)(one.key) : one.field) + ": " + (*this)(one.value);
    }
    return out;
  }
};

// The tree, or what is wrong.
inline std::string parsed(std::string_view text) {
  Issues issues(text);
  const ExprPtr expr = parse(text, issues);
  EXPECT_EQ(expr != nullptr, issues.empty()) << text;
  return expr != nullptr ? Printer()(expr) : issues.text();
}

}  // namespace gantry::cel::testing
