// Upstream's error Statuses, word for word in structure: which resource, which name, what is wrong. Pure, any thread.
#pragma once

#include <string>
#include <string_view>

#include "core/limits/account.hpp"
#include "core/schema/rules/kind_errors.hpp"
#include "gantry/status.hpp"

namespace gantry::apiserver {

using schema::already_exists;
using schema::conflict;
using schema::forbidden;
using schema::modified_conflict;
using schema::not_found;
using schema::precondition_conflict;
using schema::qualified;

Status method_not_supported(const schema::Kind& kind, std::string_view method);
Status unknown_resource();
// 422 about a field of ListOptions, DeleteOptions, ... (group meta.k8s.io).
Status invalid_options(std::string_view kind, std::string_view field, std::string_view reason, std::string message);
// Charges what a request keeps; little is charged in any case, and what the account could never take is 413, not 429.
Status hold(limits::Charge& charge, size_t bytes);
// The time of a request, or its peer, is gone.
Status out_of_time();
// Where a server stops.
Status shutting_down();
Status version_too_large(int64_t wanted, int64_t current);

// The same Status no longer than an answer should be, whatever is quoted in it: its message is cut at 32 KiB, each
// cause's message and field at 4 KiB, and 128 causes are kept. An InternalError gets upstream's words and cause.
Status within_bounds(Status given);
// As a JSON document of kind Status.
std::string status_json(const Status& status);
// The `Success` Status that deletions and bindings answer with.
std::string success_json(const schema::Kind& kind, std::string_view name, std::string_view uid, int code);

}  // namespace gantry::apiserver
