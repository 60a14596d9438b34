// What whoever writes a pod, or a template of pods, is told beside what is wrong with it: upstream's warnings. Pure,
// any thread; the work grows with the pod, not with its square.
#pragma once

#include "core/kinds/kind.hpp"

namespace gantry::kinds {

// A pod, or what is one's within another object: metadata and spec at `at`.
void warn_template(const JsonObject& pod_template, const At& at, Warnings& warnings);
// For an object with spec.template, when it is new or its spec has changed.
void warn_template_of(const JsonObject& object, const JsonObject* old, Warnings& warnings);
// The same, and of its name when it is new.
void warn_workload(const JsonObject& object, const JsonObject* old, Warnings& warnings);
// Whether it is new, or an update changes what it wants.
bool is_news(const JsonObject& object, const JsonObject* old);

// Volumes some of whose files would lie in one another's place; `volumes` at the spec of a pod.
void warn_volume_paths(const JsonObject& spec, Warnings& warnings);

}  // namespace gantry::kinds
