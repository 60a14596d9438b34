// Reads request bodies: media type, size, the kind that is expected, fieldValidation. Pure but for the call.
// [any-thread]
#pragma once

#include "core/apiserver/request/call.hpp"

namespace gantry::apiserver {

constexpr size_t kMaxBody = 3 * 1024 * 1024;

// The body as a canonical document of a kind, apiVersion and kind filled in; warnings go to the call. `older_version`:
// an apiVersion whose objects have the same fields, that clients may still send.
Expected<Json> read_body(Call& call, const schema::Message& message, std::string_view api_version,
                         std::string_view kind, std::string_view older_version = {});
Expected<Json> read_body(Call& call);  // of the target's kind
// What fieldValidation says of unknown and duplicate fields, which are told as warnings when it says neither.
bool ignores_unknown(const Call& call);
bool is_strict(const Call& call);
std::string strict_error(const std::vector<std::string>& problems);
// Checks DeleteOptions and brings them into one form; what they say about a dry run counts for the call.
Status settle_delete_options(Call& call, Json& options);
// DeleteOptions from the body, then the query.
Expected<Json> read_delete_options(Call& call);

}  // namespace gantry::apiserver
