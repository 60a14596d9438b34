// The ReplicaSet plugin in a real control plane.
#include <chrono>
#include <thread>

#include "tests/integration/workloads.hpp"

namespace gantry::integration {
namespace {

struct ReplicaSets : Workloads {
  static std::string text(const appsv1::ReplicaSetStatus& status) {
    return std::to_string(status.replicas()) + " pods, " + std::to_string(status.ready_replicas()) + " ready, " +
           std::to_string(status.terminating_replicas()) + " terminating";
  }
  void SetUp() override { start({.plugins = {"replicaset"}}); }
  bool wait_status(View<ReplicaSet>& sets, const std::string& name, std::function<bool(const ReplicaSet&)> check) {
    return sets.wait([&](const auto& all) {
      const auto it = all.find(name);
      return it != all.end() && check(it->second);
    });
  }
};

TEST_F(ReplicaSets, MakesItsPodsAndCountsThem) {
  FakeNodes nodes(*plane);
  View<ReplicaSet> sets(*plane);
  must(plane->create(make_set("web", 3)));
  ASSERT_TRUE(wait_status(sets, "web", [](const auto& set) { return set.status().available_replicas() == 3; }));
  const auto set = must(plane->get<ReplicaSet>("web"));
  EXPECT_EQ(set.status().replicas(), 3);
  EXPECT_EQ(set.status().ready_replicas(), 3);
  EXPECT_EQ(set.status().fully_labeled_replicas(), 3);
  EXPECT_EQ(set.status().observed_generation(), set.metadata().generation());
  const auto pods = plane->list<Pod>();
  ASSERT_EQ(pods.size(), 3u);
  for (const auto& pod : pods) {
    EXPECT_EQ(pod.metadata().generate_name(), "web-");
    EXPECT_EQ(pod.metadata().name().rfind("web-", 0), 0u);
    EXPECT_EQ(sdk::controller_of(pod.metadata())->uid(), set.metadata().uid());
    EXPECT_TRUE(wait_event("web", "SuccessfulCreate: Created pod: " + pod.metadata().name()));
  }
}

TEST_F(ReplicaSets, ReplacesPodsThatFailOrAreDeleted) {
  FakeNodes nodes(*plane);
  View<Pod> pods(*plane);
  must(plane->create(make_set("web", 2)));
  ASSERT_TRUE(pods.wait([](const Pods& all) { return count_ready(all) == 2; }));
  const auto victims = plane->list<Pod>();
  must(plane->patch<Pod>(victims[0].metadata().name(), R"({"status":{"phase":"Failed"}})", "status"));
  ASSERT_TRUE(plane->remove<Pod>(victims[1].metadata().name()).ok());
  ASSERT_TRUE(
      pods.wait([&](const Pods& all) { return count_ready(all) == 2 && !all.contains(victims[1].metadata().name()); }));
  EXPECT_EQ(pods.ever(), 4u);
}

TEST_F(ReplicaSets, ScalesDownWhatIsWorthLeast) {
  FakeNodes nodes(*plane);
  View<Pod> pods(*plane);
  must(plane->create(make_set("web", 4)));
  ASSERT_TRUE(pods.wait([](const Pods& all) { return count_ready(all) == 4; }));
  const auto all = plane->list<Pod>();
  const auto keep = all[1].metadata().name();
  const std::string cost = "controller.kubernetes.io/pod-deletion-cost";
  for (size_t i = 0; i < all.size(); ++i) {
    if (i == 1) continue;
    must(plane->patch<Pod>(all[i].metadata().name(), R"({"metadata":{"annotations":{")" + cost + R"(":"-10"}}})"));
  }
  ASSERT_TRUE(pods.wait([&](const Pods& now) {
    return std::count_if(now.begin(), now.end(),
                         [&](const auto& item) { return annotation(item.second.metadata(), cost) == "-10"; }) == 3;
  }));
  must(plane->patch<ReplicaSet>("web", size_patch(1)));
  ASSERT_TRUE(pods.wait([&](const Pods& now) { return now.size() == 1 && now.contains(keep); }));
  EXPECT_EQ(pods.ever(), 4u);
  EXPECT_TRUE(wait_event("web", "SuccessfulDelete: Deleted pod: " + all[0].metadata().name()));
}

TEST_F(ReplicaSets, AdoptsMatchingOrphansAndReleasesWhatNoLongerMatches) {
  FakeNodes nodes(*plane);
  View<Pod> pods(*plane);
  must(plane->create(make_pod("orphan", "web")));
  must(plane->create(make_pod("stranger", "other")));
  const auto set = must(plane->create(make_set("web", 2)));
  const auto owned = [&](const Pods& all, const std::string& name) {
    const auto it = all.find(name);
    if (it == all.end()) return false;
    const auto* owner = sdk::controller_of(it->second.metadata());
    return owner != nullptr && owner->uid() == set.metadata().uid();
  };
  ASSERT_TRUE(pods.wait([&](const Pods& all) { return owned(all, "orphan") && all.size() == 3; }));
  EXPECT_FALSE(owned(pods.objects(), "stranger"));

  must(plane->patch<Pod>("orphan", R"({"metadata":{"labels":{"app":"debug"}}})"));
  ASSERT_TRUE(pods.wait([&](const Pods& all) { return !owned(all, "orphan") && all.size() == 4; }));
  EXPECT_EQ(pods.get("orphan")->metadata().owner_references_size(), 0);

  // Back again: one too many now, so one goes.
  must(plane->patch<Pod>("orphan", R"({"metadata":{"labels":{"app":"web"}}})"));
  ASSERT_TRUE(pods.wait([&](const Pods& all) { return all.size() == 3; }));
}

TEST_F(ReplicaSets, AnOrphanThatComesLaterIsFoundByItsLabels) {
  FakeNodes nodes(*plane);
  View<Pod> pods(*plane);
  must(plane->create(make_set("web", 0)));
  must(plane->create(make_pod("late", "web")));
  // Adopted, counted as one too many, deleted.
  ASSERT_TRUE(pods.wait([&](const Pods& all) { return pods.ever() == 1 && all.empty(); }));
}

TEST_F(ReplicaSets, AvailableAfterMinReadySeconds) {
  FakeNodes nodes(*plane);
  View<ReplicaSet> sets(*plane);
  auto set = make_set("web", 2);
  set.mutable_spec()->set_min_ready_seconds(2);
  bool seen_waiting = false;
  must(plane->create(set));
  ASSERT_TRUE(sets.wait([&](const auto& all) {
    const auto it = all.find("web");
    if (it == all.end()) return false;
    const auto& status = it->second.status();
    seen_waiting = seen_waiting || (status.ready_replicas() == 2 && status.available_replicas() == 0);
    return status.available_replicas() == 2;
  }));
  EXPECT_TRUE(seen_waiting);
}

TEST_F(ReplicaSets, TerminatingPodsAreReportedAndReplaced) {
  FakeNodes nodes(*plane);
  View<Pod> pods(*plane);
  View<ReplicaSet> sets(*plane);
  must(plane->create(make_set("web", 2)));
  ASSERT_TRUE(pods.wait([](const Pods& all) { return count_ready(all) == 2; }));
  nodes.let_pods_end(false);
  ASSERT_TRUE(plane->remove<Pod>(plane->list<Pod>()[0].metadata().name()).ok());
  ASSERT_TRUE(wait_status(sets, "web", [](const auto& set) {
    return set.status().terminating_replicas() == 1 && set.status().ready_replicas() == 2;
  })) << text(sets.get("web")->status());
  nodes.let_pods_end(true);
  ASSERT_TRUE(wait_status(sets, "web", [](const auto& set) { return set.status().terminating_replicas() == 0; }));
}

// Pods that the server refuses: the set says so, tries few of them, and recovers when they are allowed.
TEST_F(ReplicaSets, SaysWhyItCannotMakePods) {
  FakeNodes nodes(*plane);
  View<ReplicaSet> sets(*plane);
  auto set = make_set("web", 20);
  set.mutable_spec()->mutable_template_()->mutable_spec()->set_priority_class_name("missing");
  must(plane->create(set));
  ASSERT_TRUE(wait_status(sets, "web", [](const auto& now) { return now.status().conditions_size() == 1; }));
  const auto condition = sets.get("web")->status().conditions(0);
  EXPECT_EQ(condition.type(), "ReplicaFailure");
  EXPECT_EQ(condition.status(), "True");
  EXPECT_EQ(condition.reason(), "FailedCreate");
  EXPECT_NE(condition.message().find("no PriorityClass with name missing was found"), std::string::npos);
  EXPECT_TRUE(wait_event("web", "FailedCreate: Error creating: " + condition.message()));
  must(plane->patch<ReplicaSet>("web",
                                R"({"spec":{"template":{"spec":{"priorityClassName":"system-cluster-critical"}}}})"));
  ASSERT_TRUE(wait_status(sets, "web", [](const auto& now) {
    return now.status().ready_replicas() == 20 && now.status().conditions_size() == 0;
  }));
}

// The point of waiting for one's own writes: however events and reconciles overlap, no pod is made twice.
TEST_F(ReplicaSets, NeverMakesTooManyUnderLoad) {
  constexpr int kSets = 10, kPods = 30;
  FakeNodes nodes(*plane);
  std::mutex mutex;
  int32_t most = 0;
  View<Pod> pods(*plane, [&](const Pods& all) {
    std::map<std::string, int32_t> by_app;
    for (const auto& [name, pod] : all) {
      if (sdk::is_active(pod)) ++by_app[pod.metadata().labels().at("app")];
    }
    const std::lock_guard lock(mutex);
    for (const auto& [app, count] : by_app) most = std::max(most, count);
  });
  std::atomic<bool> done = false;
  std::thread noise([&] {
    // Touches the sets all the time, so that they are looked at while their pods are being made.
    for (int round = 0; !done; ++round) {
      for (int i = 0; i < kSets && !done; ++i) {
        (void)plane->patch<ReplicaSet>("set-" + std::to_string(i),
                                       R"({"metadata":{"annotations":{"round":")" + std::to_string(round) + R"("}}})");
      }
    }
  });
  for (int i = 0; i < kSets; ++i) must(plane->create(make_set("set-" + std::to_string(i), kPods)));
  EXPECT_TRUE(pods.wait([](const Pods& all) { return count_ready(all) == kSets * kPods; }, 90));
  done = true;
  noise.join();
  EXPECT_EQ(pods.ever(), static_cast<size_t>(kSets * kPods));
  const std::lock_guard lock(mutex);
  EXPECT_EQ(most, kPods);
}

TEST_F(ReplicaSets, ARestartedControllerGoesOnWhereTheOtherStopped) {
  FakeNodes nodes(*plane);
  View<Pod> pods(*plane);
  must(plane->create(make_set("web", 5)));
  ASSERT_TRUE(pods.wait([](const Pods& all) { return count_ready(all) == 5; }));
  plane->stop_controllers();
  ASSERT_TRUE(plane->remove<Pod>(plane->list<Pod>()[0].metadata().name()).ok());
  must(plane->patch<ReplicaSet>("web", size_patch(7)));
  ASSERT_TRUE(pods.wait([](const Pods& all) { return all.size() == 4; }));
  ASSERT_TRUE(plane->restart_controllers().ok());
  ASSERT_TRUE(pods.wait([](const Pods& all) { return count_ready(all) == 7; }));
  EXPECT_EQ(pods.ever(), 8u);
}

}  // namespace
}  // namespace gantry::integration
