// Inside of the codecs: JSON text parsed by boost, its duplicate keys, its type. Any thread.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "core/schema/codec/codec.hpp"
#include "core/schema/codec/problems.hpp"

namespace gantry::schema {

// The bare reason as the error ("unexpected end of JSON input").
Expected<Json> parse_json_text(std::string_view bytes, size_t max_depth, std::shared_ptr<limits::Account> account);

// `duplicate field "spec.replicas"` for each key that stands twice in an object.
void find_duplicate_fields(std::string_view bytes, const DecodeOptions& options, Problems& problems);

Expected<TypeMeta> peek_json_type(std::string_view bytes);

}  // namespace gantry::schema
