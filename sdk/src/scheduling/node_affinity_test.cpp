#include "gantry/scheduling/node_affinity.hpp"

#include <gtest/gtest.h>

#include <vector>

namespace gantry::sdk {
namespace {

struct Requirement {
  std::string key, op;
  std::vector<std::string> values;
};

corev1::Node a_node() {
  corev1::Node node;
  node.mutable_metadata()->set_name("n1");
  auto& labels = *node.mutable_metadata()->mutable_labels();
  labels["zone"] = "a";
  labels["cores"] = "8";
  labels["signed"] = "-3";
  labels["empty"] = "";
  labels["huge"] = "9223372036854775808";
  return node;
}

void fill(corev1::NodeSelectorRequirement& to, const Requirement& from) {
  to.set_key(from.key);
  to.set_operator_(from.op);
  for (const auto& value : from.values) to.add_values(value);
}

bool label_allows(const Requirement& requirement) {
  const auto node = a_node();
  corev1::NodeSelectorTerm term;
  fill(*term.add_match_expressions(), requirement);
  return term_matches(term, view_of(node));
}

bool field_allows(const Requirement& requirement) {
  const auto node = a_node();
  corev1::NodeSelectorTerm term;
  fill(*term.add_match_fields(), requirement);
  return term_matches(term, view_of(node));
}

TEST(NodeAffinity, LabelsAndOperators) {
  struct Case {
    Requirement requirement;
    bool matches;
  };
  const std::vector<Case> cases{
      {{"zone", "In", {"a", "b"}}, true},
      {{"zone", "In", {"b"}}, false},
      {{"none", "In", {"a"}}, false},
      {{"empty", "In", {""}}, true},
      {{"zone", "NotIn", {"a"}}, false},
      {{"zone", "NotIn", {"b"}}, true},
      {{"none", "NotIn", {"a"}}, true},
      {{"zone", "Exists", {}}, true},
      {{"none", "Exists", {}}, false},
      {{"none", "DoesNotExist", {}}, true},
      {{"zone", "DoesNotExist", {}}, false},
      {{"cores", "Gt", {"7"}}, true},
      {{"cores", "Gt", {"8"}}, false},
      {{"cores", "Lt", {"9"}}, true},
      {{"cores", "Lt", {"8"}}, false},
      {{"cores", "Gt", {"+7"}}, true},
      {{"signed", "Lt", {"-2"}}, true},
      {{"signed", "Gt", {"-4"}}, true},
      // What makes no sense matches nothing.
      {{"none", "Gt", {"1"}}, false},
      {{"zone", "Gt", {"1"}}, false},
      {{"cores", "Gt", {"x"}}, false},
      {{"cores", "Gt", {"+-7"}}, false},
      {{"cores", "Gt", {"+"}}, false},
      {{"cores", "Gt", {"1.5"}}, false},
      {{"cores", "Gt", {""}}, false},
      {{"empty", "Gt", {"1"}}, false},
      {{"huge", "Gt", {"1"}}, false},
      {{"cores", "Gt", {"1", "2"}}, false},
      {{"cores", "Gt", {}}, false},
      {{"none", "NotIn", {}}, false},
      {{"zone", "In", {}}, false},
      {{"zone", "Exists", {"a"}}, false},
      {{"none", "DoesNotExist", {"a"}}, false},
      {{"zone", "Odd", {"a"}}, false},
      {{"zone", "", {"a"}}, false},
  };
  for (const auto& c : cases) {
    EXPECT_EQ(label_allows(c.requirement), c.matches)
        << c.requirement.key << " " << c.requirement.op << " " << c.requirement.values.size();
  }
}

TEST(NodeAffinity, TheNameIsTheOnlyField) {
  EXPECT_TRUE(field_allows({"metadata.name", "In", {"n1"}}));
  EXPECT_FALSE(field_allows({"metadata.name", "In", {"n2"}}));
  EXPECT_TRUE(field_allows({"metadata.name", "NotIn", {"n2"}}));
  EXPECT_FALSE(field_allows({"metadata.name", "NotIn", {"n1"}}));
  EXPECT_FALSE(field_allows({"metadata.name", "In", {"n1", "n2"}}));
  EXPECT_FALSE(field_allows({"metadata.name", "Exists", {"n1"}}));
  EXPECT_FALSE(field_allows({"metadata.name", "Exists", {}}));
  EXPECT_FALSE(field_allows({"metadata.namespace", "In", {"n1"}}));
  EXPECT_FALSE(field_allows({"metadata.namespace", "NotIn", {"x"}}));
}

TEST(NodeAffinity, AllOfATermAndOneOfTheTerms) {
  const auto node = a_node();
  corev1::NodeSelector selector;
  EXPECT_FALSE(node_selector_matches(selector, view_of(node)));
  selector.add_node_selector_terms();
  EXPECT_FALSE(node_selector_matches(selector, view_of(node))) << "a term without requirements";
  auto& term = *selector.add_node_selector_terms();
  fill(*term.add_match_expressions(), {"zone", "In", {"a"}});
  EXPECT_TRUE(node_selector_matches(selector, view_of(node)));
  auto& field = *term.add_match_fields();
  fill(field, {"metadata.name", "In", {"n2"}});
  EXPECT_FALSE(node_selector_matches(selector, view_of(node)));
  field.set_values(0, "n1");
  EXPECT_TRUE(node_selector_matches(selector, view_of(node)));
  fill(*term.add_match_expressions(), {"cores", "Gt", {"8"}});
  EXPECT_FALSE(node_selector_matches(selector, view_of(node)));
}

TEST(NodeAffinity, APodSelectsByBoth) {
  const auto node = a_node();
  corev1::PodSpec spec;
  EXPECT_TRUE(pod_selects(spec, view_of(node)));
  (*spec.mutable_node_selector())["zone"] = "a";
  EXPECT_TRUE(pod_selects(spec, view_of(node)));
  auto& affinity = *spec.mutable_affinity()->mutable_node_affinity();
  affinity.add_preferred_during_scheduling_ignored_during_execution();
  EXPECT_TRUE(pod_selects(spec, view_of(node))) << "a wish is none";
  auto& required = *affinity.mutable_required_during_scheduling_ignored_during_execution();
  EXPECT_FALSE(pod_selects(spec, view_of(node))) << "no term";
  fill(*required.add_node_selector_terms()->add_match_expressions(), {"cores", "Exists", {}});
  EXPECT_TRUE(pod_selects(spec, view_of(node)));
  (*spec.mutable_node_selector())["zone"] = "b";
  EXPECT_FALSE(pod_selects(spec, view_of(node)));
  spec.mutable_node_selector()->clear();
  (*spec.mutable_node_selector())["none"] = "";
  EXPECT_FALSE(pod_selects(spec, view_of(node)));
}

TEST(NodeAffinity, WishesWeigh) {
  const auto node = a_node();
  corev1::NodeAffinity affinity;
  EXPECT_EQ(preferred_weight(affinity, view_of(node)), 0);
  const auto wish = [&](int32_t weight, const char* zone) {
    auto& term = *affinity.add_preferred_during_scheduling_ignored_during_execution();
    term.set_weight(weight);
    if (zone != nullptr) fill(*term.mutable_preference()->add_match_expressions(), {"zone", "In", {zone}});
  };
  wish(10, "a");
  wish(20, "b");
  wish(40, nullptr);
  wish(5, "a");
  EXPECT_EQ(preferred_weight(affinity, view_of(node)), 15);
}

}  // namespace
}  // namespace gantry::sdk
