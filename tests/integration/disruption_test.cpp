// Disruption budgets in a real control plane: the disruption plugin counts, evictions go by it.
#include "k8s.io/api/policy/v1/eviction.pb.h"
#include "k8s.io/api/policy/v1/pod_disruption_budget.pb.h"
#include "tests/integration/workloads.hpp"

namespace gantry::integration {
namespace {

using Budget = policyv1::PodDisruptionBudget;
using Budgets = View<Budget>;

struct Disruption : Workloads {
  void SetUp() override { start({.plugins = {"replicaset", "deployment", "disruption"}}); }
  static Budget budget(const std::string& app, const std::string& max_unavailable) {
    Budget made;
    made.mutable_metadata()->set_name(app);
    auto& limit = *made.mutable_spec()->mutable_max_unavailable();
    limit.set_type(1);
    limit.set_str_val(max_unavailable);
    (*made.mutable_spec()->mutable_selector()->mutable_match_labels())["app"] = app;
    return made;
  }
  static std::string counts(const Budget& budget) {
    const auto& status = budget.status();
    return std::to_string(status.expected_pods()) + " expected, " + std::to_string(status.desired_healthy()) + " of " +
           std::to_string(status.current_healthy()) + " healthy, " + std::to_string(status.disruptions_allowed()) +
           " may go";
  }
  static bool wait_counts(Budgets& budgets, const std::string& name, const std::string& wanted) {
    return budgets.wait([&](const auto& all) {
      const auto it = all.find(name);
      return it != all.end() && counts(it->second) == wanted;
    });
  }
  Status evict(const std::string& name) {
    policyv1::Eviction body;
    body.mutable_metadata()->set_name(name);
    auto request = sdk::Host::request_for<Pod>(ApiRequest::CREATE, TestPlane::kNamespace, name);
    request.set_subresource("eviction");
    request.set_body(body.SerializeAsString());
    const auto answer = plane->client().call(request);
    return answer ? Status() : answer.error();
  }
};

TEST_F(Disruption, OneGoesAtATimeAndTheNextWhenItsSuccessorIsReady) {
  FakeNodes nodes(*plane);
  Budgets budgets(*plane);
  must(plane->create(make_deployment("web", 4)));
  must(plane->create(budget("web", "25%")));
  ASSERT_TRUE(wait_counts(budgets, "web", "4 expected, 3 of 4 healthy, 1 may go")) << counts(*budgets.get("web"));
  const auto pods = plane->list<Pod>();
  ASSERT_EQ(pods.size(), 4U);
  nodes.set_policy([](const Pod&) { return Fate::kRunning; });  // no successor becomes ready, and nobody else stays so
  ASSERT_TRUE(wait_counts(budgets, "web", "4 expected, 3 of 0 healthy, 0 may go")) << counts(*budgets.get("web"));
  EXPECT_EQ(evict(pods[0].metadata().name()).code(), 429);
  nodes.set_policy(nullptr);
  ASSERT_TRUE(wait_counts(budgets, "web", "4 expected, 3 of 4 healthy, 1 may go"));
  nodes.let_pods_end(false);
  nodes.set_policy([](const Pod& pod) { return sdk::is_ready(pod) ? Fate::kReady : Fate::kRunning; });
  EXPECT_TRUE(evict(pods[0].metadata().name()).ok());
  ASSERT_TRUE(wait_counts(budgets, "web", "4 expected, 3 of 3 healthy, 0 may go")) << counts(*budgets.get("web"));
  const auto refused = evict(pods[1].metadata().name());
  EXPECT_EQ(refused.code(), 429);
  EXPECT_EQ(refused.message(), "Cannot evict pod as it would violate the pod's disruption budget.");
  nodes.let_pods_end(true);
  nodes.set_policy(nullptr);
  ASSERT_TRUE(wait_counts(budgets, "web", "4 expected, 3 of 4 healthy, 1 may go"));
  EXPECT_TRUE(evict(pods[1].metadata().name()).ok());
  EXPECT_TRUE(budgets.wait([](const auto& all) { return all.at("web").status().disrupted_pods().empty(); }));
}

// An empty selector is for every pod of the namespace, and evictions go by it, too.
TEST_F(Disruption, ABudgetForAllPods) {
  FakeNodes nodes(*plane);
  Budgets budgets(*plane);
  auto all = budget("all", "0%");
  all.mutable_spec()->mutable_selector()->clear_match_labels();
  must(plane->create(all));
  must(plane->create(make_deployment("web", 2)));
  ASSERT_TRUE(wait_counts(budgets, "all", "2 expected, 2 of 2 healthy, 0 may go"));
  EXPECT_EQ(evict(plane->list<Pod>()[0].metadata().name()).code(), 429);
  ASSERT_TRUE(plane->remove<Budget>("all").ok());
  EXPECT_TRUE(evict(plane->list<Pod>()[0].metadata().name()).ok());
}

TEST_F(Disruption, GoesOnAfterARestartAndAReload) {
  FakeNodes nodes(*plane);
  Budgets budgets(*plane);
  must(plane->create(make_deployment("web", 2)));
  must(plane->create(budget("web", "50%")));
  ASSERT_TRUE(wait_counts(budgets, "web", "2 expected, 1 of 2 healthy, 1 may go"));
  plane->stop_controllers();
  must(plane->patch<Deployment>("web", size_patch(6)));
  ASSERT_TRUE(plane->restart_controllers().ok());
  ASSERT_TRUE(wait_counts(budgets, "web", "6 expected, 3 of 6 healthy, 3 may go")) << counts(*budgets.get("web"));
  ASSERT_TRUE(plane->reload("disruption").ok());
  // The new instance knows the budgets, too: a pod's event finds its budget.
  const auto gone = plane->list<Pod>()[0].metadata().name();
  nodes.set_policy([&](const Pod& pod) { return sdk::is_ready(pod) ? Fate::kReady : Fate::kRunning; });
  ASSERT_TRUE(plane->remove<Pod>(gone).ok());
  ASSERT_TRUE(wait_counts(budgets, "web", "6 expected, 3 of 5 healthy, 2 may go")) << counts(*budgets.get("web"));
}

TEST_F(Disruption, WithoutAScaleItSaysWhy) {
  FakeNodes nodes(*plane);
  Budgets budgets(*plane);
  auto pod = make_pod("lone", "lone");
  auto& owner = *pod.mutable_metadata()->add_owner_references();
  owner.set_api_version("v1");
  owner.set_kind("ConfigMap");
  owner.set_name("owner");
  owner.set_uid("11111111-2222-3333-4444-555555555555");
  owner.set_controller(true);
  must(plane->create(pod));
  must(plane->create(budget("lone", "50%")));
  const std::string why = "configmaps does not implement the scale subresource";
  ASSERT_TRUE(budgets.wait([&](const auto& all) {
    const auto it = all.find("lone");
    return it != all.end() && it->second.status().conditions_size() == 1 &&
           it->second.status().conditions(0).message() == why;
  }));
  EXPECT_EQ(budgets.get("lone")->status().conditions(0).reason(), "SyncFailed");
  EXPECT_TRUE(
      wait_event("lone", "CalculateExpectedPodCountFailed: Failed to calculate the number of expected pods: " + why));
}

}  // namespace
}  // namespace gantry::integration
