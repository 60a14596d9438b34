// What a descriptor set that comes from outside must be to be served: the rules, each with a sentence that names what
// breaks it. Pure functions, any thread; called by registry.cpp.
#pragma once

#include <memory>
#include <string_view>
#include <vector>

#include "core/schema/tree/tree.hpp"

namespace gantry::schema {

// Reads a set, fills in what an author may leave out (verbs, the list message, columns), and checks all that can be
// seen in it alone. Files that `builtin` has too are passed over.
Expected<std::unique_ptr<Tree>> build_extension(std::string_view descriptors, const Tree& builtin);

// Whether its names are free beside what others have.
Status check_against(const Tree& tree, const std::vector<const Tree*>& others);

}  // namespace gantry::schema
