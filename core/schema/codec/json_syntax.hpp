// Inside of the codecs: what is wrong with a JSON text, in the words of Go's scanner. Pure, any thread.
#pragma once

#include <string>
#include <string_view>

namespace gantry::schema {

// `invalid character '}' looking for beginning of value`, `unexpected end of JSON input`. Empty: nothing is, or it lies
// deeper than documents may be.
std::string syntax_error(std::string_view json);

}  // namespace gantry::schema
