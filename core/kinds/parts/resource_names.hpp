// Names of resources (cpu, storage, example.com/gpu): which may stand where, and what their amounts may be.
// Pure functions, any thread.
#pragma once

#include "core/kinds/kind.hpp"

namespace gantry::kinds {

bool is_huge_page(std::string_view name);
// Of Kubernetes itself; others belong to the domain before their slash.
bool is_native_resource(std::string_view name);
// Whether requests may be less than limits.
bool may_overcommit(std::string_view name);
// Measured in whole numbers.
bool is_counted(std::string_view name);

// `at` is what is to be named so: any resource, one that a container may have, one that a quota may be for.
void check_any_resource_name(std::string_view name, const At& at, Errors& errors);
void check_resource_name(std::string_view name, const At& at, Errors& errors);
bool is_quota_resource(std::string_view name);
void check_quota_resource_name(std::string_view name, const At& at, Errors& errors);
// An amount of a resource: not negative, and whole where it is counted.
void check_resource_amount(std::string_view name, const Json& value, const At& at, Errors& errors);

}  // namespace gantry::kinds
