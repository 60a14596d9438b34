// Table answers: columns and cells from the schema's printer columns. Pure functions, any thread.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "core/schema/schema.hpp"

namespace gantry::schema {

enum class IncludeObject : uint8_t { kNone, kMetadata, kObject };

// `"columnDefinitions":[...]` part and one `rows` element as JSON text; `object` is the stored JSON bytes.
std::string table_columns_json(const Kind& kind);
std::string table_row_json(const Kind& kind, const Json& document, std::string_view object_json, IncludeObject include,
                           int64_t now_unix_ns);

// A document cut down to PartialObjectMetadata (apiVersion meta.k8s.io/v1).
Json partial_metadata(const Json& document);

}  // namespace gantry::schema
