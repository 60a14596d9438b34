#include "status.hpp"

#include <gtest/gtest.h>

#include "sets_testing.hpp"

namespace gantry::statefulset {
namespace {

StatefulSetStatus status_of(const StatefulSet& set, const std::vector<Pod>& pods,
                            const std::vector<const Pod*>& gone = {}) {
  return next_status(Scene(set, pods, kOld, kNew, kNow), pods, 2, gone);
}

TEST(StatefulSetStatus, CountsPods) {
  auto set = set_of(7);
  set.mutable_spec()->set_min_ready_seconds(60);
  std::vector<Pod> pods{pod_of(set, 0, State::kReady, kOld),
                        pod_of(set, 1, State::kReady, kOld),
                        pod_of(set, 2, State::kUnready),
                        pod_of(set, 3, State::kPending),
                        going(pod_of(set, 4)),
                        pod_of(set, 9, State::kReady, "web-older"),
                        pod_of(set, 5, State::kFailed)};
  *pods[1].mutable_status()->mutable_conditions(0)->mutable_last_transition_time() = to_time(kNow - kNanosPerSecond);
  pods.push_back(pod_of(set, 6));
  pods.back().mutable_status()->clear_phase();
  const auto status = status_of(set, pods);
  EXPECT_EQ(status.replicas(), 7) << "whatever their number";
  EXPECT_EQ(status.ready_replicas(), 4) << "also one that goes";
  EXPECT_EQ(status.available_replicas(), 3);
  EXPECT_EQ(status.current_replicas(), 2);
  EXPECT_EQ(status.updated_replicas(), 3) << "but for the one that goes";
  EXPECT_EQ(status.current_revision(), kOld);
  EXPECT_EQ(status.update_revision(), kNew);
  EXPECT_EQ(status.collision_count(), 2);
  EXPECT_EQ(status.observed_generation(), 3);
  EXPECT_EQ(status_of(set, pods, {&pods[1], &pods[2]}).current_replicas(), 1);
}

TEST(StatefulSetStatus, AnUpdateEndsWhenAllAreReady) {
  auto set = set_of(2);
  std::vector<Pod> pods{pod_of(set, 0), pod_of(set, 1)};
  EXPECT_EQ(status_of(set, pods).current_revision(), kNew);
  EXPECT_EQ(status_of(set, pods).current_replicas(), 2);
  pods[0] = pod_of(set, 0, State::kUnready);
  EXPECT_EQ(status_of(set, pods).current_revision(), kOld);
  EXPECT_EQ(status_of(set, pods).current_replicas(), 0);
  pods[0] = pod_of(set, 0, State::kReady, kOld);
  EXPECT_EQ(status_of(set, pods).current_revision(), kOld);
  pods[0] = pod_of(set, 0);
  pods.push_back(pod_of(set, 2, State::kUnready, kOld));
  EXPECT_EQ(status_of(set, pods).current_revision(), kOld) << "one is too many";
  pods.pop_back();
  set.mutable_spec()->mutable_update_strategy()->set_type("OnDelete");
  EXPECT_EQ(status_of(set, pods).current_revision(), kOld);
}

TEST(StatefulSetStatus, SameMeansNothingToWrite) {
  const auto set = set_of(2);
  const auto base = status_of(set, {pod_of(set, 0)});
  EXPECT_TRUE(same_status(base, base));
  using Change = void (*)(StatefulSetStatus&);
  for (const Change change :
       {Change([](auto& s) { s.set_replicas(9); }), Change([](auto& s) { s.set_ready_replicas(9); }),
        Change([](auto& s) { s.set_available_replicas(9); }), Change([](auto& s) { s.set_current_replicas(9); }),
        Change([](auto& s) { s.set_updated_replicas(9); }), Change([](auto& s) { s.set_current_revision("x"); }),
        Change([](auto& s) { s.set_update_revision("x"); }), Change([](auto& s) { s.set_collision_count(9); }),
        Change([](auto& s) { s.clear_collision_count(); }), Change([](auto& s) { s.set_observed_generation(9); })}) {
    auto other = base;
    change(other);
    EXPECT_FALSE(same_status(base, other));
  }
}

}  // namespace
}  // namespace gantry::statefulset
