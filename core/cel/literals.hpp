// Values of literals. Pure, any thread.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "core/cel/ast.hpp"

namespace gantry::cel {

// What a string literal says, quotes and prefix included; with what is wrong of it as `problem`.
std::optional<std::string> read_text(std::string_view literal, bool bytes, std::string& problem);
// Of digits, "0x" and "u" included; none: out of range.
std::optional<int64_t> read_int(std::string_view literal, bool negative);
std::optional<uint64_t> read_uint(std::string_view literal);
std::optional<double> read_double(std::string_view literal);

// Appends a code point in UTF-8.
void put_code_point(uint32_t point, std::string& out);

}  // namespace gantry::cel
