// The Deployment plugin in a real control plane: sets, revisions, scaling, pausing, adoption.
#include "tests/integration/workloads.hpp"

namespace gantry::integration {
namespace {

constexpr char kRevision[] = "deployment.kubernetes.io/revision";

struct Deployments : Workloads {
  void SetUp() override {
    Workloads::SetUp();
    nodes = std::make_unique<FakeNodes>(*plane);
    deployments = std::make_unique<View<Deployment>>(*plane);
    sets = std::make_unique<View<ReplicaSet>>(*plane);
    pods = std::make_unique<View<Pod>>(*plane);
  }
  void TearDown() override {
    pods.reset();
    sets.reset();
    deployments.reset();
    nodes.reset();
    plane.reset();
  }
  bool wait_for(const std::string& name, std::function<bool(const Deployment&)> check, int64_t seconds = 30) {
    return deployments->wait(
        [&](const auto& all) {
          const auto it = all.find(name);
          return it != all.end() && check(it->second);
        },
        seconds);
  }
  std::unique_ptr<FakeNodes> nodes;
  std::unique_ptr<View<Deployment>> deployments;
  std::unique_ptr<View<ReplicaSet>> sets;
  std::unique_ptr<View<Pod>> pods;
};

TEST_F(Deployments, MakesASetAndItsPodsAndReportsCompletion) {
  must(plane->create(make_deployment("web", 3)));
  wait_rolled_out(*deployments, "web");
  const auto owned = sets_of("web");
  ASSERT_EQ(owned.size(), 1u);
  const auto& set = owned[0];
  const std::string name = set.metadata().name(), hash = name.substr(4);
  EXPECT_EQ(name.rfind("web-", 0), 0u);
  EXPECT_EQ(set.metadata().labels().at("pod-template-hash"), hash);
  EXPECT_EQ(set.spec().selector().match_labels().at("pod-template-hash"), hash);
  EXPECT_EQ(set.spec().template_().metadata().labels().at("pod-template-hash"), hash);
  EXPECT_EQ(annotation(set.metadata(), kRevision), "1");
  EXPECT_EQ(annotation(set.metadata(), "deployment.kubernetes.io/desired-replicas"), "3");
  EXPECT_EQ(annotation(set.metadata(), "deployment.kubernetes.io/max-replicas"), "4");

  ASSERT_TRUE(wait_for("web", [&](const Deployment& now) {
    return condition_text(now, "Progressing") ==
           "True NewReplicaSetAvailable: ReplicaSet \"" + name + "\" has successfully progressed.";
  }));
  const auto deployment = must(plane->get<Deployment>("web"));
  EXPECT_EQ(annotation(deployment.metadata(), kRevision), "1");
  EXPECT_EQ(condition_text(deployment, "Available"),
            "True MinimumReplicasAvailable: Deployment has minimum availability.");
  EXPECT_EQ(deployment.status().ready_replicas(), 3);
  EXPECT_EQ(deployment.status().unavailable_replicas(), 0);
  EXPECT_EQ(pods->ever(), 3u);
  EXPECT_TRUE(wait_event("web", "ScalingReplicaSet: Scaled up replica set " + name + " from 0 to 3"));
}

TEST_F(Deployments, ScalesUpAndDown) {
  must(plane->create(make_deployment("web", 2)));
  wait_rolled_out(*deployments, "web");
  must(plane->patch<Deployment>("web", size_patch(5)));
  wait_rolled_out(*deployments, "web");
  must(plane->patch<Deployment>("web", size_patch(1)));
  wait_rolled_out(*deployments, "web");
  ASSERT_TRUE(pods->wait([](const Pods& all) { return all.size() == 1; }));
  const auto name = sets_of("web")[0].metadata().name();
  EXPECT_TRUE(wait_event("web", "ScalingReplicaSet: Scaled up replica set " + name + " from 2 to 5"));
  EXPECT_TRUE(wait_event("web", "ScalingReplicaSet: Scaled down replica set " + name + " from 5 to 1"));
  must(plane->patch<Deployment>("web", size_patch(0)));
  ASSERT_TRUE(pods->wait([](const Pods& all) { return all.empty(); }));
  EXPECT_EQ(sets_of("web").size(), 1u);
}

TEST_F(Deployments, GoingBackReusesTheOldSetAndKeepsItsHistory) {
  must(plane->create(make_deployment("web", 2, "web:1")));
  wait_rolled_out(*deployments, "web");
  must(plane->patch<Deployment>("web", image_patch("web:2")));
  wait_rolled_out(*deployments, "web");
  EXPECT_EQ(annotation(must(plane->get<Deployment>("web")).metadata(), kRevision), "2");
  must(plane->patch<Deployment>("web", image_patch("web:1")));
  wait_rolled_out(*deployments, "web");
  ASSERT_TRUE(wait_for("web", [](const auto& now) { return annotation(now.metadata(), kRevision) == "3"; }));
  const auto owned = sets_of("web");
  ASSERT_EQ(owned.size(), 2u);
  EXPECT_EQ(owned[0].spec().template_().spec().containers(0).image(), "web:2");
  EXPECT_EQ(owned[0].spec().replicas(), 0);
  EXPECT_EQ(owned[1].spec().template_().spec().containers(0).image(), "web:1");
  EXPECT_EQ(annotation(owned[1].metadata(), kRevision), "3");
  EXPECT_EQ(annotation(owned[1].metadata(), "deployment.kubernetes.io/revision-history"), "1");
}

TEST_F(Deployments, WhilePausedItScalesButDoesNotRoll) {
  must(plane->create(make_deployment("web", 2, "web:1")));
  wait_rolled_out(*deployments, "web");
  must(plane->patch<Deployment>("web", R"({"spec":{"paused":true}})"));
  ASSERT_TRUE(wait_for("web", [](const auto& now) {
    return condition_text(now, "Progressing") == "Unknown DeploymentPaused: Deployment is paused";
  }));
  must(plane->patch<Deployment>("web", image_patch("web:2")));
  const auto changed = must(plane->patch<Deployment>("web", size_patch(3)));
  ASSERT_TRUE(wait_for("web", [&](const auto& now) {
    return now.status().observed_generation() >= changed.metadata().generation() && now.status().replicas() == 3;
  }));
  EXPECT_EQ(sets_of("web").size(), 1u);
  must(plane->patch<Deployment>("web", R"({"spec":{"paused":false}})"));
  wait_rolled_out(*deployments, "web");
  ASSERT_TRUE(pods->wait([](const Pods& all) {
    return all.size() == 3 &&
           std::all_of(all.begin(), all.end(), [](const auto& item) { return image_of(item.second) == "web:2"; });
  }));
}

TEST_F(Deployments, KeepsAsManyOldSetsAsItsHistoryLimit) {
  auto deployment = make_deployment("web", 1, "web:0");
  deployment.mutable_spec()->set_revision_history_limit(2);
  must(plane->create(deployment));
  wait_rolled_out(*deployments, "web");
  for (int i = 1; i <= 4; ++i) {
    must(plane->patch<Deployment>("web", image_patch("web:" + std::to_string(i))));
    wait_rolled_out(*deployments, "web");
  }
  ASSERT_TRUE(sets->wait([](const auto& all) { return all.size() == 3; }));
  const auto owned = sets_of("web");
  ASSERT_EQ(owned.size(), 3u);
  EXPECT_EQ(annotation(owned[0].metadata(), kRevision), "3");
  EXPECT_EQ(owned[0].spec().template_().spec().containers(0).image(), "web:2");
}

TEST_F(Deployments, AdoptsAMatchingSetAndReleasesOneThatNoLongerMatches) {
  auto orphan = make_set("hand-made", 1);
  *orphan.mutable_metadata()->mutable_labels() = orphan.spec().template_().metadata().labels();
  (*orphan.mutable_metadata()->mutable_labels())["app"] = "web";
  (*orphan.mutable_spec()->mutable_selector()->mutable_match_labels())["app"] = "web";
  (*orphan.mutable_spec()->mutable_template_()->mutable_metadata()->mutable_labels())["app"] = "web";
  must(plane->create(orphan));
  ASSERT_TRUE(pods->wait([](const Pods& all) { return count_ready(all) == 1; }));
  const auto deployment = must(plane->create(make_deployment("web", 2)));
  wait_rolled_out(*deployments, "web");
  // The same template: it becomes the new set, and no other is made.
  ASSERT_EQ(sets->ever(), 1u);
  EXPECT_EQ(sdk::controller_of(sets->get("hand-made")->metadata())->uid(), deployment.metadata().uid());
  EXPECT_EQ(pods->ever(), 2u);

  must(plane->patch<ReplicaSet>("hand-made", R"({"metadata":{"labels":{"app":"other"}}})"));
  ASSERT_TRUE(sets->wait(
      [](const auto& all) { return all.size() == 2 && all.at("hand-made").metadata().owner_references_size() == 0; }));
  wait_rolled_out(*deployments, "web");
}

TEST_F(Deployments, ATakenNameCountsAsACollision) {
  must(plane->create(make_deployment("web", 1)));
  wait_rolled_out(*deployments, "web");
  const auto taken = sets_of("web")[0];
  // The same name again, for another template and without an owner that matches.
  plane->stop_controllers();
  ASSERT_TRUE(plane->remove<ReplicaSet>(taken.metadata().name()).ok());
  auto squatter = make_set("squatter", 0, "else:1");
  squatter.mutable_metadata()->set_name(taken.metadata().name());
  must(plane->create(squatter));
  ASSERT_TRUE(plane->restart_controllers().ok());
  ASSERT_TRUE(wait_for("web", [](const auto& now) { return now.status().collision_count() == 1; }));
  ASSERT_TRUE(sets->wait([&](const auto& all) {
    return std::any_of(all.begin(), all.end(), [&](const auto& item) {
      return item.first.rfind("web-", 0) == 0 && item.first != taken.metadata().name() &&
             item.second.status().available_replicas() == 1;
    });
  }));
}

TEST_F(Deployments, AnEmptySelectorIsRefusedInWords) {
  auto deployment = make_deployment("all", 1);
  deployment.mutable_spec()->mutable_selector()->clear_match_labels();
  const auto made = plane->create(deployment);
  if (!made) {  // the server may be stricter
    EXPECT_EQ(made.error().code(), 422);
    return;
  }
  EXPECT_TRUE(
      wait_event("all", "SelectingAll: This deployment is selecting all pods. A non-empty selector is required."));
  EXPECT_EQ(sets->ever(), 0u);
}

TEST_F(Deployments, DeletedInTheMiddleItStopsActing) {
  auto deployment = make_deployment("web", 2);
  deployment.mutable_metadata()->add_finalizers("example.com/hold");
  must(plane->create(deployment));
  wait_rolled_out(*deployments, "web");
  ASSERT_TRUE(plane->remove<Deployment>("web").ok());
  must(plane->patch<Deployment>("web", image_patch("web:2")));
  const auto changed = must(plane->patch<Deployment>("web", size_patch(5)));
  ASSERT_TRUE(wait_for(
      "web", [&](const auto& now) { return now.status().observed_generation() >= changed.metadata().generation(); }));
  EXPECT_EQ(sets->ever(), 1u);
  EXPECT_EQ(pods->ever(), 2u);
}

}  // namespace
}  // namespace gantry::integration
