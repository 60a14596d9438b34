// Which pods a term of affinity, or a constraint of spreading, is about; and an index that finds the terms that are
// about a pod by the labels that it has. Value types, used under the Scheduler's lock.
#pragma once

#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "gantry/selectors.hpp"

namespace gantry::scheduler {

struct PodInfo;
using NamespaceLabels = std::unordered_map<std::string, sdk::LabelMap>;

struct Selection {
  std::vector<std::string> namespaces;
  std::optional<metav1::LabelSelector> in_namespaces;  // and those whose labels it matches
  std::optional<metav1::LabelSelector> pods;           // absent: none
  bool matches(const PodInfo& pod, const NamespaceLabels& namespaces) const;
};

// The pods that all of `all` match; or, when `owner` is given, those of this controller.
struct Matcher {
  std::vector<Selection> all;
  std::string owner;
  bool matches(const PodInfo& pod, const NamespaceLabels& namespaces) const;
  bool by_namespace_labels() const;
  // The same for matchers that match the same, whatever the order in which their labels were read.
  std::string text() const;
};

class MatcherIndex {
 public:
  void add(Matcher& matcher);
  void remove(Matcher& matcher);
  bool empty() const { return by_anchor_.empty(); }
  // Those that match the pod, each once.
  std::vector<Matcher*> about(const PodInfo& pod, const NamespaceLabels& namespaces) const;

 private:
  // A namespace and a label that every pod has which the matcher matches; parts that there are none of are empty.
  std::unordered_map<std::string, std::vector<Matcher*>> by_anchor_;
  std::unordered_map<const Matcher*, std::vector<std::string>> anchors_;
};

}  // namespace gantry::scheduler
