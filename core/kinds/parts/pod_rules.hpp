// The rules of pods, and their parts. Pure functions, any thread.
#pragma once

#include <map>
#include <set>
#include <string_view>

#include "core/kinds/kind.hpp"

namespace gantry::kinds {

// What the parts of one pod spec need to know of each other.
struct PodParts {
  const JsonObject& spec;
  bool is_pod = true;  // not a template
  std::map<std::string_view, const JsonObject*> volumes;
  std::set<std::string_view> claims;  // names of its resourceClaims
};

// Fills parts.volumes too.
void check_volumes(PodParts& parts, const At& at, Errors& errors);
void check_containers(const PodParts& parts, const At& at, Errors& errors);
// seccompProfile and appArmorProfile of a security context.
void check_profiles(const JsonObject& context, const At& at, Errors& errors);
// spec.selector and its like; `at` is the selector.
void check_label_selector(const JsonObject& selector, const At& at, Errors& errors);
void check_placement(const JsonObject& spec, const At& at, Errors& errors);
// The list at `tolerations` of what is at `at`.
void check_tolerations(const JsonObject& holder, const At& at, Errors& errors);
// A path that stays below where it is put.
void check_descending_path(std::string_view path, const At& at, std::string_view name, Errors& errors);
// A path without "..".
void check_no_backsteps(std::string_view path, const At& at, std::string_view name, Errors& errors);
// nodeSelectorTerms of a selector of nodes.
void check_node_selector(const JsonObject& selector, const At& at, Errors& errors);
// fieldRef and resourceFieldRef of an environment variable or a volume's file.
enum class RefUse : uint8_t { kEnv, kFile };
void check_field_ref(const JsonObject& ref, RefUse use, const At& at, Errors& errors);
void check_resource_ref(const JsonObject& ref, RefUse use, const At& at, Errors& errors);

// A pod, and what stands for one in a template (metadata and spec).
void check_pod(const JsonObject& pod, const JsonObject* old, Errors& errors);
void check_pod_template(const JsonObject& pod_template, const At& at, Errors& errors);
void check_pod_update(const JsonObject& spec, const JsonObject& old, const At& at, Errors& errors);
void check_pod_status(const JsonObject& pod, const JsonObject& old, Errors& errors);

}  // namespace gantry::kinds
