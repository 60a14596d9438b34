// The difference of two texts as a patch shows it: hunks of lines with three lines around them, without file names.
// Pure, any thread.
#pragma once

#include <string>
#include <string_view>

namespace gantry::kinds {

// Empty: they are the same. Where very many lines differ, all of these are shown as replaced.
std::string unified_diff(std::string_view before, std::string_view after);

}  // namespace gantry::kinds
