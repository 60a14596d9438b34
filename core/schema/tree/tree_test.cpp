// The schema tree as built from the embedded descriptor set.
#include <chrono>

#include "core/schema/schema_testing.hpp"

namespace gantry::schema {
namespace {

using testing::builtin;
using testing::pod_kind;

TEST(Tree, KindsAreInDiscoveryOrder) {
  const auto& kinds = builtin().kinds();
  ASSERT_FALSE(kinds.empty());
  EXPECT_EQ(kinds.front()->group, "");
  bool left_core = false;
  for (const Kind* kind : kinds) {
    if (!kind->group.empty()) left_core = true;
    EXPECT_FALSE(left_core && kind->group.empty()) << kind->kind;
    EXPECT_NE(kind->message, nullptr);
    EXPECT_TRUE(kind->list_message != nullptr || !kind->has_verb("list")) << kind->kind;
  }
}

TEST(Tree, PodIsWhole) {
  const Kind& pod = pod_kind();
  EXPECT_EQ(pod.plural, "pods");
  EXPECT_TRUE(pod.namespaced);
  EXPECT_TRUE(pod.has_verb("watch"));
  ASSERT_NE(pod.subresource("status"), nullptr);
  EXPECT_EQ(pod.subresource("nope"), nullptr);
  const Field* spec = pod.message->find("spec");
  ASSERT_NE(spec, nullptr);
  const Field* containers = spec->message->find("containers");
  ASSERT_NE(containers, nullptr);
  EXPECT_TRUE(containers->repeated);
  EXPECT_EQ(containers->patch_merge_key, "name");
  EXPECT_EQ(containers->list_type, ListType::kMap);
  EXPECT_FALSE(containers->comment.empty());
  const Field* node_selector = spec->message->find("nodeSelector");
  ASSERT_NE(node_selector, nullptr);
  EXPECT_TRUE(node_selector->map);
  EXPECT_EQ(node_selector->type, FieldType::kString);
}

TEST(Tree, InlinedFieldsAreFoundInTheParent) {
  const Message* volume = builtin().find_message("k8s.io.api.core.v1.Volume");
  ASSERT_NE(volume, nullptr);
  EXPECT_NE(volume->find("hostPath"), nullptr);
  EXPECT_EQ(volume->find("volumeSource"), nullptr);
  EXPECT_NE(volume->find_number(2), nullptr);
}

TEST(Tree, LookupsOfUnknownThings) {
  EXPECT_EQ(builtin().find_kind("", "v1", "Nope"), nullptr);
  EXPECT_EQ(builtin().find_resource("apps", "v2", "deployments"), nullptr);
  EXPECT_NE(builtin().find_resource("apps", "v1", "deployments"), nullptr);
  EXPECT_EQ(builtin().find_message("nope"), nullptr);
}

}  // namespace
}  // namespace gantry::schema
