#include "gantry/pod_ranking.hpp"

#include <gmock/gmock.h>

#include <string>

#include "gantry/times.hpp"

namespace gantry::sdk {
namespace {

constexpr int64_t kNow = 1'000'000 * kNanosPerSecond;

struct Make {
  corev1::Pod pod;
  explicit Make(const std::string& uid) {
    pod.mutable_metadata()->set_uid(uid);
    created(1000);
    on("n1");
    phase("Running");
    ready(500);
  }
  Make& on(const std::string& node) {
    pod.mutable_spec()->set_node_name(node);
    return *this;
  }
  Make& phase(const std::string& phase) {
    pod.mutable_status()->set_phase(phase);
    return *this;
  }
  Make& ready(int64_t seconds_ago) { return condition("True", seconds_ago); }
  Make& unready() { return condition("False", 500); }
  Make& condition(const std::string& status, int64_t seconds_ago) {
    pod.mutable_status()->clear_conditions();
    auto& ready = *pod.mutable_status()->add_conditions();
    ready.set_type("Ready");
    ready.set_status(status);
    *ready.mutable_last_transition_time() = to_time(kNow - seconds_ago * kNanosPerSecond);
    return *this;
  }
  Make& created(int64_t seconds_ago) {
    *pod.mutable_metadata()->mutable_creation_timestamp() = to_time(kNow - seconds_ago * kNanosPerSecond);
    return *this;
  }
  Make& restarts(int32_t count) {
    pod.mutable_status()->add_container_statuses()->set_restart_count(count);
    return *this;
  }
  Make& sidecar(int32_t restarts, const std::string& policy) {
    auto& container = *pod.mutable_spec()->add_init_containers();
    container.set_name("side");
    if (!policy.empty()) container.set_restart_policy(policy);
    auto& status = *pod.mutable_status()->add_init_container_statuses();
    status.set_name("side");
    status.set_restart_count(restarts);
    return *this;
  }
  Make& cost(const std::string& text) {
    (*pod.mutable_metadata()->mutable_annotations())[kDeletionCost] = text;
    return *this;
  }
  operator corev1::Pod() const { return pod; }
};

// Which of two goes first, asked in both orders.
std::string first(const corev1::Pod& a, const corev1::Pod& b, const std::vector<corev1::Pod>& related = {}) {
  const auto one = pods_to_delete({a, b}, related, 1, kNow), two = pods_to_delete({b, a}, related, 1, kNow);
  EXPECT_EQ(one[0].metadata().uid(), two[0].metadata().uid());
  return one[0].metadata().uid();
}

TEST(Ranking, EachRuleBeatsAllAfterIt) {
  EXPECT_EQ(first(Make("a").on("").phase("Pending"), Make("b").phase("Pending").unready().cost("-5")), "a");
  EXPECT_EQ(first(Make("a").phase("Pending"), Make("b").phase("Unknown").unready()), "a");
  EXPECT_EQ(first(Make("a").phase("Unknown"), Make("b").unready()), "a");
  EXPECT_EQ(first(Make("a").unready(), Make("b").cost("-5")), "a");
  EXPECT_EQ(first(Make("b").cost("-5"), Make("a").restarts(9).ready(1)), "b");
  EXPECT_EQ(first(Make("b").ready(1), Make("a").ready(400).restarts(9)), "b");
  EXPECT_EQ(first(Make("b").restarts(9), Make("a").created(1)), "b");
  EXPECT_EQ(first(Make("b").created(1), Make("a").created(900)), "b");
}

TEST(Ranking, RelatedPodsOnTheSameNode) {
  const std::vector<corev1::Pod> related{Make("a").on("n1"), Make("b").on("n2"), Make("c").on("n2")};
  EXPECT_EQ(first(Make("a").on("n1").ready(1), Make("b").on("n2").ready(400), related), "b");
  EXPECT_EQ(first(Make("a").on("n1").ready(1), Make("b").on("n2").ready(400)), "a");
  // Pods that are over do not count as company.
  const std::vector<corev1::Pod> over{Make("a").on("n1"), Make("b").on("n2"), Make("c").on("n2").phase("Succeeded")};
  EXPECT_EQ(first(Make("a").on("n1").ready(1), Make("b").on("n2").ready(400), over), "a");
}

TEST(Ranking, SidecarsCountAfterContainers) {
  EXPECT_EQ(first(Make("b").restarts(1).sidecar(5, "Always"), Make("a").restarts(1).sidecar(1, "Always")), "b");
  EXPECT_EQ(first(Make("a").restarts(2).sidecar(1, "Always"), Make("b").restarts(1).sidecar(5, "Always")), "a");
  // A plain init container's restarts say nothing.
  EXPECT_EQ(first(Make("b").sidecar(5, "").created(900), Make("a").sidecar(1, "").created(1)), "a");
}

TEST(Ranking, AgesWithinAFactorOfTwoAreLeftToChance) {
  EXPECT_EQ(age_difference(kNow - 700, kNow - 600, kNow), 0);
  EXPECT_LT(age_difference(kNow - 500, kNow - 600, kNow), 0);
  EXPECT_GT(age_difference(kNow - 600, kNow - 500, kNow), 0);
  EXPECT_LT(age_difference(kNow + 5, kNow - 1, kNow), 0);
  EXPECT_EQ(first(Make("z").ready(560), Make("y").ready(1000)), "y");
  EXPECT_EQ(first(Make("z").created(560), Make("y").created(1000)), "y");
}

TEST(Ranking, DeletionCostIsAPlainInt32OrNothing) {
  const auto cost = [](const std::string& text) { return deletion_cost(Make("a").cost(text)); };
  EXPECT_EQ(cost("100"), 100);
  EXPECT_EQ(cost("-2147483648"), -2147483648);
  EXPECT_EQ(cost("0"), 0);
  for (const char* bad : {"+5", "05", "1.5", "2147483648", "ten", "", " 1", "1 "}) EXPECT_EQ(cost(bad), 0) << bad;
  EXPECT_EQ(deletion_cost(Make("a")), 0);
}

TEST(Ranking, TakesAllWhenAllMustGo) {
  EXPECT_EQ(pods_to_delete({Make("a"), Make("b")}, {}, 2, kNow).size(), 2u);
  EXPECT_EQ(pods_to_delete({Make("a"), Make("b")}, {}, 0, kNow).size(), 0u);
}

TEST(Ranking, ManyEqualPodsWithEqualTimesSortWithoutHarm) {
  std::vector<corev1::Pod> pods;
  for (int i = 0; i < 300; ++i) {
    pods.push_back(Make("u" + std::to_string(i * 7919 % 300)).ready(500 + i % 3).restarts(i % 2).created(600 + i % 5));
  }
  EXPECT_EQ(pods_to_delete(pods, pods, 150, kNow).size(), 150u);
}

}  // namespace
}  // namespace gantry::sdk
