// StorageClasses: all but a few fields are fixed. Pure functions, any thread.
#include <map>
#include <set>

#include "core/kinds/parts/cells.hpp"
#include "core/kinds/parts/label_warnings.hpp"
#include "core/kinds/parts/storage_class_rules.hpp"

namespace gantry::kinds::storage_storage_class {
namespace {

using Labels = std::map<std::string_view, std::set<std::string_view>>;

std::set<std::string_view> check_values(const JsonObject& requirement, const At& at, Errors& errors) {
  std::set<std::string_view> seen;
  const JsonArray* values = get_array(requirement, "values");
  if (values == nullptr || values->empty()) errors.required(at, "values");
  for (size_t i = 0; values != nullptr && i < values->size(); ++i) {
    const auto* text = (*values)[i].if_string();
    if (text != nullptr && !seen.insert(*text).second) errors.duplicate(at.child("values", i), "", (*values)[i]);
  }
  return seen;
}

Labels check_term(const JsonObject& term, const At& at, Errors& errors) {
  Labels labels;
  size_t i = 0;
  each(term, "matchLabelExpressions", [&](const JsonObject& requirement) {
    At here = at.child("matchLabelExpressions", i++);
    const std::string_view key = get_text(requirement, "key");
    auto values = check_values(requirement, here, errors);
    errors.format(here, "key", "qualified-name", key);
    if (labels.contains(key)) errors.duplicate(here, "key", Json(key));
    labels[key] = std::move(values);
  });
  return labels;
}

void check_topologies(const JsonObject& storage_class, const At& root, Errors& errors) {
  std::set<Labels> seen{{}};  // a term without labels repeats that there is none
  size_t i = 0;
  each(storage_class, "allowedTopologies", [&](const JsonObject& term) {
    At here = root.child("allowedTopologies", i++);
    if (!seen.insert(check_term(term, here, errors)).second) {
      errors.duplicate(here, "matchLabelExpressions", Json(""));
    }
  });
}

void validate(const JsonObject& storage_class, const JsonObject* old, Errors& errors) {
  At root;
  check_provisioner(storage_class, "provisioner", root, errors);
  check_parameters(storage_class, Parameters::kMayBeEmpty, root, errors);
  const std::string_view policy = get_text(storage_class, "reclaimPolicy");
  if (!policy.empty() && policy != "Delete" && policy != "Retain") {
    errors.not_supported(root, "reclaimPolicy", policy, {"Delete", "Retain"});
  }
  check_topologies(storage_class, root, errors);
  check_no_updates(storage_class, old, {"parameters", "provisioner", "reclaimPolicy"}, root, errors);
}

bool is_default(const JsonObject& storage_class) {
  const JsonObject& notes = object_at(object_at(storage_class, "metadata"), "annotations");
  for (std::string_view key :
       {"storageclass.kubernetes.io/is-default-class", "storageclass.beta.kubernetes.io/is-default-class"}) {
    if (get_text(notes, key) == "true") return true;
  }
  return false;
}

void class_name(Row& row, std::string& out) {
  std::string text(text_at(row.document, "metadata.name"));
  if (row.document.is_object() && is_default(row.document.get_object())) text += " (default)";
  put(out, text);
}

constexpr NamedCell kCells[] = {{"storage-class-name", class_name}};

void warn(const JsonObject& storage_class, const JsonObject*, Warnings& warnings) {
  const At root;
  size_t i = 0;
  each(storage_class, "allowedTopologies", [&](const JsonObject& topology) {
    const At at = root.child("allowedTopologies", i++);
    size_t j = 0;
    each(topology, "matchLabelExpressions", [&](const JsonObject& expression) {
      const std::string_view words = node_label_deprecation(get_text(expression, "key"));
      const At here = at.child("matchLabelExpressions", j++);
      if (!words.empty()) warnings.add(here, "key", words);
    });
  });
}

}  // namespace

constinit const Behavior behavior{.group = "storage.k8s.io",
                                  .kind = "StorageClass",
                                  .validate = validate,
                                  .warn = warn,
                                  .is_default = is_default,
                                  .default_mark = R"(is-default-class":"true")",
                                  .cells = kCells,
                                  .read_at_once = false};

}  // namespace gantry::kinds::storage_storage_class
