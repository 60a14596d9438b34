#include "core/scheduler/nominations.hpp"

#include <gtest/gtest.h>

#include "core/scheduler/scheduler_testing.hpp"

namespace gantry::scheduler {
namespace {

WaitingPtr nominee(const std::string& node, int32_t priority = 0) {
  auto pod = pod_with("1", "");
  pod.mutable_status()->set_nominated_node_name(node);
  pod.mutable_spec()->set_priority(priority);
  return read_waiting_pod(pod);
}

TEST(Nominations, APromiseIsKeptUntilWordOfItCame) {
  Nominations some;
  some.add(nominee(""), "n1");
  EXPECT_FALSE(some.hear(nominee(""))) << "this is older than the promise";
  ASSERT_NE(some.node_of("u"), nullptr);
  EXPECT_FALSE(some.hear(nominee("n1")));
  EXPECT_EQ(some.on("n1").size(), 1u);
  EXPECT_TRUE(some.hear(nominee("")));
  EXPECT_EQ(some.node_of("u"), nullptr);
  EXPECT_TRUE(some.empty());
  EXPECT_TRUE(some.on("n1").empty());
}

TEST(Nominations, OthersPromisesCount) {
  Nominations some;
  EXPECT_FALSE(some.hear(nominee("n1")));
  EXPECT_EQ(*some.node_of("u"), "n1");
  EXPECT_TRUE(some.hear(nominee("n2")));
  EXPECT_EQ(*some.node_of("u"), "n2");
  EXPECT_TRUE(some.on("n1").empty());
  EXPECT_TRUE(some.forget("u"));
  EXPECT_FALSE(some.forget("u"));
}

TEST(Nominations, TellsThoseOfLessPriority) {
  Nominations some;
  some.add(nominee("", 5), "n1");
  EXPECT_TRUE(some.below(5, "n1").empty());
  EXPECT_EQ(some.below(6, "n1").size(), 1u);
  EXPECT_TRUE(some.below(6, "n2").empty());
}

}  // namespace
}  // namespace gantry::scheduler
