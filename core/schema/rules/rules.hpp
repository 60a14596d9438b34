// Defaulting and validation of canonical documents. Pure functions, any thread.
#pragma once

#include <string>
#include <vector>

#include "core/schema/schema.hpp"

namespace gantry::schema {

// Puts in what upstream's defaulting puts in: the options' constants and the conditional ones (pull policy by tag,
// requests from limits, ...). Idempotent. Errors: TooManyRequests, when the document's account refuses the memory;
// Invalid, when a default would make it deeper than kMaxDepth.
Status apply_defaults(const Kind& kind, Json& document);

// What is wrong with an object on create (old null) or update, as upstream's causes ("spec.containers[0].name",
// "Required value"). Empty: valid. `status_only`: of an update that writes the status alone.
std::vector<StatusCause> validate(const Kind& kind, const Json& document, const Json* old = nullptr,
                                  bool status_only = false);

// What is wrong with an object that is sent to write a subresource.
std::vector<StatusCause> validate(const SubresourceWrite& subresource, const Json& body);

// The 422 Status of a list of causes: `Pod "x" is invalid: spec.containers: Required value`, (several: "[a, b]").
Status invalid_status(const Kind& kind, std::string_view name, std::vector<StatusCause> causes);

// Metadata rules alone (names, labels, annotations' size, ownerReferences, finalizers).
std::vector<StatusCause> validate_metadata(const Kind& kind, const Json& document, const Json* old);

}  // namespace gantry::schema
