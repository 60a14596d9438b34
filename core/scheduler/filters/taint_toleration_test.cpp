#include <gtest/gtest.h>

#include "core/scheduler/scheduler_testing.hpp"

namespace gantry::scheduler {
namespace {

TEST(TaintTolerationFilter, TaintsAndTolerations) {
  auto node = node_with("1", "1Gi");
  node.facts.taints = {taint_with("NoSchedule")};
  struct Case {
    std::string key, op, value, effect;
    bool fits;
  };
  const Case cases[] = {
      {"dedicated", "Equal", "gpu", "NoSchedule", true},
      {"dedicated", "", "gpu", "", true},
      {"dedicated", "Equal", "cpu", "", false},
      {"dedicated", "Exists", "", "", true},
      {"", "Exists", "", "", true},
      {"other", "Exists", "", "", false},
      {"dedicated", "Exists", "", "NoExecute", false},
      {"dedicated", "Gt", "1", "", false},
  };
  for (const auto& c : cases) {
    auto pod = pod_with("", "");
    auto& toleration = *pod.mutable_spec()->add_tolerations();
    toleration.set_key(c.key);
    toleration.set_operator_(c.op);
    toleration.set_value(c.value);
    toleration.set_effect(c.effect);
    EXPECT_EQ(fits(pod, node), c.fits) << c.key << c.op << c.value << c.effect;
  }
  EXPECT_EQ(judged(pod_with("", ""), node),
            (Judged{Verdict::kUnresolvable, {"node(s) had untolerated taint(s)"}, Changes::kTaints}));
  node.facts.taints[0].set_effect("PreferNoSchedule");
  EXPECT_TRUE(fits(pod_with("", ""), node));
}

// Each times each would take minutes.
TEST(TaintTolerationFilter, VeryManyTaintsAndTolerations) {
  constexpr int kVeryMany = 200'000;
  auto node = node_with("1", "1Gi");
  auto pod = pod_with("", "");
  for (int i = 0; i < kVeryMany; ++i) {
    auto& taint = node.facts.taints.emplace_back();
    taint.set_key(i % 2 == 0 ? "key" : "key" + std::to_string(i));
    taint.set_value("value" + std::to_string(i));
    taint.set_effect(i % 3 == 0 ? "PreferNoSchedule" : "NoSchedule");
    auto& toleration = *pod.mutable_spec()->add_tolerations();
    toleration.set_key(taint.key());
    toleration.set_value(taint.value());
    toleration.set_effect(i % 5 == 0 ? "" : taint.effect());
  }
  EXPECT_EQ(reasons_against(pod, node), Said{});
  EXPECT_EQ(rated("TaintToleration", pod, node), 0);
  node.facts.taints.back().set_value("another");
  node.facts.taints.front().set_value("another");
  EXPECT_EQ(reasons_against(pod, node), Said{"node(s) had untolerated taint(s)"});
  EXPECT_EQ(rated("TaintToleration", pod, node), 1);
}

}  // namespace
}  // namespace gantry::scheduler
