#include "gantry/scheduling/named_nodes.hpp"

#include <algorithm>

namespace gantry::sdk {
namespace {

// What all of a term's fields name: the names of a first, as far as the others agree.
std::optional<std::vector<std::string>> names_of(const corev1::NodeSelectorTerm& term) {
  std::optional<std::vector<std::string>> names;
  for (const auto& field : term.match_fields()) {
    if (field.key() != "metadata.name" || field.operator_() != "In") continue;
    const std::vector<std::string> these(field.values().begin(), field.values().end());
    if (!names) {
      names = these;
    } else {
      std::erase_if(*names,
                    [&](const auto& name) { return std::find(these.begin(), these.end(), name) == these.end(); });
    }
  }
  return names;
}

}  // namespace

std::optional<std::vector<std::string>> named_nodes(const corev1::PodSpec& spec) {
  const auto& affinity = spec.affinity().node_affinity();
  const auto& terms = affinity.required_during_scheduling_ignored_during_execution().node_selector_terms();
  if (terms.empty()) return std::nullopt;
  std::vector<std::string> all;
  for (const auto& term : terms) {
    // An empty term matches nothing.
    if (term.match_fields().empty() && term.match_expressions().empty()) continue;
    auto names = names_of(term);
    if (!names) return std::nullopt;
    all.insert(all.end(), names->begin(), names->end());
  }
  std::sort(all.begin(), all.end());
  all.erase(std::unique(all.begin(), all.end()), all.end());
  return all;
}

}  // namespace gantry::sdk
