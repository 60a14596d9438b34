// What webhooks and admission policies share: which requests they are for, their parameters and conditions. Pure
// functions, any thread.
#pragma once

#include "core/kinds/parts/admission_expressions.hpp"
#include "core/kinds/parts/cells.hpp"

namespace gantry::kinds {

std::string_view trimmed(std::string_view text);

// A rule with operations; `at` is the rule.
void check_admission_rule(const JsonObject& rule, const At& at, Errors& errors);
// matchConditions of a webhook or a policy's spec; `params`: they may ask for them.
void check_match_conditions(const JsonObject& object, bool params, const At& at, Errors& errors);

// Policies that change something are not asked about deletions.
enum class PolicyUse : uint8_t { kValidating, kMutating };
// The requests that a policy or a binding is for, at `key` of its spec.
void check_match_resources(const JsonObject& spec, std::string_view key, PolicyUse use, const At& at, Errors& errors);
// matchConstraints, matchConditions, paramKind and variables of a policy's spec, whose policy was `old`, if any. What
// the policy's own expressions may refer to.
PolicyExpressions check_policy(const JsonObject& spec, const JsonObject* old, PolicyUse use, const At& at,
                               Errors& errors);
// paramRef and matchResources of a binding's spec.
void check_policy_binding(const JsonObject& spec, PolicyUse use, const At& at, Errors& errors);

// The webhooks of a configuration.
void check_webhooks(const JsonObject& configuration, const JsonObject* old, Errors& errors);

void webhook_count(Row& row, std::string& out);
void policy_params(Row& row, std::string& out);
void binding_params(Row& row, std::string& out);

}  // namespace gantry::kinds
