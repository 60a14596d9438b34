// The little JSON that patches are made of. Pure, any thread.
#pragma once

#include <string>
#include <string_view>

namespace gantry::sdk {

// In quotes, with what JSON wants escaped. Bytes that are no UTF-8 stay as they are: the server refuses them.
std::string json_string(std::string_view text);

// Appends "key":"value" to an object that is being written: "{" or what has members already.
void add_json_member(std::string& object, std::string_view key, std::string_view value);

}  // namespace gantry::sdk
