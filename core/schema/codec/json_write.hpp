// Inside of the codecs: plain JSON text with sorted keys, as Go writes maps, and which values are empty. Any thread.
#pragma once

#include <algorithm>
#include <boost/json/object.hpp>
#include <string>
#include <vector>

#include "core/schema/schema.hpp"

namespace gantry::schema {

void sort_entries(std::vector<const boost::json::key_value_pair*>& entries);
// What JSON leaves out unless the schema says otherwise.
bool empty_value(const Json& value);
// Begins nothing more once `out` has `most` bytes, which may leave it without its end.
void append_plain_json(std::string& out, const Json& value, size_t most = static_cast<size_t>(-1));

}  // namespace gantry::schema
