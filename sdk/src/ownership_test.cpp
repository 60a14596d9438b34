#include "gantry/ownership.hpp"

#include <gtest/gtest.h>

#include "gantry/json_text.hpp"
#include "k8s.io/api/core/v1/pod.pb.h"

namespace gantry::sdk {
namespace {

TEST(Ownership, TheControllerIsOneOwnerAmongSeveral) {
  metav1::ObjectMeta meta;
  EXPECT_EQ(controller_of(meta), nullptr);
  meta.add_owner_references()->set_uid("u1");
  EXPECT_EQ(controller_of(meta), nullptr) << "an owner that manages nothing";
  auto& second = *meta.add_owner_references();
  second.set_uid("u2");
  second.set_controller(true);
  EXPECT_EQ(controller_of(meta)->uid(), "u2");
  EXPECT_EQ(reference_to(meta, "u1")->uid(), "u1");
  EXPECT_EQ(reference_to(meta, "u3"), nullptr);
}

TEST(Ownership, AKindIsOfAGroupInWhicheverVersion) {
  metav1::OwnerReference owner;
  owner.set_kind("ReplicaSet");
  const auto is_ours = [&](const char* api_version) {
    owner.set_api_version(api_version);
    return is_of_kind(&owner, "apps", "ReplicaSet");
  };
  EXPECT_TRUE(is_ours("apps/v1"));
  EXPECT_TRUE(is_ours("apps/v1beta2"));
  EXPECT_FALSE(is_ours("apps"));
  EXPECT_FALSE(is_ours("apps.example.com/v1"));
  EXPECT_FALSE(is_ours("v1"));
  owner.set_kind("Job");
  EXPECT_FALSE(is_ours("apps/v1"));
  EXPECT_FALSE(is_of_kind(nullptr, "apps", "ReplicaSet"));
  owner.set_api_version("v1");
  EXPECT_TRUE(is_of_kind(&owner, "", "Job"));
}

TEST(Ownership, ReferencesAsJson) {
  metav1::OwnerReference owner;
  owner.set_api_version("apps/v1");
  owner.set_kind("ReplicaSet");
  owner.set_name("web");
  owner.set_uid("u\"1");
  EXPECT_EQ(json_of(owner), R"({"apiVersion":"apps/v1","kind":"ReplicaSet","name":"web","uid":"u\"1"})");
  owner.set_controller(false);
  owner.set_block_owner_deletion(true);
  EXPECT_EQ(json_of(owner), R"({"apiVersion":"apps/v1","kind":"ReplicaSet","name":"web","uid":"u\"1",)"
                            R"("controller":false,"blockOwnerDeletion":true})");
  owner.set_controller(true);
  owner.set_block_owner_deletion(false);
  EXPECT_EQ(json_of(owner), R"({"apiVersion":"apps/v1","kind":"ReplicaSet","name":"web","uid":"u\"1",)"
                            R"("controller":true,"blockOwnerDeletion":false})");
}

TEST(Ownership, MetadataOfAnyKind) {
  corev1::Pod pod;
  pod.mutable_metadata()->set_name("web");
  pod.mutable_spec()->set_node_name("n");
  EXPECT_EQ(metadata_of(pod.SerializeAsString())->name(), "web");
  EXPECT_EQ(metadata_of("")->name(), "");
  EXPECT_FALSE(metadata_of("\x0a\xff\xff"));
}

TEST(JsonText, EscapesWhatItMust) {
  EXPECT_EQ(json_string(""), "\"\"");
  EXPECT_EQ(json_string("a\"b\\c\n\x1f\x7fü"), "\"a\\\"b\\\\c\\u000a\\u001f\x7fü\"");
  EXPECT_EQ(json_string(std::string_view("\0", 1)), "\"\\u0000\"");
  std::string object = "{";
  add_json_member(object, "a", "1");
  add_json_member(object, "b\"", "2");
  EXPECT_EQ(object, R"({"a":"1","b\"":"2")");
}

}  // namespace
}  // namespace gantry::sdk
