#include "annotations.hpp"

#include <gtest/gtest.h>

namespace gantry::deployment {
namespace {

std::string at(const ReplicaSet& set, const std::string& key) {
  const auto it = set.metadata().annotations().find(key);
  return it == set.metadata().annotations().end() ? "(none)" : it->second;
}

void put(ReplicaSet& set, const std::string& key, const std::string& value) {
  (*set.mutable_metadata()->mutable_annotations())[key] = value;
}

TEST(Annotations, NewSetGetsTheDeploymentsButNotItsOwnBookkeeping) {
  Deployment deployment;
  auto& annotations = *deployment.mutable_metadata()->mutable_annotations();
  annotations["team"] = "shop";
  annotations["kubernetes.io/change-cause"] = "image";
  annotations["kubectl.kubernetes.io/last-applied-configuration"] = "{}";
  annotations[kRevision] = "7";
  ReplicaSet set;
  EXPECT_TRUE(annotate_new_set(deployment, set, 3));
  EXPECT_EQ(at(set, "team"), "shop");
  EXPECT_EQ(at(set, "kubernetes.io/change-cause"), "image");
  EXPECT_EQ(at(set, "kubectl.kubernetes.io/last-applied-configuration"), "(none)");
  EXPECT_EQ(at(set, kRevision), "3");
  EXPECT_EQ(at(set, kRevisionHistory), "(none)");
  EXPECT_FALSE(annotate_new_set(deployment, set, 3));
}

TEST(Annotations, RollingBackKeepsTheEarlierNumbers) {
  ReplicaSet set;
  put(set, kRevision, "1");
  EXPECT_TRUE(annotate_new_set({}, set, 4));
  EXPECT_EQ(at(set, kRevision), "4");
  EXPECT_EQ(at(set, kRevisionHistory), "1");
  EXPECT_TRUE(annotate_new_set({}, set, 6));
  EXPECT_EQ(at(set, kRevisionHistory), "1,4");
}

TEST(Annotations, TheHistoryForgetsItsBeginning) {
  ReplicaSet set;
  put(set, kRevision, "44");
  put(set, kRevisionHistory, "1,22,33");
  EXPECT_TRUE(annotate_new_set({}, set, 50, 8));
  EXPECT_EQ(at(set, kRevisionHistory), "22,33,44");
  put(set, kRevision, "123456789");
  EXPECT_TRUE(annotate_new_set({}, set, 200'000'000, 8));
  EXPECT_EQ(at(set, kRevisionHistory), "123456789");
}

TEST(Annotations, ARevisionNeverGoesDownAndNonsenseIsLeftAlone) {
  ReplicaSet set;
  put(set, kRevision, "9");
  EXPECT_FALSE(annotate_new_set({}, set, 4));
  EXPECT_EQ(at(set, kRevision), "9");
  put(set, kRevision, "x");
  EXPECT_FALSE(annotate_new_set({}, set, 4));
  EXPECT_EQ(at(set, kRevision), "x");
  EXPECT_FALSE(revision_of(set.metadata()));
  ReplicaSet other;
  put(other, kRevision, "3");
  EXPECT_EQ(max_revision({&set, &other}), 3);
}

TEST(Annotations, Sizes) {
  ReplicaSet set;
  EXPECT_TRUE(annotate_size(set, 10, 13));
  EXPECT_FALSE(annotate_size(set, 10, 13));
  EXPECT_TRUE(annotate_size(set, 10, 12));
  EXPECT_EQ(count_annotation(set, kDesiredReplicas), 10);
  EXPECT_EQ(count_annotation(set, kMaxReplicas), 12);
  put(set, kMaxReplicas, "12x");
  EXPECT_FALSE(count_annotation(set, kMaxReplicas));
}

}  // namespace
}  // namespace gantry::deployment
