// Inside of selectors: the query language's text, and what a requirement must be. Pure functions, any thread.
#pragma once

#include <string_view>
#include <vector>

#include "core/schema/selector/selector.hpp"

namespace gantry::schema {

// What a message shows of a text that may be of any length.
inline constexpr size_t kShown = 256;

// "a=b,c!=d,e in (x,y),!f,g>1". Error: BadRequest with upstream's text.
Expected<std::vector<LabelSelector::Requirement>> parse_requirements(std::string_view text);

Status check_requirement(const LabelSelector::Requirement& requirement);

// A whole number, as "Gt" and "Lt" compare.
bool parse_int(std::string_view text, int64_t& value);

}  // namespace gantry::schema
