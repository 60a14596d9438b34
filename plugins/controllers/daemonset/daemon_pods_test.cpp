#include "daemon_pods.hpp"

#include <gmock/gmock.h>

#include "testing.hpp"

namespace gantry::daemonset {
namespace {

using daemonset::testing::make_set;

TEST(DaemonPods, CarryTheirVersionAndTheirOwner) {
  auto set = make_set();
  const auto pod = make_pod(set, "abc");
  const auto& labels = pod.metadata().labels();
  EXPECT_EQ(labels.at("app"), "agent");
  EXPECT_EQ(labels.at("controller-revision-hash"), "abc");
  EXPECT_EQ(labels.at("pod-template-generation"), "2");
  EXPECT_EQ(pod.metadata().generate_name(), "agent-");
  ASSERT_EQ(pod.metadata().owner_references_size(), 1);
  EXPECT_EQ(pod.metadata().owner_references(0).kind(), "DaemonSet");
  EXPECT_EQ(pod.metadata().owner_references(0).uid(), "uid-agent");
  EXPECT_EQ(hash_of(pod), "abc");
  (*set.mutable_metadata()->mutable_annotations())[kGenerationAnnotation] = "2x";
  EXPECT_FALSE(make_pod(set, "abc").metadata().labels().contains("pod-template-generation"));
}

TEST(DaemonPods, TolerateTroublesForEver) {
  auto set = make_set();
  auto& own = *set.mutable_spec()->mutable_template_()->mutable_spec()->add_tolerations();
  own.set_key("node.kubernetes.io/unreachable");
  own.set_operator_("Exists");
  own.set_effect("NoExecute");
  own.set_toleration_seconds(300);
  const auto pod = make_pod(set, "abc");
  const auto& all = pod.spec().tolerations();
  ASSERT_EQ(all.size(), 6);
  EXPECT_EQ(all[0].key(), "node.kubernetes.io/unreachable");
  EXPECT_FALSE(all[0].has_toleration_seconds());
  EXPECT_EQ(all[1].key() + " " + all[1].operator_() + " " + all[1].effect(),
            "node.kubernetes.io/not-ready Exists NoExecute");
  set.mutable_spec()->mutable_template_()->mutable_spec()->set_host_network(true);
  EXPECT_EQ(make_pod(set, "abc").spec().tolerations_size(), 7);
}

TEST(DaemonPods, GoToOneNodeByName) {
  auto set = make_set();
  auto& terms = *set.mutable_spec()
                     ->mutable_template_()
                     ->mutable_spec()
                     ->mutable_affinity()
                     ->mutable_node_affinity()
                     ->mutable_required_during_scheduling_ignored_during_execution();
  terms.add_node_selector_terms()->add_match_expressions()->set_key("zone");
  terms.add_node_selector_terms()->add_match_expressions()->set_key("disk");
  auto pod = make_pod(set, "abc");
  EXPECT_EQ(node_of(pod), "");
  pin_to_node(pod, "node-7");
  const auto& required = pod.spec().affinity().node_affinity().required_during_scheduling_ignored_during_execution();
  ASSERT_EQ(required.node_selector_terms_size(), 1);
  EXPECT_EQ(required.node_selector_terms(0).match_expressions_size(), 0);
  const auto& field = required.node_selector_terms(0).match_fields(0);
  EXPECT_EQ(field.key() + " " + field.operator_() + " " + field.values(0), "metadata.name In node-7");
  EXPECT_EQ(node_of(pod), "node-7");
  pod.mutable_spec()->set_node_name("node-8");
  EXPECT_EQ(node_of(pod), "node-8") << "where it is counts";
}

}  // namespace
}  // namespace gantry::daemonset
