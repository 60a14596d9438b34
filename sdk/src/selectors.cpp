#include "gantry/selectors.hpp"

#include <algorithm>

namespace gantry::sdk {
namespace {

bool requirement_matches(const metav1::LabelSelectorRequirement& requirement, const LabelMap& labels) {
  const auto found = labels.find(requirement.key());
  const bool present = found != labels.end();
  const auto& values = requirement.values();
  const bool listed = present && std::find(values.begin(), values.end(), found->second) != values.end();
  if (requirement.operator_() == "In") return listed;
  if (requirement.operator_() == "NotIn") return !listed;
  if (requirement.operator_() == "Exists") return present;
  return requirement.operator_() == "DoesNotExist" && !present;
}

}  // namespace

bool has_labels(const LabelMap& labels, const LabelMap& wanted) {
  return std::all_of(wanted.begin(), wanted.end(), [&](const auto& label) {
    const auto found = labels.find(label.first);
    return found != labels.end() && found->second == label.second;
  });
}

bool same_labels(const LabelMap& a, const LabelMap& b) { return a.size() == b.size() && has_labels(a, b); }

bool selector_matches(const metav1::LabelSelector& selector, const LabelMap& labels) {
  const auto& requirements = selector.match_expressions();
  return has_labels(labels, selector.match_labels()) &&
         std::all_of(requirements.begin(), requirements.end(),
                     [&](const auto& requirement) { return requirement_matches(requirement, labels); });
}

bool is_empty(const metav1::LabelSelector& selector) {
  return selector.match_labels().empty() && selector.match_expressions().empty();
}

std::string selector_text(const metav1::LabelSelector& selector) {
  std::string text;
  const auto next = [&]() -> std::string& { return text.empty() ? text : text.append(","); };
  for (const auto& [key, value] : selector.match_labels()) next().append(key).append("=").append(value);
  for (const auto& requirement : selector.match_expressions()) {
    const auto& op = requirement.operator_();
    next().append(op == "DoesNotExist" ? "!" : "").append(requirement.key());
    if (op != "In" && op != "NotIn") continue;
    text.append(op == "In" ? " in (" : " notin (");
    for (int i = 0; i < requirement.values_size(); ++i) text.append(i == 0 ? "" : ",").append(requirement.values(i));
    text.append(")");
  }
  return text;
}

}  // namespace gantry::sdk
