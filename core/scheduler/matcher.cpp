#include "core/scheduler/matcher.hpp"

#include <algorithm>

#include "core/scheduler/pod_info.hpp"

namespace gantry::scheduler {
namespace {

void put_text(std::string& out, std::string_view part) {
  out.append(std::to_string(part.size())).append(":").append(part);
}

void put_sorted(std::string& out, std::vector<std::string> parts) {
  std::sort(parts.begin(), parts.end());
  out.append("(");
  for (const auto& part : parts) put_text(out, part);
  out.append(")");
}

void put_selector(std::string& out, const std::optional<metav1::LabelSelector>& selector) {
  if (!selector) return out.append("-"), void();
  std::vector<std::string> parts;
  for (const auto& [key, value] : selector->match_labels()) {
    put_text(parts.emplace_back("="), key);
    put_text(parts.back(), value);
  }
  for (const auto& requirement : selector->match_expressions()) {
    put_text(parts.emplace_back("?"), requirement.key());
    put_text(parts.back(), requirement.operator_());
    put_sorted(parts.back(), {requirement.values().begin(), requirement.values().end()});
  }
  put_sorted(out, std::move(parts));
}

std::string anchor(std::string_view ns, std::string_view key, std::string_view value) {
  std::string out;
  out.reserve(ns.size() + key.size() + value.size() + 2);
  return out.append(ns).append(1, '\0').append(key).append(1, '\0').append(value);
}

// No namespace's name begins so.
std::string owner_anchor(const std::string& owner) { return "/" + owner; }

// The labels of which every match has each.
std::vector<std::pair<std::string_view, std::string_view>> fixed_labels(const metav1::LabelSelector& selector) {
  std::vector<std::pair<std::string_view, std::string_view>> out;
  for (const auto& [key, value] : selector.match_labels()) out.emplace_back(key, value);
  for (const auto& requirement : selector.match_expressions()) {
    if (requirement.operator_() == "In" && requirement.values_size() == 1)
      out.emplace_back(requirement.key(), requirement.values(0));
  }
  return out;
}

}  // namespace

bool Selection::matches(const PodInfo& pod, const NamespaceLabels& labels) const {
  if (!pods || !sdk::selector_matches(*pods, pod.labels)) return false;
  if (std::find(namespaces.begin(), namespaces.end(), pod.ns) != namespaces.end()) return true;
  if (!in_namespaces) return false;
  if (sdk::is_empty(*in_namespaces)) return true;
  static const sdk::LabelMap kNone;
  const auto found = labels.find(pod.ns);
  return sdk::selector_matches(*in_namespaces, found != labels.end() ? found->second : kNone);
}

bool Matcher::matches(const PodInfo& pod, const NamespaceLabels& namespaces) const {
  if (!owner.empty()) return pod.owner == owner;
  return !all.empty() &&
         std::all_of(all.begin(), all.end(), [&](const Selection& one) { return one.matches(pod, namespaces); });
}

bool Matcher::by_namespace_labels() const {
  return std::any_of(all.begin(), all.end(), [](const Selection& one) { return one.in_namespaces.has_value(); });
}

std::string Matcher::text() const {
  std::string out;
  put_text(out, owner);
  for (const Selection& one : all) {
    out.append("[");
    put_sorted(out, one.namespaces);
    put_selector(out, one.in_namespaces);
    put_selector(out, one.pods);
  }
  return out;
}

void MatcherIndex::add(Matcher& matcher) {
  std::vector<std::string> anchors;
  if (!matcher.owner.empty()) {
    anchors = {owner_anchor(matcher.owner)};
  } else if (!matcher.all.empty() && matcher.all.front().pods) {
    const Selection& first = matcher.all.front();
    auto namespaces = first.in_namespaces ? std::vector<std::string>{""} : first.namespaces;
    std::sort(namespaces.begin(), namespaces.end());
    namespaces.erase(std::unique(namespaces.begin(), namespaces.end()), namespaces.end());
    const auto labels = fixed_labels(*first.pods);
    for (const auto& ns : namespaces) {
      // Of its labels the one that fewest others have chosen.
      std::string best = anchor(ns, "", "");
      size_t least = SIZE_MAX;
      for (const auto& [key, value] : labels) {
        auto here = anchor(ns, key, value);
        const auto found = by_anchor_.find(here);
        const size_t others = found == by_anchor_.end() ? 0 : found->second.size();
        if (others >= least) continue;
        least = others;
        best = std::move(here);
      }
      anchors.push_back(std::move(best));
    }
  }
  for (const auto& here : anchors) by_anchor_[here].push_back(&matcher);
  anchors_[&matcher] = std::move(anchors);
}

void MatcherIndex::remove(Matcher& matcher) {
  const auto it = anchors_.find(&matcher);
  if (it == anchors_.end()) return;
  for (const auto& here : it->second) {
    const auto found = by_anchor_.find(here);
    std::erase(found->second, &matcher);
    if (found->second.empty()) by_anchor_.erase(found);
  }
  anchors_.erase(it);
}

std::vector<Matcher*> MatcherIndex::about(const PodInfo& pod, const NamespaceLabels& namespaces) const {
  std::vector<Matcher*> out;
  if (by_anchor_.empty()) return out;
  const auto look = [&](const std::string& here) {
    const auto found = by_anchor_.find(here);
    if (found == by_anchor_.end()) return;
    for (Matcher* one : found->second) {
      if (one->matches(pod, namespaces)) out.push_back(one);
    }
  };
  if (!pod.owner.empty()) look(owner_anchor(pod.owner));
  for (const std::string_view ns : {std::string_view(pod.ns), std::string_view()}) {
    look(anchor(ns, "", ""));
    for (const auto& [key, value] : pod.labels) look(anchor(ns, key, value));
  }
  return out;
}

}  // namespace gantry::scheduler
