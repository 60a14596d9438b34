#include <gtest/gtest.h>

#include "core/scheduler/scheduler_testing.hpp"

namespace gantry::scheduler {
namespace {

TEST(NodeAffinityFilter, SelectorAndAffinity) {
  const auto node = node_with("1", "1Gi");
  const Said mismatch{"node(s) didn't match Pod's node affinity/selector"};
  auto pod = pod_with("", "");
  EXPECT_FALSE(asks(read_waiting_pod(pod)->filters, "NodeAffinity"));
  (*pod.mutable_spec()->mutable_node_selector())["zone"] = "a";
  EXPECT_TRUE(fits(pod, node));
  (*pod.mutable_spec()->mutable_node_selector())["zone"] = "b";
  EXPECT_EQ(judged(pod, node), (Judged{Verdict::kUnresolvable, mismatch, Changes::kLabels}));
  struct Case {
    std::string key, op;
    std::vector<std::string> values;
    bool fits;
  };
  const Case cases[] = {
      {"zone", "In", {"a", "b"}, true}, {"zone", "NotIn", {"a"}, false}, {"none", "NotIn", {"a"}, true},
      {"zone", "Exists", {}, true},     {"none", "Exists", {}, false},   {"none", "DoesNotExist", {}, true},
      {"cores", "Gt", {"4"}, true},     {"cores", "Gt", {"8"}, false},   {"cores", "Lt", {"9"}, true},
      {"zone", "Gt", {"1"}, false},     {"cores", "Gt", {"x"}, false},   {"zone", "Odd", {"a"}, false}};
  for (const auto& c : cases) {
    auto wanted = pod_with("", "");
    auto& requirement = *wanted.mutable_spec()
                             ->mutable_affinity()
                             ->mutable_node_affinity()
                             ->mutable_required_during_scheduling_ignored_during_execution()
                             ->add_node_selector_terms()
                             ->add_match_expressions();
    requirement.set_key(c.key);
    requirement.set_operator_(c.op);
    for (const auto& value : c.values) requirement.add_values(value);
    EXPECT_EQ(fits(wanted, node), c.fits) << c.key << " " << c.op;
  }
  auto by_name = pod_with("", "");
  auto* terms = by_name.mutable_spec()
                    ->mutable_affinity()
                    ->mutable_node_affinity()
                    ->mutable_required_during_scheduling_ignored_during_execution();
  terms->add_node_selector_terms();  // an empty term matches nothing
  EXPECT_EQ(reasons_against(by_name, node), mismatch);
  auto& field = *terms->add_node_selector_terms()->add_match_fields();
  field.set_key("metadata.name");
  field.set_operator_("In");
  field.add_values("n");
  EXPECT_TRUE(fits(by_name, node));
}

}  // namespace
}  // namespace gantry::scheduler
