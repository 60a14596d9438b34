// Inside of the codecs: YAML text into plain documents. Any thread.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "core/schema/codec/codec.hpp"
#include "core/schema/codec/problems.hpp"

namespace gantry::schema {

// YAML 1.1 as sigs.k8s.io/yaml reads it (yes/no/on/off are booleans). problems: `key "x" already set in map`.
Expected<Json> read_yaml(std::string_view bytes, size_t max_depth, std::shared_ptr<limits::Account> account,
                         Problems& problems);

// The JSON value of a plain (unquoted) scalar.
Json resolve_plain_scalar(std::string_view text);

}  // namespace gantry::schema
