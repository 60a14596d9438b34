// Macros: has, all, exists, map and their like, and what they stand for. Used by the parser alone.
#pragma once

#include "core/cel/ast.hpp"
#include "core/cel/issues.hpp"

namespace gantry::cel {

// Makes nodes at one place of the text, and counts all that one expression has.
class Nodes {
 public:
  ExprPtr make(uint32_t at, Node node);
  ExprPtr ident(uint32_t at, std::string name) { return make(at, Ident{std::move(name)}); }
  ExprPtr constant(uint32_t at, Constant value) { return make(at, std::move(value)); }
  ExprPtr call(uint32_t at, std::string function, std::vector<ExprPtr> args);
  template <typename... Args>
  ExprPtr call(uint32_t at, std::string function, Args... args) {
    std::vector<ExprPtr> list;
    (list.push_back(std::move(args)), ...);
    return call(at, std::move(function), std::move(list));
  }
  ExprPtr copy(const Expr& expr);
  // There are more than an expression may have, or one above the other: none is made then any more.
  bool too_many() const;
  bool too_deep() const { return too_deep_; }

 private:
  size_t count_ = 0;
  bool too_deep_ = false;
};

// Replaces a call that is a macro by what it stands for. False: it is none, or is wrong, which is in the issues.
bool expand_macro(ExprPtr& call, Nodes& nodes, Issues& issues);

}  // namespace gantry::cel
