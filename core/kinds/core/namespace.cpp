// Namespaces: their name as a label, finalizers of their own, and how they go. Pure functions, any thread.
#include <algorithm>
#include <string>

#include "core/kinds/parts/entries.hpp"

namespace gantry::kinds::core_namespace {
namespace {

void default_after(JsonObject& root) {
  const JsonObject* metadata = get_object(root, "metadata");
  std::string name(metadata != nullptr ? get_text(*metadata, "name") : "");
  if (!name.empty()) ensure_object(ensure_object(root, "metadata"), "labels")["kubernetes.io/metadata.name"] = name;
}

void check_finalizer(std::string_view name, const At& at, Errors& errors) {
  auto problems = format_problems("qualified-name", name);
  for (const std::string& problem : problems) errors.invalid(at, "", Json(name), problem);
  bool standard = name == "kubernetes" || name == "orphan" || name == "foregroundDeletion";
  if (problems.empty() && name.find('/') == std::string_view::npos && !standard) {
    errors.invalid(at, "", Json(name), "name is neither a standard finalizer name nor is it fully qualified");
  }
}

void validate(const JsonObject& object, const JsonObject* old, Errors& errors) {
  At root;
  At at = root.child("spec");
  const JsonObject* spec = get_object(object, "spec");
  const JsonArray* finalizers = spec != nullptr ? get_array(*spec, "finalizers") : nullptr;
  for (size_t i = 0; finalizers != nullptr && i < finalizers->size(); ++i) {
    const auto* text = (*finalizers)[i].if_string();
    if (text != nullptr) check_finalizer(*text, at.child("finalizers", i), errors);
  }
  if (old == nullptr || same_at(object, *old, "status")) return;
  const JsonObject* status = get_object(object, "status");
  const JsonObject* metadata = get_object(object, "metadata");
  bool deleting = metadata != nullptr && get(*metadata, "deletionTimestamp") != nullptr;
  std::string_view phase = status != nullptr ? get_text(*status, "phase") : std::string_view();
  At here = root.child("status");
  if (deleting && phase != "Terminating") {
    errors.invalid(here, "Phase", Json(phase), "may only be 'Terminating' if `deletionTimestamp` is not empty");
  }
  if (!deleting && phase != "Active") {
    errors.invalid(here, "Phase", Json(phase), "may only be 'Active' if `deletionTimestamp` is empty");
  }
}

void create(JsonObject& object) {
  Json& finalizers = ensure_object(object, "spec")["finalizers"];
  if (!finalizers.is_array()) finalizers.emplace_array();
  JsonArray& list = finalizers.get_array();
  if (std::find(list.begin(), list.end(), Json("kubernetes")) == list.end()) list.emplace_back("kubernetes");
  object["status"] = JsonObject{{"phase", "Active"}};
}

// Finalizers change through /finalize alone.
void update(JsonObject& next, const JsonObject& old) { take_key(next, old, "spec"); }

bool is_held(const JsonObject& object) {
  const JsonObject* spec = get_object(object, "spec");
  return spec != nullptr && has_items(*spec, "finalizers");
}

void terminate(JsonObject& next) { ensure_object(next, "status")["phase"] = "Terminating"; }

constexpr std::string_view kInitial[] = {"default", "kube-system", "kube-public", "kube-node-lease"};

}  // namespace

constinit const Behavior behavior{.group = "",
                                  .kind = "Namespace",
                                  .default_after = default_after,
                                  .validate = validate,
                                  .create = create,
                                  .update = update,
                                  .is_held = is_held,
                                  .terminate = terminate,
                                  .initial = kInitial,
                                  .name_matters = true};

}  // namespace gantry::kinds::core_namespace
