#include "core/scheduler/preempt.hpp"

#include <gtest/gtest.h>

#include "core/scheduler/scheduler_testing.hpp"

namespace gantry::scheduler {
namespace {

struct PreemptTest : testing::Test {
  void add_node(const std::string& name, const std::string& cpu) {
    auto facts = node_with(cpu, "64Gi").facts;
    facts.name = name;
    cache.set_node(facts);
  }
  static corev1::Pod pod_of(const std::string& name, int32_t priority, const std::string& cpu) {
    auto pod = pod_with(cpu, "");
    pod.mutable_metadata()->set_namespace_("default");
    pod.mutable_metadata()->set_name(name);
    pod.mutable_metadata()->set_uid(name);
    (*pod.mutable_metadata()->mutable_labels())["app"] = name;
    pod.mutable_spec()->set_priority(priority);
    return pod;
  }
  void put(const std::string& name, const std::string& node, int32_t priority, const std::string& cpu,
           int64_t started = 100) {
    auto pod = pod_of(name, priority, cpu);
    pod.mutable_status()->mutable_start_time()->set_seconds(started);
    cache.add_pod(read_pod(pod), node);
  }
  // "node: victims", or why not.
  std::string victims(const corev1::Pod& pod) {
    const auto waiting = read_waiting_pod(pod);
    const auto choice = choose(*waiting, cache, 0, nominated);
    EXPECT_EQ(choice.node, nullptr);
    Reasons why;
    const size_t pods = cache.pod_count();
    cache.tallies().take_touched();
    const auto found = find_victims(*waiting, cache, choice.crowded, 0, budgets, nominated, why);
    EXPECT_EQ(cache.pod_count(), pods);
    EXPECT_TRUE(cache.tallies().take_touched().empty());
    std::string out = found ? found->node->facts.name + ":" : "";
    if (found) {
      for (const auto& victim : found->victims) out += " " + victim->name;
    }
    for (const auto& [reason, count] : why.counts()) {
      if (!found) out += std::to_string(count) + " " + reason + ";";
    }
    return out;
  }
  void protect(const std::string& app, int32_t allowed) {
    auto& budget = budgets["default"][app];
    (*budget.pods.emplace().mutable_match_labels())["app"] = app;
    budget.allowed = allowed;
  }
  NodeCache cache;
  Budgets budgets;
  Nominations nominated;
};

TEST_F(PreemptTest, TakesNoMoreThanItNeedsAndTheLeastImportant) {
  add_node("n1", "4");
  put("a", "n1", 1, "1");
  put("b", "n1", 3, "1");
  put("c", "n1", 2, "1");
  put("d", "n1", 9, "1");
  EXPECT_EQ(victims(pod_of("p", 5, "1")), "n1: a");
  EXPECT_EQ(victims(pod_of("p", 5, "2")), "n1: c a");
  EXPECT_EQ(victims(pod_of("p", 5, "4")), "1 Insufficient cpu;");
  EXPECT_EQ(victims(pod_of("p", 1, "1")), "1 No preemption victims found for incoming pod;");
  const auto& node = *cache.nodes()[0];
  EXPECT_EQ(node.requested.milli_cpu, 4000) << "all is as it was";
  EXPECT_EQ(node.residents.size(), 4u);
}

TEST_F(PreemptTest, NodesWhereNoneThatLeavesHelpsAreNotTried) {
  add_node("small", "1");
  put("a", "small", 0, "1");
  EXPECT_TRUE(choose(*read_waiting_pod(pod_of("p", 5, "2")), cache, 0).crowded.empty());
  EXPECT_EQ(choose(*read_waiting_pod(pod_of("p", 5, "1")), cache, 0).crowded.size(), 1u);
  auto tainted = cache.nodes()[0]->facts;
  tainted.taints = {taint_with("NoSchedule")};
  cache.set_node(tainted);
  EXPECT_TRUE(choose(*read_waiting_pod(pod_of("p", 5, "1")), cache, 0).crowded.empty());
}

TEST_F(PreemptTest, BudgetsAreKeptWhereItCanBe) {
  add_node("n1", "1");
  add_node("n2", "1");
  put("a", "n1", 0, "1");
  put("b", "n2", 3, "1");
  EXPECT_EQ(victims(pod_of("p", 5, "1")), "n1: a");
  protect("a", 0);
  EXPECT_EQ(victims(pod_of("p", 5, "1")), "n2: b") << "a violation is worse than a higher priority";
  protect("b", 0);
  EXPECT_EQ(victims(pod_of("p", 5, "1")), "n1: a");
  protect("a", 1);
  EXPECT_EQ(victims(pod_of("p", 5, "1")), "n1: a");
}

TEST_F(PreemptTest, OfOneNodesPodsThoseWithoutBudgetGoFirst) {
  add_node("n1", "2");
  put("a", "n1", 0, "1");
  put("b", "n1", 3, "1");
  protect("a", 0);
  EXPECT_EQ(victims(pod_of("p", 5, "1")), "n1: b");
  budgets["default"]["a"].on_their_way.insert("a");
  EXPECT_EQ(victims(pod_of("p", 5, "1")), "n1: a") << "it is counted already";
}

TEST_F(PreemptTest, TheLeastHarm) {
  add_node("n1", "2");
  add_node("n2", "2");
  put("a", "n1", 1, "1");
  put("b", "n1", 1, "1");
  put("c", "n2", 2, "2");
  EXPECT_EQ(victims(pod_of("p", 5, "2")), "n1: a b") << "the highest priority is less";
  add_node("n3", "2");
  put("d", "n3", 1, "2");
  EXPECT_EQ(victims(pod_of("p", 5, "2")), "n3: d") << "the sum is less";
  add_node("n4", "2");
  put("e", "n4", 1, "2", 200);
  EXPECT_EQ(victims(pod_of("p", 5, "2")), "n4: e") << "it has run for a shorter time";
}

TEST_F(PreemptTest, WhoIsInTheWayOfARuleLeaves) {
  add_node("n1", "4");
  put("a", "n1", 0, "1");
  put("b", "n1", 0, "1");
  auto pod = pod_of("p", 5, "1");
  auto& term = *pod.mutable_spec()
                    ->mutable_affinity()
                    ->mutable_pod_anti_affinity()
                    ->add_required_during_scheduling_ignored_during_execution();
  term.set_topology_key("zone");
  (*term.mutable_label_selector()->mutable_match_labels())["app"] = "b";
  EXPECT_EQ(victims(pod), "n1: b");
}

TEST_F(PreemptTest, APromisedNodeIsFullForPodsOfNoMorePriority) {
  add_node("n1", "1");
  const auto promised = read_waiting_pod(pod_of("first", 5, "1"));
  nominated.add(promised, "n1");
  EXPECT_EQ(choose(*read_waiting_pod(pod_of("p", 5, "1")), cache, 0, nominated).node, nullptr);
  EXPECT_NE(choose(*read_waiting_pod(pod_of("p", 6, "1")), cache, 0, nominated).node, nullptr);
  EXPECT_NE(choose(*promised, cache, 0, nominated).node, nullptr);
  EXPECT_EQ(cache.pod_count(), 0u);
}

TEST_F(PreemptTest, WaitsForThoseThatAreAlreadyGoing) {
  add_node("n1", "1");
  auto going = pod_of("a", 0, "1");
  going.mutable_metadata()->mutable_deletion_timestamp()->set_seconds(1);
  auto& condition = *going.mutable_status()->add_conditions();
  condition.set_type("DisruptionTarget");
  condition.set_status("True");
  condition.set_reason("PreemptionByScheduler");
  cache.add_pod(read_pod(going), "n1");
  const auto pod = read_waiting_pod(pod_of("p", 5, "1"));
  const std::string promised = "n1";
  const auto crowded = choose(*pod, cache, 0).crowded;
  ASSERT_EQ(crowded.size(), 1u);
  EXPECT_EQ(why_not_preempt(*pod, nullptr, crowded), "");
  EXPECT_EQ(why_not_preempt(*pod, &promised, crowded), kWaits);
  EXPECT_EQ(why_not_preempt(*pod, &promised, {}), "") << "the pod can't go there any more";
}

// A term that only a pod has which is lifted and put back is still the one for which others wait.
TEST_F(PreemptTest, WhatIsTriedIsForgotten) {
  add_node("n1", "1");
  auto holder = pod_of("holder", 0, "100m");
  auto& term = *holder.mutable_spec()
                    ->mutable_affinity()
                    ->mutable_pod_anti_affinity()
                    ->add_required_during_scheduling_ignored_during_execution();
  term.set_topology_key("zone");
  (*term.mutable_label_selector()->mutable_match_labels())["app"] = "p";
  cache.add_pod(read_pod(holder), "n1");
  const auto pod = read_waiting_pod(pod_of("p", 5, "500m"));
  const auto before = choose(*pod, cache, 0).topics;
  ASSERT_EQ(before.size(), 1u);
  EXPECT_EQ(victims(pod_of("p", 5, "500m")), "n1: holder");
  EXPECT_EQ(choose(*pod, cache, 0).topics, before);
  cache.remove_pod("holder");
  EXPECT_EQ(cache.tallies().held_count(), 0u);
  EXPECT_EQ(cache.tallies().take_touched(), before);
}

}  // namespace
}  // namespace gantry::scheduler
