// The admission chain: ServiceAccount, Priority, DefaultTolerationSeconds, NamespaceLifecycle, in upstream's order.
//
// Called by the API server's verbs between defaulting and validation. Pure functions, any thread. The projected token
// volume of the ServiceAccount step is not added: there is no token issuer yet.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "core/schema/schema.hpp"
#include "gantry/status.hpp"

namespace gantry::admission {

// Changes a new object, or says why it may not be made (the words behind `pods "x" is forbidden: `).
Status admit_create(const schema::Kind& kind, schema::Json& document);
// Adds a warning for each thing that a new pod, or a template of pods, asks for and that is not done yet: pod affinity
// and anti-affinity, spread constraints.
void warn_of_unsupported(const schema::Json& document, std::vector<std::string>& warnings);
// Why an object may not be deleted; empty: it may.
std::string_view refuse_delete(const schema::Kind& kind, std::string_view name);

// The steps for pods.
void default_service_account(schema::Json& pod);
Status resolve_priority(schema::Json& pod);
void default_tolerations(schema::Json& pod);

}  // namespace gantry::admission
