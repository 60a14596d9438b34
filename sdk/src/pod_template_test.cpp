#include "gantry/pod_template.hpp"

#include <gtest/gtest.h>

#include "gantry/ownership.hpp"

namespace gantry::sdk {
namespace {

TEST(PodTemplate, CarriesLabelsAnnotationsFinalizersAndTheOwner) {
  metav1::ObjectMeta set;
  set.set_name("web-1");
  set.set_namespace_("shop");
  set.set_uid("u1");
  corev1::PodTemplateSpec from;
  (*from.mutable_metadata()->mutable_labels())["app"] = "web";
  (*from.mutable_metadata()->mutable_annotations())["note"] = "x";
  from.mutable_metadata()->add_finalizers("example.com/hold");
  from.mutable_metadata()->set_name("ignored");
  from.mutable_spec()->add_containers()->set_name("c");

  const auto pod = pod_from_template(from, set, controller_reference(set, "apps/v1", "ReplicaSet"));
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

TEST(PodTemplate, TheLongestNameGetsNoDash) {
  metav1::ObjectMeta owner;
  owner.set_name(std::string(252, 'a'));
  EXPECT_EQ(pod_from_template({}, owner, {}).metadata().generate_name(), owner.name() + "-");
  owner.set_name(std::string(253, 'a'));
  EXPECT_EQ(pod_from_template({}, owner, {}).metadata().generate_name(), owner.name());
}

}  // namespace
}  // namespace gantry::sdk
