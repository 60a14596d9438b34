// The three patch types over documents: RFC 6902, RFC 7386, and Kubernetes' strategic merge. Pure functions, any
// thread.
#pragma once

#include "core/schema/schema.hpp"

namespace gantry::schema {

// At most 10,000 operations. Errors: BadRequest (malformed), Invalid (a test fails, a path is missing), upstream's
// texts.
Expected<Json> json_patch(const Json& document, const Json& operations);

Expected<Json> merge_patch(const Json& document, const Json& patch);

// With $patch, $retainKeys, $setElementOrder/<list>, $deleteFromPrimitiveList/<list>, merge keys from the tree.
Expected<Json> strategic_merge_patch(const Message& message, const Json& document, const Json& patch);

}  // namespace gantry::schema
