#include "gantry/scheduling/tolerations.hpp"

#include <gtest/gtest.h>

namespace gantry::sdk {
namespace {

TEST(Tolerations, EffectsKeysAndOperators) {
  struct Case {
    std::string key, op, value, effect;
    std::string taint_key, taint_value, taint_effect;
    bool tolerated;
  };
  const Case cases[] = {
      {"a", "Equal", "1", "NoSchedule", "a", "1", "NoSchedule", true},
      {"a", "Equal", "1", "NoSchedule", "a", "1", "NoExecute", false},
      {"a", "Equal", "1", "NoSchedule", "a", "2", "NoSchedule", false},
      {"a", "Equal", "1", "", "a", "1", "NoExecute", true},
      {"a", "", "", "", "a", "", "PreferNoSchedule", true},
      {"a", "", "", "", "a", "1", "PreferNoSchedule", false},
      {"a", "Exists", "", "", "a", "1", "NoSchedule", true},
      {"a", "Exists", "", "NoExecute", "a", "1", "NoExecute", true},
      {"a", "Exists", "", "NoExecute", "a", "1", "NoSchedule", false},
      {"a", "Exists", "", "", "b", "1", "NoSchedule", false},
      {"", "Exists", "", "", "b", "1", "NoSchedule", true},
      {"", "Exists", "", "NoExecute", "b", "1", "NoSchedule", false},
      {"", "Exists", "", "NoExecute", "b", "1", "NoExecute", true},
      {"", "Equal", "1", "", "b", "1", "NoSchedule", false},
      {"a", "Lt", "1", "", "a", "0", "NoSchedule", false},
  };
  for (const auto& c : cases) {
    google::protobuf::RepeatedPtrField<corev1::Toleration> list;
    const auto add = [&](const std::string& key, const std::string& op, const std::string& value,
                         const std::string& effect) {
      auto& toleration = *list.Add();
      toleration.set_key(key);
      toleration.set_operator_(op);
      toleration.set_value(value);
      toleration.set_effect(effect);
    };
    // Among others, which decide nothing.
    add("z", "Exists", "", "");
    add("a", "Equal", "7", "");
    add(c.key, c.op, c.value, c.effect);
    add("a", "Equal", "0x", "NoSchedule");
    corev1::Taint taint;
    taint.set_key(c.taint_key);
    taint.set_value(c.taint_value);
    taint.set_effect(c.taint_effect);
    EXPECT_EQ(Tolerations(list).tolerate(taint), c.tolerated)
        << c.key << " " << c.op << " " << c.value << " " << c.effect << " of " << c.taint_key << "=" << c.taint_value
        << ":" << c.taint_effect;
    EXPECT_FALSE(Tolerations().tolerate(taint));
  }
}

TEST(Tolerations, OnlySomeEffectsKeepPodsAway) {
  std::vector<corev1::Taint> taints(3);
  taints[0].set_effect("PreferNoSchedule");
  taints[1].set_effect("NoExecute");
  taints[2].set_effect("NoSchedule");
  for (auto& taint : taints) taint.set_key("k" + taint.effect());
  EXPECT_EQ(untolerated(taints, Tolerations()), &taints[1]);
  google::protobuf::RepeatedPtrField<corev1::Toleration> list;
  list.Add()->set_key("kNoExecute");
  EXPECT_EQ(untolerated(taints, Tolerations(list)), &taints[2]);
  list.Add()->set_key("kNoSchedule");
  EXPECT_EQ(untolerated(taints, Tolerations(list)), nullptr);
  EXPECT_EQ(untolerated(std::vector<corev1::Taint>(), Tolerations()), nullptr);
  EXPECT_TRUE(keeps_away(unschedulable_taint()));
}

}  // namespace
}  // namespace gantry::sdk
