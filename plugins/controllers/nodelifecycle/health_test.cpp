#include "health.hpp"

#include <gtest/gtest.h>

#include "gantry/conditions.hpp"
#include "heartbeats.hpp"
#include "testing.hpp"

namespace gantry::nodelifecycle {
namespace {

TEST(MakeUnknown, SaysThatTheKubeletStoppedOrNeverBegan) {
  auto node = node_of("n", "True");
  EXPECT_TRUE(make_unknown(node, kNow + kSecond));
  const auto& ready = *ready_condition(node);
  EXPECT_EQ(ready.status() + " " + ready.reason() + " " + ready.message(),
            "Unknown NodeStatusUnknown Kubelet stopped posting node status.");
  EXPECT_EQ(to_ns(ready.last_transition_time()), kNow + kSecond);
  EXPECT_EQ(to_ns(ready.last_heartbeat_time()), kNow);
  const auto& memory = *sdk::find_condition(node.status().conditions(), "MemoryPressure");
  EXPECT_EQ(memory.status() + " " + memory.reason() + " " + memory.message(),
            "Unknown NodeStatusNeverUpdated Kubelet never posted node status.");
  EXPECT_EQ(node.status().conditions_size(), 4);
  EXPECT_FALSE(make_unknown(node, kNow + 2 * kSecond));
  EXPECT_EQ(readiness(node), Ready::kUnknown);
}

struct HeartbeatsTest : testing::Test {
  int64_t after(const corev1::Node& node, int64_t seconds) {
    return heartbeats.silent_after_ms(node, settings, kNow + seconds * kSecond);
  }
  Heartbeats heartbeats;
  Settings settings;
};

TEST_F(HeartbeatsTest, ALeaseIsALifeSign) {
  const auto node = node_of("n", "True");
  EXPECT_EQ(after(node, 0), 50'000);
  EXPECT_EQ(after(node, 49), 1'000);
  EXPECT_EQ(after(node, 50), 0);
  heartbeats.lease("n", 5, kNow + 55 * kSecond);
  EXPECT_EQ(after(node, 55), 50'000);
  heartbeats.lease("n", 5, kNow + 60 * kSecond);  // the same again is none
  EXPECT_EQ(after(node, 60), 45'000);
  heartbeats.lease("n", 6, kNow + 60 * kSecond);
  EXPECT_EQ(after(node, 60), 50'000);
}

TEST_F(HeartbeatsTest, ANewHeartbeatOfTheStatusIsOneToo) {
  auto node = node_of("n", "True");
  EXPECT_EQ(after(node, 0), 50'000);
  EXPECT_EQ(after(node, 30), 20'000);
  *node.mutable_status()->mutable_conditions(0)->mutable_last_heartbeat_time() = to_time(kNow + 7);
  EXPECT_EQ(after(node, 30), 20'000) << "times have whole seconds";
  *node.mutable_status()->mutable_conditions(0)->mutable_last_heartbeat_time() = to_time(kNow - kSecond);
  EXPECT_EQ(after(node, 30), 50'000) << "whatever the node's clock says";
}

TEST_F(HeartbeatsTest, NodesThatBeginHaveMoreTime) {
  const auto fresh = node_of("n", "");
  EXPECT_EQ(after(fresh, 10), 50'000);
  EXPECT_EQ(after(node_of("n", "True"), 59), 50'000);
  auto other = node_of("n", "True");
  other.mutable_metadata()->set_uid("another");
  EXPECT_EQ(after(other, 80), 50'000);
}

TEST_F(HeartbeatsTest, AfterAnOutageEverybodyHasTimeAgain) {
  const auto node = node_of("n", "True");
  EXPECT_EQ(after(node, 0), 50'000);
  heartbeats.restart(kNow + 100 * kSecond);
  EXPECT_EQ(after(node, 110), 40'000);
  heartbeats.forget("n");
  EXPECT_EQ(after(node, 300), 50'000);
}

}  // namespace
}  // namespace gantry::nodelifecycle
