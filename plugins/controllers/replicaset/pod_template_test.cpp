#include "pod_template.hpp"

#include <gtest/gtest.h>

namespace gantry::replicaset {
namespace {

TEST(PodTemplate, CarriesLabelsAnnotationsFinalizersAndTheOwner) {
  appsv1::ReplicaSet set;
  set.mutable_metadata()->set_name("web-1");
  set.mutable_metadata()->set_namespace_("shop");
  set.mutable_metadata()->set_uid("u1");
  auto& meta = *set.mutable_spec()->mutable_template_()->mutable_metadata();
  (*meta.mutable_labels())["app"] = "web";
  (*meta.mutable_annotations())["note"] = "x";
  meta.add_finalizers("example.com/hold");
  set.mutable_spec()->mutable_template_()->mutable_spec()->add_containers()->set_name("c");

  const auto pod = pod_from_template(set);
  EXPECT_EQ(pod.metadata().generate_name(), "web-1-");
  EXPECT_EQ(pod.metadata().name(), "");
  EXPECT_EQ(pod.metadata().namespace_(), "shop");
  EXPECT_EQ(pod.metadata().labels().at("app"), "web");
  EXPECT_EQ(pod.metadata().annotations().at("note"), "x");
  EXPECT_EQ(pod.metadata().finalizers(0), "example.com/hold");
  ASSERT_EQ(pod.metadata().owner_references_size(), 1);
  const auto& owner = pod.metadata().owner_references(0);
  EXPECT_EQ(owner.api_version() + " " + owner.kind() + " " + owner.name() + " " + owner.uid(),
            "apps/v1 ReplicaSet web-1 u1");
  EXPECT_TRUE(owner.controller());
  EXPECT_TRUE(owner.block_owner_deletion());
  EXPECT_EQ(pod.spec().containers(0).name(), "c");
}

TEST(PodTemplate, PrefixFallsBackWhenTheOwnersNameCannotBeginAPodsName) {
  EXPECT_EQ(pod_name_prefix("web"), "web-");
  EXPECT_EQ(pod_name_prefix("a.b-c"), "a.b-c-");
  EXPECT_EQ(pod_name_prefix("Web"), "replicaset");
  EXPECT_EQ(pod_name_prefix(""), "replicaset");
  EXPECT_EQ(pod_name_prefix("a..b"), "replicaset");
  EXPECT_EQ(pod_name_prefix(std::string(253, 'a')), "replicaset");
}

}  // namespace
}  // namespace gantry::replicaset
