// Rules of constants that are read as something: timestamp("..."), duration("..."). Used by the
// checker.
#pragma once

#include "core/cel/ast.hpp"
#include "core/cel/issues.hpp"

namespace gantry::cel {

bool has_literal_rules(const Call& call);
// Says what is wrong with the constants that a call is given.
void check_literals(const Call& call, Issues& issues);

}  // namespace gantry::cel
