// Owns the labels of nodes that upstream has given up. Pure, any thread.
#include "core/kinds/parts/label_warnings.hpp"

namespace gantry::kinds {
namespace {

struct OldLabel {
  std::string_view label, words;
};

constexpr OldLabel kOldLabels[] = {
    {"beta.kubernetes.io/arch", "deprecated since v1.14; use \"kubernetes.io/arch\" instead"},
    {"beta.kubernetes.io/os", "deprecated since v1.14; use \"kubernetes.io/os\" instead"},
    {"failure-domain.beta.kubernetes.io/region",
     "deprecated since v1.17; use \"topology.kubernetes.io/region\" instead"},
    {"failure-domain.beta.kubernetes.io/zone", "deprecated since v1.17; use \"topology.kubernetes.io/zone\" instead"},
    {"beta.kubernetes.io/instance-type", "deprecated since v1.17; use \"node.kubernetes.io/instance-type\" instead"},
    {"app.kubernetes.io/created-by", "deprecated since v1.9"},
    {"scheduler.alpha.kubernetes.io/preferAvoidPods", "deprecated since v1.22; use Taints and Tolerations instead"},
    {"node-role.kubernetes.io/master", "use \"node-role.kubernetes.io/control-plane\" instead"},
};

}  // namespace

std::string_view node_label_deprecation(std::string_view label) {
  for (const auto& old : kOldLabels) {
    if (old.label == label) return old.words;
  }
  return {};
}

void warn_node_expressions(const JsonObject& term, const At& at, Warnings& warnings, bool values) {
  size_t i = 0;
  each(term, "matchExpressions", [&](const JsonObject& expression) {
    const At here = at.child("matchExpressions", i++);
    const std::string_view key = get_text(expression, "key"), words = node_label_deprecation(key);
    if (!words.empty()) warnings.add(here, "key", std::string(key).append(" is ").append(words));
    const JsonArray* list = values ? get_array(expression, "values") : nullptr;
    for (size_t j = 0; list != nullptr && j < list->size() && !warnings.full(); ++j) {
      const auto* value = (*list)[j].if_string();
      if (value == nullptr) continue;
      for (const auto& problem : format_problems("label-value", *value)) {
        warnings.add(here.child("values", j), "", std::string(*value).append(" is invalid, ").append(problem));
      }
    }
  });
}

void warn_node_labels(const JsonObject& object, std::string_view key, const At& at, Warnings& warnings) {
  const JsonObject& labels = object_at(object, key);
  if (labels.empty()) return;
  for (const auto& old : kOldLabels) {
    if (labels.contains(old.label)) warnings.add(at.key(key, old.label), "", old.words);
  }
}

void warn_name(const JsonObject& object, Warnings& warnings, std::string_view where) {
  const auto problems = format_problems("dns1123-label", get_text(object_at(object, "metadata"), "name"));
  if (problems.empty()) return;
  std::string text = "metadata.name: ";
  text.append(where).append(", which can result in surprising behavior; a DNS label is recommended: [");
  for (const auto& problem : problems) text.append(&problem == &problems.front() ? "" : " ").append(problem);
  warnings.add(text + "]");
}

}  // namespace gantry::kinds
