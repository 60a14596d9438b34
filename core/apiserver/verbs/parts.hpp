// Kinds that are not stored: an object for each part of the control plane, made of what the server is told of it
// (Behavior::describe_part). [any-thread]
#pragma once

#include "core/apiserver/verbs/listing.hpp"

namespace gantry::apiserver {

bool is_of_parts(const schema::Kind& kind);
// Null: there is no such part.
store::EntryPtr find_part(const Call& call, std::string_view name);
// Those that a selection matches, by name.
ListPage list_parts(const Call& call, const Selection& selection);

}  // namespace gantry::apiserver
