// The common part of every write: metadata the server owns, generation, status kept apart from spec. Pure, any thread.
#pragma once

#include "core/apiserver/request/call.hpp"

namespace gantry::apiserver {

// uid, creationTimestamp, generation of a new object; drops what a caller may not set.
void begin_object(const Environment& env, const schema::Kind& kind, Json& document);
// Takes over from `old` what an update of the resource ("" or "status", "approval", "finalize") may not change.
void carry_over(const Environment& env, const schema::Kind& kind, std::string_view subresource, Json& next,
                const Json& old);
// Counts the generation of an update that has been through carry_over() and has its defaults: who leaves these out
// changes nothing.
void count_generation(const schema::Kind& kind, std::string_view subresource, Json& next, const Json& old);
// Whether an update leaves nothing that holds a deleted object: it can go.
bool ready_to_go(const schema::Kind& kind, const Json& next, const Json& old);
// Serialized with the given resourceVersion (for comparing with what is stored).
std::string encode_at(const schema::Kind& kind, const Json& document, std::string_view version);

}  // namespace gantry::apiserver
