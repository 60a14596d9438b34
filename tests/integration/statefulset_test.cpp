// The StatefulSet plugin in a real control plane: order, updates, history.
#include <chrono>
#include <cstdio>

#include "tests/integration/stateful_sets.hpp"

namespace gantry::integration {
namespace {

TEST_F(StatefulSets, MakesItsPodsOneAfterTheOther) {
  OrderWatch order(*plane);
  const auto set = must(plane->create(make_stateful("web", 3)));
  complete("web");
  EXPECT_EQ(order.broken(), "");
  EXPECT_EQ(pods->ever(), 3u);
  const auto pod = must(plane->get<Pod>("web-1"));
  EXPECT_EQ(pod.spec().hostname(), "web-1");
  EXPECT_EQ(pod.spec().subdomain(), "web");
  EXPECT_EQ(pod.metadata().labels().at("statefulset.kubernetes.io/pod-name"), "web-1");
  EXPECT_EQ(pod.metadata().labels().at("apps.kubernetes.io/pod-index"), "1");
  const auto status = must(plane->get<StatefulSet>("web")).status();
  EXPECT_EQ(pod.metadata().labels().at("controller-revision-hash"), status.update_revision());
  EXPECT_TRUE(status.has_collision_count());
  const auto revision = must(plane->get<ControllerRevision>(status.update_revision()));
  EXPECT_EQ(revision.metadata().labels().at("app"), "web");
  EXPECT_EQ(revision.revision(), 1);
  EXPECT_EQ(sdk::controller_of(revision.metadata())->uid(), set.metadata().uid());
  EXPECT_TRUE(wait_event("web", "SuccessfulCreate: create Pod web-2 in StatefulSet web successful"));
}

TEST_F(StatefulSets, ABrokenPodHaltsWhatComesBehind) {
  break_pod("web-1");
  must(plane->create(make_stateful("web", 3)));
  ASSERT_TRUE(wait_for("web", [](const auto& set) { return set.status().replicas() == 2; }));
  // Something to do for the controller, after which it would have made the third.
  must(plane->patch<StatefulSet>("web", R"({"metadata":{"annotations":{"a":"b"}}})"));
  must(plane->patch<StatefulSet>("web", R"({"spec":{"minReadySeconds":0,"revisionHistoryLimit":5}})"));
  ASSERT_TRUE(wait_for("web", [](const auto& set) {
    return set.status().observed_generation() == set.metadata().generation() &&
           set.spec().revision_history_limit() == 5;
  }));
  EXPECT_FALSE(pods->get("web-2"));
  mend_pods();
  complete("web");
}

TEST_F(StatefulSets, TheNextPodWaitsUntilTheOneBeforeIsAvailable) {
  auto set = make_stateful("web", 2);
  set.mutable_spec()->set_min_ready_seconds(1);
  bool alone = false;
  View<StatefulSet> seen(*plane, [&](const auto& all) {
    const auto it = all.find("web");
    if (it == all.end()) return;
    const auto& status = it->second.status();
    alone = alone || (status.ready_replicas() == 1 && status.available_replicas() == 0 && status.replicas() == 1);
  });
  must(plane->create(set));
  complete("web");
  EXPECT_TRUE(seen.wait([&](const auto&) { return alone; }));
  const auto second = must(plane->get<Pod>("web-1"));
  const auto first = must(plane->get<Pod>("web-0"));
  EXPECT_GE(second.metadata().creation_timestamp().seconds() * 1'000'000'000,
            *sdk::ready_since_ns(first) + 1'000'000'000);
}

TEST_F(StatefulSets, InParallelNobodyWaits) {
  nodes->set_policy([](const Pod&) { return Fate::kPending; });
  must(plane->create(make_stateful("web", 20, "Parallel")));
  ASSERT_TRUE(wait_for("web", [](const auto& set) { return set.status().replicas() == 20; }));
  EXPECT_EQ(sets->get("web")->status().ready_replicas(), 0);
  mend_pods();
  complete("web");
  EXPECT_EQ(pods->ever(), 20u);
  nodes->let_pods_end(false);
  must(plane->patch<StatefulSet>("web", size_patch(1)));
  ASSERT_TRUE(wait_pods([](const Pods& all) { return count_active(all) == 1; })) << "nor when they go";
  nodes->let_pods_end(true);
  complete("web");
}

TEST_F(StatefulSets, PodsThatAreOverOrGoneComeBackUnderTheirNames) {
  must(plane->create(make_stateful("web", 3)));
  complete("web");
  const auto before = pods->objects();
  must(plane->patch<Pod>("web-0", R"({"status":{"phase":"Failed"}})", "status"));
  must(plane->patch<Pod>("web-1", R"({"status":{"phase":"Succeeded"}})", "status"));
  ASSERT_TRUE(plane->remove<Pod>("web-2").ok());
  ASSERT_TRUE(wait_pods([&](const Pods& all) {
    return count_ready(all) == 3 && std::all_of(all.begin(), all.end(), [&](const auto& item) {
             return item.second.metadata().uid() != before.at(item.first).metadata().uid();
           });
  }));
  complete("web");
  EXPECT_EQ(pods->ever(), 6u);
  EXPECT_TRUE(wait_event("web", "SuccessfulDelete: delete Pod web-0 in StatefulSet web successful"));
}

TEST_F(StatefulSets, GetsSmallerFromTheTopOneByOne) {
  must(plane->create(make_stateful("web", 3)));
  complete("web");
  nodes->let_pods_end(false);
  must(plane->patch<StatefulSet>("web", size_patch(1)));
  ASSERT_TRUE(wait_pods([](const Pods& all) { return all.at("web-2").metadata().has_deletion_timestamp(); }));
  ASSERT_TRUE(wait_for("web", [](const auto& set) {
    return set.status().observed_generation() == set.metadata().generation() && set.status().updated_replicas() == 2;
  }));
  EXPECT_FALSE(pods->get("web-1")->metadata().has_deletion_timestamp());
  nodes->let_pods_end(true);
  complete("web");
  EXPECT_TRUE(pods->get("web-0"));
}

TEST_F(StatefulSets, NumbersBeginWhereTheSetSays) {
  must(plane->create(make_stateful("web", 2)));
  complete("web");
  must(plane->patch<StatefulSet>("web", R"({"spec":{"ordinals":{"start":5}}})"));
  ASSERT_TRUE(wait_pods([](const Pods& all) {
    return all.size() == 2 && all.contains("web-5") && all.contains("web-6") && count_ready(all) == 2;
  }));
  complete("web");
}

TEST_F(StatefulSets, UpdatesFromTheTopDownToThePartition) {
  must(plane->create(make_stateful("web", 3)));
  complete("web");
  const auto first = must(plane->get<StatefulSet>("web")).status().update_revision();
  must(plane->patch<StatefulSet>(
      "web", R"({"spec":{"updateStrategy":{"rollingUpdate":{"partition":2}},"template":{"spec":{"containers":[)"
             R"({"name":"main","image":"web:2"}]}}}})"));
  ASSERT_TRUE(wait_for("web", [&](const auto& set) {
    return set.status().updated_replicas() == 1 && set.status().ready_replicas() == 3;
  }));
  auto status = sets->get("web")->status();
  EXPECT_EQ(status.current_revision(), first);
  EXPECT_EQ(status.current_replicas(), 2);
  EXPECT_EQ(image(pods->objects(), "web-2"), "web:2");
  EXPECT_EQ(image(pods->objects(), "web-1"), "web:1");
  // One below the partition comes back as it was.
  const auto uid = pods->get("web-0")->metadata().uid();
  ASSERT_TRUE(plane->remove<Pod>("web-0").ok());
  ASSERT_TRUE(wait_pods([&](const Pods& all) {
    return count_ready(all) == 3 && all.at("web-0").metadata().uid() != uid && image(all, "web-0") == "web:1";
  }));
  nodes->set_policy([](const Pod& pod) {
    return pod.metadata().name() == "web-1" && image_of(pod) == "web:2" ? Fate::kRunning : Fate::kReady;
  });
  must(plane->patch<StatefulSet>("web", R"({"spec":{"updateStrategy":{"rollingUpdate":{"partition":0}}}})"));
  ASSERT_TRUE(wait_for(
      "web", [](const auto& set) { return set.status().updated_replicas() == 2 && set.status().replicas() == 3; }));
  EXPECT_EQ(image(pods->objects(), "web-0"), "web:1") << "the one before is not ready";
  mend_pods();
  complete("web");
  EXPECT_EQ(image(pods->objects(), "web-0"), "web:2");
  EXPECT_NE(sets->get("web")->status().current_revision(), first);
}

TEST_F(StatefulSets, RememberAsManyRevisionsAsTheyShall) {
  auto set = make_stateful("web", 1);
  set.mutable_spec()->set_revision_history_limit(2);
  must(plane->create(set));
  complete("web");
  for (const char* version : {"web:2", "web:3", "web:4", "web:5"}) {
    must(plane->patch<StatefulSet>("web", image_patch(version)));
    complete("web");
  }
  View<ControllerRevision> revisions(*plane);
  ASSERT_TRUE(revisions.wait([](const auto& all) { return all.size() == 3; }));
  EXPECT_EQ(history(), (std::vector<int64_t>{3, 4, 5}));
  // Back to one of them: it is the same revision, with a new number.
  must(plane->patch<StatefulSet>("web", image_patch("web:4")));
  complete("web");
  EXPECT_EQ(history(), (std::vector<int64_t>{3, 5, 6}));
  EXPECT_EQ(image(pods->objects(), "web-0"), "web:4");
}

// A first revision that never works must not keep the next from coming.
TEST_F(StatefulSets, SeveralAtATimeWhereTheyMay) {
  nodes->set_policy([](const Pod& pod) { return image_of(pod) == "web:1" ? Fate::kRunning : Fate::kReady; });
  auto set = make_stateful("web", 5, "Parallel");
  auto& most = *set.mutable_spec()->mutable_update_strategy()->mutable_rolling_update()->mutable_max_unavailable();
  set.mutable_spec()->mutable_update_strategy()->set_type("RollingUpdate");
  most.set_type(0);
  most.set_int_val(2);
  must(plane->create(set));
  ASSERT_TRUE(wait_for("web", [](const auto& now) { return now.status().replicas() == 5; }));
  must(plane->patch<StatefulSet>("web", image_patch("web:2")));
  complete("web");
  // And those that work go two at a time.
  nodes->let_pods_end(false);
  must(plane->patch<StatefulSet>("web", image_patch("web:3")));
  ASSERT_TRUE(wait_for("web", [](const auto& now) {
    return now.status().observed_generation() == now.metadata().generation() && now.status().current_replicas() == 3;
  })) << status_text(*sets->get("web"));
  EXPECT_EQ(count_active(pods->objects()), 3);
  EXPECT_TRUE(pods->get("web-4")->metadata().has_deletion_timestamp());
  EXPECT_TRUE(pods->get("web-3")->metadata().has_deletion_timestamp());
  nodes->let_pods_end(true);
  complete("web");
}

TEST_F(StatefulSets, OnDeleteWaitsForSomebody) {
  auto set = make_stateful("web", 2);
  set.mutable_spec()->mutable_update_strategy()->set_type("OnDelete");
  must(plane->create(set));
  ASSERT_TRUE(wait_for("web", [](const auto& now) { return now.status().available_replicas() == 2; }));
  must(plane->patch<StatefulSet>("web", image_patch("web:2")));
  ASSERT_TRUE(wait_for("web", [](const auto& now) {
    return now.status().observed_generation() == now.metadata().generation() && now.status().updated_replicas() == 0;
  }));
  ASSERT_TRUE(plane->remove<Pod>("web-0").ok());
  ASSERT_TRUE(wait_pods([](const Pods& all) { return count_ready(all) == 2 && image(all, "web-0") == "web:2"; }));
  EXPECT_EQ(image(pods->objects(), "web-1"), "web:1");
}

// On simulated nodes, with the scheduler: how long it takes stands in the test's record.
struct StatefulSetsAtScale : Workloads {
  void SetUp() override {
    TestPlane::Options options;
    options.plugins = {"statefulset", "sim"};
    options.config["sim"] = {{"nodes", 20}, {"heartbeat_ms", 0}};
    options.scheduler = true;
    start(std::move(options));
  }
  void measure(const std::string& name, int32_t replicas, const std::string& policy) {
    View<StatefulSet> sets(*plane);
    // The nodes are there.
    must(plane->create(make_stateful("first", 1)));
    const auto is_done = [](const std::string& which) {
      return [which](const auto& all) { return all.contains(which) && is_settled(all.at(which)); };
    };
    ASSERT_TRUE(sets.wait(is_done("first")));
    const auto begin = std::chrono::steady_clock::now();
    must(plane->create(make_stateful(name, replicas, policy)));
    ASSERT_TRUE(sets.wait(is_done(name), 120)) << status_text(must(plane->get<StatefulSet>(name)));
    const auto took = std::chrono::steady_clock::now() - begin;
    RecordProperty("milliseconds", static_cast<int>(took / std::chrono::milliseconds(1)));
    std::printf("%d pods, %s: %d ms\n", replicas, policy.c_str(),
                static_cast<int>(took / std::chrono::milliseconds(1)));
  }
};

TEST_F(StatefulSetsAtScale, FiveHundredInParallel) { measure("web", 500, "Parallel"); }

TEST_F(StatefulSetsAtScale, AHundredInOrder) { measure("web", 100, "OrderedReady"); }

}  // namespace
}  // namespace gantry::integration
