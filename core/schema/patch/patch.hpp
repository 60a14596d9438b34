// The three patch types over documents: RFC 6902, RFC 7386, and Kubernetes' strategic merge. Pure functions, any
// thread.
//
// Time and memory grow with the patch and the document, not with one times the other. The result lies in an arena of
// its own, whose bytes are charged to `account` (null: to nobody); TooManyRequests, when it refuses them. It is never
// deeper than kMaxDepth. Nothing is thrown.
#pragma once

#include <memory>

#include "core/limits/account.hpp"
#include "core/schema/schema.hpp"

namespace gantry::schema {

// At most 10,000 operations, and a bound on what moves and removals in long lists may cost: else RequestEntityTooLarge.
// Other errors: BadRequest (malformed), Invalid (a test fails, a path is missing, too deep, copies of over 3 MiB),
// upstream's texts.
Expected<Json> json_patch(const Json& document, const Json& operations,
                          std::shared_ptr<limits::Account> account = nullptr);

Expected<Json> merge_patch(const Json& document, const Json& patch, std::shared_ptr<limits::Account> account = nullptr);

// With $patch, $retainKeys, $setElementOrder/<list>, $deleteFromPrimitiveList/<list>, merge keys from the tree.
Expected<Json> strategic_merge_patch(const Message& message, const Json& document, const Json& patch,
                                     std::shared_ptr<limits::Account> account = nullptr);

}  // namespace gantry::schema
