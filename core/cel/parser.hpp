// Reads expressions: CEL as Kubernetes takes it, optional syntax and macros included. Pure, any thread.
#pragma once

#include <string_view>

#include "core/cel/ast.hpp"
#include "core/cel/issues.hpp"

namespace gantry::cel {

inline constexpr size_t kMostCodePoints = 100'000;
inline constexpr size_t kDeepestExpression = 250;
// What macros make of an expression, in nodes.
inline constexpr size_t kMostNodes = 200'000;

// Of the tree, in which a macro is deeper than it looks.
inline constexpr size_t kDeepestTree = 4 * kDeepestExpression;

// None, and why is in the issues.
ExprPtr parse(std::string_view text, Issues& issues);

}  // namespace gantry::cel
