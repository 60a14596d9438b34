// Lists of indexes as Indexed jobs have them: "1,3-5,7". Pure functions, any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "gantry/status.hpp"

namespace gantry::kinds {

// How many indexes below `completions` a list names; or what is wrong with it.
Expected<int64_t> count_indexes(std::string_view list, int64_t completions);
// The first index that both lists name. What is wrong in them is passed over.
std::optional<int64_t> common_index(std::string_view a, std::string_view b, int64_t completions);

}  // namespace gantry::kinds
