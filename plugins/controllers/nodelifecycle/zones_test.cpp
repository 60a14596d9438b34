#include "zones.hpp"

#include <gtest/gtest.h>

#include "testing.hpp"

namespace gantry::nodelifecycle {
namespace {

using Names = std::vector<std::string>;

struct ZonesTest : testing::Test {
  void put(const std::string& name, const std::string& ready, const std::string& zone = {}) {
    zones.put(node_of(name, ready, zone), now);
  }
  void put_many(int from, int to, const std::string& ready, const std::string& zone = {}) {
    for (int i = from; i < to; ++i) put("n" + std::to_string(1000 + i), ready, zone);
  }
  Zones::Decision decide() { return zones.decide(now); }

  Zones zones;
  int64_t now = kNow;
};

TEST_F(ZonesTest, OneNodeInTenSecondsTheLongestWaitingFirst) {
  put_many(0, 9, "True");
  put("b", "Unknown");
  now += kSecond;
  put("a", "False");
  auto decision = decide();
  EXPECT_EQ(decision.look_at, Names{"b"});
  EXPECT_EQ(decision.wait_ms, 10'000);
  EXPECT_EQ(zones.execute("b"), Execute::kAdd);
  EXPECT_EQ(zones.execute("a"), Execute::kKeep);
  now += 4 * kSecond;
  decision = decide();
  EXPECT_EQ(decision.look_at, Names{});
  EXPECT_EQ(decision.wait_ms, 6'000);
  now += 6 * kSecond;
  decision = decide();
  EXPECT_EQ(decision.look_at, Names{"a"});
  EXPECT_EQ(decision.wait_ms, 0);
}

TEST_F(ZonesTest, ANodeThatComesBackWaitsNoMore) {
  put_many(0, 9, "True");
  put("a", "Unknown");
  EXPECT_EQ(decide().look_at, Names{"a"});
  put("a", "True");
  EXPECT_EQ(zones.execute("a"), Execute::kKeep);
  put("a", "Unknown");
  EXPECT_EQ(zones.execute("a"), Execute::kKeep) << "its next turn comes like everybody's";
  EXPECT_EQ(decide().wait_ms, 10'000);
  EXPECT_TRUE(zones.remove("a"));
  EXPECT_FALSE(zones.remove("a"));
  EXPECT_EQ(decide().wait_ms, 0);
}

TEST_F(ZonesTest, OneThatHasTheTaintNeedsNone) {
  put_many(0, 3, "True");
  auto node = node_of("a", "Unknown");
  taint(node, "node.kubernetes.io/unreachable", "NoExecute");
  EXPECT_TRUE(zones.put(node, now));
  EXPECT_FALSE(zones.put(node, now));
  EXPECT_TRUE(decide().look_at.empty());
  EXPECT_TRUE(zones.concerns_pods("a"));
  EXPECT_TRUE(zones.concerns_pods("unknown"));
  EXPECT_FALSE(zones.concerns_pods("n1000"));
}

// 55 % of a small zone: nobody is given up. Of a large one: ten times slower.
TEST_F(ZonesTest, WhereMostFailItIsSlowerOrNotAtAll) {
  put_many(0, 9, "True");
  put_many(9, 20, "Unknown");
  auto decision = decide();
  EXPECT_TRUE(decision.look_at.empty());
  EXPECT_EQ(decision.wait_ms, 0);
  put("n1019", "True");  // 10 of 20
  decision = decide();
  EXPECT_TRUE(decision.look_at.empty()) << "who could not be given up before waits for a turn";
  EXPECT_EQ(decision.wait_ms, 10'000);
  put_many(20, 60, "Unknown");  // 50 of 60
  decision = decide();
  EXPECT_EQ(decision.wait_ms, 100'000);
  now += 100 * kSecond;
  decision = decide();
  EXPECT_EQ(decision.look_at.size(), 1U);
  EXPECT_EQ(decision.wait_ms, 100'000);
}

TEST_F(ZonesTest, TwoOfTwoOrThreeAreNoOutage) {
  put("a", "True");
  put_many(0, 2, "Unknown");
  EXPECT_EQ(decide().look_at.size(), 1U);
}

TEST_F(ZonesTest, AZoneThatFailsAltogetherIsGivenUpWhereAnotherWorks) {
  put_many(0, 4, "Unknown", "east");
  put_many(4, 8, "True", "west");
  const auto decision = decide();
  EXPECT_EQ(decision.look_at, Names{"n1000"});
  EXPECT_EQ(decision.wait_ms, 10'000);
}

TEST_F(ZonesTest, EachZoneHasItsOwnTurns) {
  put_many(0, 4, "True", "east");
  put_many(4, 8, "True", "west");
  put("a", "Unknown", "east");
  put("b", "Unknown", "west");
  EXPECT_EQ(decide().look_at, (Names{"a", "b"}));
}

TEST_F(ZonesTest, WhereNobodyIsReadyNobodyIsGivenUp) {
  put_many(0, 3, "True");
  put("a", "Unknown");
  EXPECT_EQ(decide().look_at, Names{"a"});
  auto tainted = node_of("a", "Unknown");
  taint(tainted, "node.kubernetes.io/unreachable", "NoExecute");
  zones.put(tainted, now);
  put_many(0, 3, "Unknown");
  auto decision = decide();
  EXPECT_EQ(decision.look_at, Names{"a"}) << "to lose the taint";
  EXPECT_EQ(zones.execute("a"), Execute::kRemove);
  EXPECT_EQ(decision.wait_ms, 0);
  EXPECT_TRUE(decide().look_at.empty());
  now += 3600 * kSecond;
  put("n1000", "True");
  decision = decide();
  EXPECT_TRUE(decision.recovered);
  EXPECT_EQ(zones.execute("a"), Execute::kKeep);
  EXPECT_FALSE(decide().recovered);
}

TEST_F(ZonesTest, ExcludedNodesDoNotCount) {
  put("a", "True");
  for (const char* name : {"x", "y", "z"}) {
    auto node = node_of(name, "Unknown");
    (*node.mutable_metadata()->mutable_labels())["node.kubernetes.io/exclude-disruption"] = "";
    zones.put(node, now);
  }
  EXPECT_EQ(decide().look_at, Names{"x"});
}

TEST_F(ZonesTest, NodesThatHaveNeverReportedAreNotGivenUp) {
  put_many(0, 3, "True");
  put("fresh", "");
  const auto decision = decide();
  EXPECT_TRUE(decision.look_at.empty());
  EXPECT_EQ(decision.wait_ms, 0);
}

}  // namespace
}  // namespace gantry::nodelifecycle
