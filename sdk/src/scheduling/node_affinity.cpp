#include "gantry/scheduling/node_affinity.hpp"

#include <algorithm>
#include <charconv>
#include <optional>

namespace gantry::sdk {
namespace {

std::optional<int64_t> to_int(std::string_view text) {
  if (text.size() > 1 && text[0] == '+' && text[1] != '-') text.remove_prefix(1);
  int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

bool label_matches(const corev1::NodeSelectorRequirement& requirement, const std::string* value) {
  const auto& op = requirement.operator_();
  const auto& values = requirement.values();
  if (op == "In" || op == "NotIn") {
    const bool among = value != nullptr && std::find(values.begin(), values.end(), *value) != values.end();
    return !values.empty() && among == (op == "In");
  }
  if (op == "Exists" || op == "DoesNotExist") return values.empty() && (value != nullptr) == (op == "Exists");
  if ((op != "Gt" && op != "Lt") || value == nullptr || values.size() != 1) return false;
  const auto have = to_int(*value), bound = to_int(values[0]);
  return have && bound && (op == "Gt" ? *have > *bound : *have < *bound);
}

// The name is the only field there is, and one name all that a requirement may have.
bool field_matches(const corev1::NodeSelectorRequirement& requirement, std::string_view name) {
  const auto& op = requirement.operator_();
  if (requirement.key() != "metadata.name" || requirement.values_size() != 1) return false;
  return (op == "In" || op == "NotIn") && (requirement.values(0) == name) == (op == "In");
}

}  // namespace

NodeView view_of(const corev1::Node& node) {
  using Labels = google::protobuf::Map<std::string, std::string>;
  return {node.metadata().name(), &node.metadata().labels(),
          [](const void* labels, std::string_view key) -> const std::string* {
            const auto& all = *static_cast<const Labels*>(labels);
            const auto found = all.find(std::string(key));
            return found == all.end() ? nullptr : &found->second;
          }};
}

bool term_matches(const corev1::NodeSelectorTerm& term, const NodeView& node) {
  const auto &labels = term.match_expressions(), &fields = term.match_fields();
  if (labels.empty() && fields.empty()) return false;
  return std::all_of(labels.begin(), labels.end(),
                     [&](const auto& one) { return label_matches(one, node.label(one.key())); }) &&
         std::all_of(fields.begin(), fields.end(), [&](const auto& one) { return field_matches(one, node.name); });
}

bool node_selector_matches(const corev1::NodeSelector& selector, const NodeView& node) {
  const auto& terms = selector.node_selector_terms();
  return std::any_of(terms.begin(), terms.end(), [&](const auto& term) { return term_matches(term, node); });
}

bool pod_selects(const corev1::PodSpec& spec, const NodeView& node) {
  for (const auto& [key, value] : spec.node_selector()) {
    const auto* have = node.label(key);
    if (have == nullptr || *have != value) return false;
  }
  const auto& affinity = spec.affinity().node_affinity();
  return !affinity.has_required_during_scheduling_ignored_during_execution() ||
         node_selector_matches(affinity.required_during_scheduling_ignored_during_execution(), node);
}

int64_t preferred_weight(const corev1::NodeAffinity& affinity, const NodeView& node) {
  int64_t weight = 0;
  for (const auto& term : affinity.preferred_during_scheduling_ignored_during_execution()) {
    if (term_matches(term.preference(), node)) weight += term.weight();
  }
  return weight;
}

}  // namespace gantry::sdk
