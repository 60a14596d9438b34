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
// The same of the status; on an update alone.
const JsonObject* changed_status(const JsonObject& object, const JsonObject* old);
// How a kind is called where its selector is wrong, and where its pods are.
struct WorkloadWords {
  std::string_view selector = "deployment", pods = "ReplicaSet";
};
// selector and template of a spec at `at`, whose pods run on.
void check_selected(const JsonObject& spec, const At& at, Errors& errors, const WorkloadWords& words = {});
// The parts of it, for specs whose template is not all there is.
void check_selector(const JsonObject& spec, const At& at, Errors& errors, const WorkloadWords& words);
void check_selects(const JsonObject& spec, const At& at, Errors& errors);
void check_runs_on(const JsonObject& spec, const At& at, Errors& errors, const WorkloadWords& words);
void check_not_negative(const JsonObject& object, std::initializer_list<std::string_view> keys, const At& at,
                        Errors& errors);
// A number below a status that only grows.
void check_collisions(const JsonObject& status, const JsonObject& old, const At& at, Errors& errors);
// Whether they mean the same: null, an empty object and one of nothing but such are as if absent. Clients need not send
// what the server writes of a struct with nothing in it.
bool same_meaning(const Json& a, const Json& b);
// Says that a field is immutable, unless it means what it did.
void check_unchanged(const JsonObject& object, const JsonObject& old, std::string_view key, const At& at,
                     Errors& errors);
// The number at `key`, percent ("25%") or plain; absent: 0. What is wrong with it is said.
int64_t check_share(const JsonObject& object, std::string_view key, bool at_most_hundred, const At& at, Errors& errors);
// How a Deployment replaces pods.
void check_strategy(const JsonObject& spec, const At& at, Errors& errors);
// The counts of a changed status, of which `parts` are no more than replicas. `ready` is what readyReplicas are called.
void check_counts(const JsonObject& object, const JsonObject* old, std::initializer_list<std::string_view> parts,
                  Errors& errors, std::string_view ready = "readyReplicas");
// Labels don't change with the status.
void keep_labels(JsonObject& next, const JsonObject& old);

}  // namespace gantry::kinds
