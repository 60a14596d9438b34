#include "replica_sets.hpp"

#include <gmock/gmock.h>

#include "annotations.hpp"

namespace gantry::deployment {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

ReplicaSet make(const std::string& name, int64_t created, int32_t replicas, const std::string& image = "web:1") {
  ReplicaSet set;
  set.mutable_metadata()->set_name(name);
  set.mutable_metadata()->mutable_creation_timestamp()->set_seconds(created);
  set.mutable_spec()->set_replicas(replicas);
  (*set.mutable_spec()->mutable_template_()->mutable_metadata()->mutable_labels())[kHashLabel] = name;
  set.mutable_spec()->mutable_template_()->mutable_spec()->add_containers()->set_image(image);
  return set;
}

std::vector<std::string> names(const Sets& sets) {
  std::vector<std::string> out;
  for (const auto* set : sets) out.push_back(set->metadata().name());
  return out;
}

TEST(ReplicaSets, Orders) {
  auto a = make("a", 5, 3), b = make("b", 5, 3), c = make("c", 1, 9);
  Sets sets{&b, &c, &a};
  sort_oldest_first(sets);
  EXPECT_THAT(names(sets), ElementsAre("c", "a", "b"));
  sort_by_size(sets, true);
  EXPECT_THAT(names(sets), ElementsAre("c", "b", "a"));
  sort_by_size(sets, false);
  EXPECT_THAT(names(sets), ElementsAre("c", "a", "b"));
}

TEST(ReplicaSets, TheNewOneHasTheTemplateWhateverItsHash) {
  Deployment deployment;
  *deployment.mutable_spec()->mutable_template_() = make("", 0, 0, "web:2").spec().template_();
  deployment.mutable_spec()->mutable_template_()->mutable_metadata()->mutable_labels()->clear();
  auto one = make("one", 1, 1), two = make("two", 3, 1, "web:2"), earlier = make("earlier", 2, 1, "web:2");
  EXPECT_EQ(find_new(deployment, {&one}), nullptr);
  EXPECT_EQ(find_new(deployment, {&one, &two, &earlier}), &earlier);
  (*two.mutable_spec()->mutable_template_()->mutable_metadata()->mutable_labels())["x"] = "y";
  EXPECT_EQ(find_new(deployment, {&one, &two}), nullptr);
}

TEST(ReplicaSets, ActiveOrLatest) {
  auto a = make("a", 1, 0), b = make("b", 2, 0), fresh = make("fresh", 3, 0);
  EXPECT_EQ(active_or_latest(nullptr, {}), nullptr);
  EXPECT_EQ(active_or_latest(nullptr, {&b, &a}), &b);
  EXPECT_EQ(active_or_latest(&fresh, {&b, &a}), &fresh);
  a.mutable_spec()->set_replicas(2);
  EXPECT_EQ(active_or_latest(&fresh, {&b, &a}), &a);
  fresh.mutable_spec()->set_replicas(2);
  EXPECT_EQ(active_or_latest(&fresh, {&b, &a}), nullptr);
}

TEST(ReplicaSets, HistoryKeepsTheHighestRevisionsAndWhatStillHasPods) {
  auto a = make("a", 4, 0), b = make("b", 3, 0), c = make("c", 2, 0), d = make("d", 1, 0);
  const auto revise = [](ReplicaSet& set, const char* revision) {
    (*set.mutable_metadata()->mutable_annotations())[kRevision] = revision;
  };
  revise(a, "1");
  revise(b, "2");
  revise(c, "10");
  revise(d, "4");
  EXPECT_THAT(names(beyond_history({&c, &d, &b, &a}, 2)), ElementsAre("a", "b"));
  EXPECT_THAT(beyond_history({&c, &d, &b, &a}, 4), IsEmpty());
  EXPECT_THAT(names(beyond_history({&c, &d, &b, &a}, 0)), ElementsAre("a", "b", "d", "c"));
  b.mutable_status()->set_replicas(1);
  a.mutable_metadata()->set_generation(2);
  EXPECT_THAT(beyond_history({&c, &d, &b, &a}, 2), IsEmpty());
  a.mutable_status()->set_observed_generation(2);
  d.mutable_metadata()->mutable_deletion_timestamp();
  EXPECT_THAT(names(beyond_history({&c, &d, &b, &a}, 2)), ElementsAre("a"));
}

}  // namespace
}  // namespace gantry::deployment
