// Reads and checks an expression: what it says, and of which type that is. Pure, any thread.
#pragma once

#include <string_view>

#include "core/cel/ast.hpp"
#include "core/cel/environment.hpp"
#include "core/cel/issues.hpp"

namespace gantry::cel {

struct Compiled {
  ExprPtr expr;
  TypePtr type;
};

// What is wrong is in the issues, and then there is no type.
Compiled compile(std::string_view text, const Environment& environment, Issues& issues);

// The type of a tree, if nothing is wrong with it.
TypePtr check(const Expr& expr, const Environment& environment, Issues& issues);

}  // namespace gantry::cel
