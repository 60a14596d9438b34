// What roles and bindings share, in a namespace and beside them. Pure functions, any thread.
#pragma once

#include "core/kinds/parts/cells.hpp"

namespace gantry::kinds {

inline constexpr std::string_view kRbacGroup = "rbac.authorization.k8s.io";

void check_policy_rules(const JsonObject& role, bool namespaced, Errors& errors);
void default_subjects(JsonObject& binding);
void check_binding(const JsonObject& binding, const JsonObject* old, bool namespaced, Errors& errors);

void created_at(Row& row, std::string& out);
void bound_role(Row& row, std::string& out);
void bound_users(Row& row, std::string& out);
void bound_groups(Row& row, std::string& out);
void bound_service_accounts(Row& row, std::string& out);

inline constexpr NamedCell kRoleCells[] = {{"created-at", created_at}};
inline constexpr NamedCell kBindingCells[] = {{"role-ref", bound_role},
                                              {"users", bound_users},
                                              {"groups", bound_groups},
                                              {"service-accounts", bound_service_accounts}};

}  // namespace gantry::kinds
