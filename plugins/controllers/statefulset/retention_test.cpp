// Whose the claims are, by the policy.
#include "retention.hpp"

#include <gmock/gmock.h>

#include "sets_testing.hpp"

namespace gantry::statefulset {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using Owners = std::vector<std::string>;

struct RetentionTest : testing::Test {
  RetentionTest() {
    pod.set_name("web-0");
    pod.set_uid("uid-web-0");
    claim.mutable_metadata()->set_name("data-web-0");
  }
  void policy(const std::string& deleted, const std::string& scaled) {
    auto& policy = *set.mutable_spec()->mutable_persistent_volume_claim_retention_policy();
    policy.set_when_deleted(deleted);
    policy.set_when_scaled(scaled);
  }
  void own(const std::string& api_version, const std::string& kind, const std::string& name, const std::string& uid,
           bool controller = true) {
    auto& owner = *claim.mutable_metadata()->add_owner_references();
    owner.set_api_version(api_version);
    owner.set_kind(kind);
    owner.set_name(name);
    owner.set_uid(uid);
    owner.set_controller(controller);
  }
  Owners owners() const {
    Owners uids;
    for (const auto& owner : claim.metadata().owner_references()) uids.push_back(owner.uid());
    return uids;
  }
  // The owners after the policy was carried out; from then on they match.
  Owners owners_after(bool wanted) {
    const ClaimUser user{pod, wanted};
    const bool matched = owners_match(set, claim, user);
    const auto before = claim.SerializeAsString();
    set_owners(set, claim, user);
    EXPECT_EQ(matched, claim.SerializeAsString() == before);
    EXPECT_TRUE(owners_match(set, claim, user));
    return owners();
  }

  StatefulSet set = set_of(1);
  PersistentVolumeClaim claim;
  metav1::ObjectMeta pod;
};

TEST_F(RetentionTest, EachPolicyHasItsOwners) {
  for (const bool wanted : {true, false}) {
    policy("Retain", "Retain");
    EXPECT_THAT(owners_after(wanted), IsEmpty());
    policy("Delete", "Retain");
    EXPECT_THAT(owners_after(wanted), ElementsAre("uid-web"));
  }
  policy("Retain", "Delete");
  EXPECT_THAT(owners_after(true), IsEmpty());
  EXPECT_THAT(owners_after(false), ElementsAre("uid-web-0"));
  EXPECT_EQ(claim.metadata().owner_references(0).kind(), "Pod");
  EXPECT_TRUE(claim.metadata().owner_references(0).controller());
  EXPECT_THAT(owners_after(true), IsEmpty()) << "the set has room again";
  policy("Delete", "Delete");
  EXPECT_THAT(owners_after(true), ElementsAre("uid-web"));
  EXPECT_THAT(owners_after(false), ElementsAre("uid-web-0"));
  set.mutable_spec()->clear_persistent_volume_claim_retention_policy();
  EXPECT_THAT(owners_after(true), IsEmpty());
}

TEST_F(RetentionTest, OthersAreLeftAlone) {
  own("v1", "ConfigMap", "x", "uid-x", false);
  policy("Delete", "Retain");
  EXPECT_THAT(owners_after(true), ElementsAre("uid-x", "uid-web")) << "an owner that does not manage it";
  own("example.com/v1", "Backup", "b", "uid-b");
  EXPECT_TRUE(has_other_manager(set, claim, {pod, true}));
  EXPECT_FALSE(owners_match(set, claim, {pod, true}));
  EXPECT_THAT(owners_after(true), ElementsAre("uid-x", "uid-b")) << "two managers are one too many";
  policy("Retain", "Retain");
  EXPECT_FALSE(has_other_manager(set, claim, {pod, true}));
  EXPECT_TRUE(owners_match(set, claim, {pod, true}));
}

TEST_F(RetentionTest, WhatGoesWithOthersOfTheSameNameIsLeftAlone) {
  policy("Delete", "Delete");
  own("apps/v1", "StatefulSet", "web", "uid-of-before");
  EXPECT_TRUE(owners_match(set, claim, {pod, true}));
  EXPECT_TRUE(has_other_manager(set, claim, {pod, true}));
  claim.mutable_metadata()->clear_owner_references();
  own("v1", "Pod", "web-0", "uid-of-before");
  EXPECT_TRUE(owners_match(set, claim, {pod, true}));
  EXPECT_TRUE(goes_with_former_pod(claim, pod));
  metav1::ObjectMeta next = pod;
  next.clear_uid();
  EXPECT_TRUE(goes_with_former_pod(claim, next)) << "of one that is not made yet, too";
  claim.mutable_metadata()->mutable_owner_references(0)->set_uid("uid-web-0");
  EXPECT_FALSE(goes_with_former_pod(claim, pod));
  EXPECT_TRUE(goes_with_former_pod(claim, next));
  claim.mutable_metadata()->mutable_owner_references(0)->set_name("web-1");
  EXPECT_FALSE(goes_with_former_pod(claim, next));
}

TEST_F(RetentionTest, MereOwnersBecomeManagers) {
  policy("Delete", "Retain");
  own("apps/v1", "StatefulSet", "web", "uid-web", false);
  EXPECT_THAT(owners_after(true), ElementsAre("uid-web"));
  EXPECT_TRUE(claim.metadata().owner_references(0).controller());
}

TEST_F(RetentionTest, APodThatIsNotMadeYetOwnsNothing) {
  pod.clear_uid();
  policy("Delete", "Delete");
  EXPECT_THAT(owners_after(true), ElementsAre("uid-web"));
}

}  // namespace
}  // namespace gantry::statefulset
