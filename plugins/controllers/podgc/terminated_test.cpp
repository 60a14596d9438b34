#include "terminated.hpp"

#include <gmock/gmock.h>

#include "missing_nodes.hpp"

namespace gantry::podgc {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

corev1::Pod over(const std::string& name, int64_t created, const std::string& reason = {},
                 const std::string& phase = "Succeeded") {
  corev1::Pod pod;
  pod.mutable_metadata()->set_namespace_("shop");
  pod.mutable_metadata()->set_name(name);
  pod.mutable_metadata()->set_uid("uid-" + name);
  pod.mutable_metadata()->mutable_creation_timestamp()->set_seconds(created);
  pod.mutable_status()->set_phase(phase);
  if (!reason.empty()) pod.mutable_status()->set_reason(reason);
  return pod;
}

std::vector<std::string> names(const std::vector<Terminated::Place>& places) {
  std::vector<std::string> all;
  for (const auto& place : places) all.push_back(place.name);
  return all;
}

TEST(Terminated, EvictedFirstThenByAgeThenByName) {
  Terminated pods;
  for (const auto& pod : {over("young", 30), over("old", 10), over("twin-b", 20), over("twin-a", 20),
                          over("evicted", 40, "Evicted", "Failed")}) {
    pods.note(pod);
  }
  EXPECT_THAT(names(pods.take_beyond(4, 100)), ElementsAre("evicted"));
  EXPECT_THAT(names(pods.take_beyond(1, 2)), ElementsAre("old", "twin-a"));
  EXPECT_THAT(names(pods.take_beyond(1, 2)), ElementsAre("twin-b"));
  EXPECT_THAT(names(pods.take_beyond(1, 2)), IsEmpty());
  EXPECT_EQ(pods.size(), 1U);
}

TEST(Terminated, OnlyWhatIsOverAndNotGoingCounts) {
  Terminated pods;
  pods.note(over("runs", 1, {}, "Running"));
  auto going = over("going", 1);
  going.mutable_metadata()->mutable_deletion_timestamp()->set_seconds(2);
  pods.note(going);
  EXPECT_EQ(pods.size(), 0U);
  pods.note(over("one", 1));
  pods.note(over("one", 1));
  EXPECT_EQ(pods.size(), 1U);
  pods.note(over("one", 5, {}, "Pending"));
  EXPECT_EQ(pods.size(), 0U) << "another one of the name";
  pods.note(over("one", 1));
  pods.forget("elsewhere", "one");
  EXPECT_EQ(pods.size(), 1U);
  pods.forget("shop", "one");
  EXPECT_EQ(pods.size(), 0U);
}

TEST(Terminated, WhatCouldNotGoIsPutBackUnlessItIsNewsMeanwhile) {
  Terminated pods;
  pods.note(over("one", 1));
  auto taken = pods.take_beyond(0, 9);
  ASSERT_EQ(taken.size(), 1U);
  EXPECT_EQ(taken[0].uid, "uid-one");
  pods.note(over("one", 7));
  pods.put_back(taken[0]);
  EXPECT_EQ(pods.size(), 1U);
  taken = pods.take_beyond(0, 9);
  EXPECT_EQ(taken[0].created, 7'000'000'000);
  pods.put_back(taken[0]);
  EXPECT_THAT(names(pods.take_beyond(0, 9)), ElementsAre("one"));
}

TEST(MissingNodes, HaveAWhileSinceTheFirstTime) {
  constexpr int64_t kSecond = 1'000'000'000;
  MissingNodes missing;
  EXPECT_EQ(missing.wait_ms("a", 100 * kSecond), 40'000);
  EXPECT_EQ(missing.wait_ms("a", 139 * kSecond), 1'000);
  EXPECT_EQ(missing.wait_ms("a", 140 * kSecond), 0);
  EXPECT_EQ(missing.wait_ms("b", 140 * kSecond), 40'000);
  missing.found("a");
  EXPECT_EQ(missing.wait_ms("a", 141 * kSecond), 40'000);
}

TEST(MissingNodes, AreBounded) {
  MissingNodes missing;
  for (int i = 0; i < 10'000; ++i) missing.wait_ms(std::to_string(i), 0);
  EXPECT_EQ(missing.wait_ms("0", 40'000'000'000), 0);
  missing.wait_ms("one more", 0);
  EXPECT_EQ(missing.wait_ms("0", 40'000'000'000), 40'000) << "it waits once more";
}

}  // namespace
}  // namespace gantry::podgc
