// OpenAPI documents generated from the schema: v2 (one document) and v3 (an index and one document a group version).
#pragma once

#include <string>
#include <string_view>

#include "core/schema/schema.hpp"

namespace gantry::schema {

// With x-kubernetes-group-version-kind, x-kubernetes-patch-strategy, merge keys, list types, and the paths and
// actions that kubectl explain and apply (client-side, and schema validation) look for.
std::string openapi_v2_json(const Schema& schema, std::string_view server_version);
// The same as application/com.github.proto-openapi.spec.v2@v1.0+protobuf, which kubectl asks for first.
std::string openapi_v2_protobuf(const Schema& schema, std::string_view server_version);
std::string openapi_v3_index(const Schema& schema);
std::string openapi_v3_json(const Schema& schema, std::string_view group, std::string_view version,
                            std::string_view server_version);

}  // namespace gantry::schema
