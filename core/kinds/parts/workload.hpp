// What Deployments, ReplicaSets and other kinds share that make pods from a template. Pure functions, any thread.
#pragma once

#include "core/kinds/kind.hpp"

namespace gantry::kinds {

// The pod's specification within `spec.template` and its like; null: there is none.
JsonObject* template_spec(JsonObject& parent);
void default_template_before(JsonObject& object);
void default_template_after(JsonObject& object);

// The spec, when it is new or an update changes it; else null.
const JsonObject* changed_spec(const JsonObject& object, const JsonObject* old);
// selector and template of a spec at `at`.
void check_selected(const JsonObject& spec, const At& at, Errors& errors);
// The number at `key`, percent ("25%") or plain; absent: 0. What is wrong with it is said.
int64_t check_share(const JsonObject& object, std::string_view key, bool at_most_hundred, const At& at, Errors& errors);
// How a Deployment replaces pods.
void check_strategy(const JsonObject& spec, const At& at, Errors& errors);
// The counts of a changed status, of which `parts` are no more than replicas.
void check_counts(const JsonObject& object, const JsonObject* old, std::initializer_list<std::string_view> parts,
                  Errors& errors);
// Labels don't change with the status.
void keep_labels(JsonObject& next, const JsonObject& old);

}  // namespace gantry::kinds
