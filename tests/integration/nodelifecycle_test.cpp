// Nodes that fall silent, on simulated nodes and simulated time: taints, turns,
// evictions, and what comes after.
#include <chrono>

#include "gantry/conditions.hpp"
#include "gantry/times.hpp"
#include "k8s.io/api/core/v1/node.pb.h"
#include "tests/integration/workloads.hpp"

namespace gantry::integration {
namespace {

using corev1::Node;
using std::chrono::minutes;
using std::chrono::seconds;

struct NodeLifecycle : testing::Test {
  static std::unique_ptr<TestPlane> start(int64_t nodes) {
    TestPlane::Options options;
    options.plugins = {"sim", "replicaset", "deployment", "nodelifecycle"};
    options.config["sim"] = {{"nodes", nodes}};
    options.simulated_seed = 3;
    options.scheduler = true;
    auto plane = TestPlane::start(std::move(options));
    EXPECT_TRUE(plane.ok()) << plane.error().message();
    return plane ? std::move(*plane) : nullptr;
  }
  void SetUp() override {
    plane = start(6);
    ASSERT_TRUE(plane);
    advance(seconds(1));
  }
  plugin::SimulatedTime::State advance(seconds by) {
    const auto state = plane->advance(by);
    EXPECT_TRUE(state.ok()) << state.error().message();
    return state ? *state : plugin::SimulatedTime::State();
  }
  Node node(const std::string& name) {
    auto request = sdk::Host::request_for<Node>(ApiRequest::GET, "", name);
    const auto found = client::parse_object<Node>(plane->client().call(request));
    EXPECT_TRUE(found.ok());
    return found ? *found : Node();
  }
  void patch_node(const std::string& name, const std::string& json) {
    const simulation::Turn turn(&plane->time()->turns(), "the test");
    auto request = sdk::Host::request_for<Node>(ApiRequest::PATCH, "", name);
    request.set_patch_type(ApiRequest::STRATEGIC_MERGE_PATCH);
    request.set_body(json);
    ASSERT_TRUE(plane->client().call(request).ok());
  }
  void silence(const std::string& name) {
    patch_node(name, R"({"metadata":{"annotations":{"sim.gantry.dev/down":"true"}}})");
  }
  std::string ready(const std::string& name) {
    const auto found = node(name);
    const auto* condition = sdk::find_condition(found.status().conditions(), "Ready");
    return condition == nullptr ? "(none)" : condition->status() + " " + condition->reason();
  }
  std::string taints(const std::string& name) {
    std::string text;
    const auto found = node(name);
    for (const auto& taint : found.spec().taints()) {
      text += (text.empty() ? "" : " ") + taint.key().substr(taint.key().find('/') + 1) + ":" + taint.effect();
    }
    return text;
  }
  void deploy(int32_t replicas) {
    const simulation::Turn turn(&plane->time()->turns(), "the test");
    ASSERT_TRUE(plane->create(make_deployment("web", replicas)).ok());
  }
  std::vector<Pod> pods_on(const std::string& name) {
    std::vector<Pod> found;
    for (auto& pod : plane->list<Pod>("app=web")) {
      if (pod.spec().node_name() == name) found.push_back(std::move(pod));
    }
    return found;
  }
  size_t ready_pods() {
    const auto pods = plane->list<Pod>("app=web");
    return static_cast<size_t>(
        std::count_if(pods.begin(), pods.end(), [](const Pod& pod) { return sdk::is_ready(pod); }));
  }

  std::unique_ptr<TestPlane> plane;
};

TEST_F(NodeLifecycle, PodsOfASilentNodeAreMadeElsewhereAfterTheirTime) {
  deploy(12);
  advance(seconds(20));
  ASSERT_EQ(ready_pods(), 12U);
  const auto there = pods_on("sim-0002");
  ASSERT_FALSE(there.empty());
  advance(seconds(60));
  EXPECT_EQ(taints("sim-0002"), "");
  silence("sim-0002");
  advance(seconds(35));
  EXPECT_EQ(ready("sim-0002").substr(0, 4), "True");
  advance(seconds(20));
  EXPECT_EQ(ready("sim-0002"), "Unknown NodeStatusUnknown");
  EXPECT_EQ(taints("sim-0002"), "unreachable:NoSchedule unreachable:NoExecute");
  for (const auto& pod : pods_on("sim-0002")) {
    EXPECT_FALSE(sdk::is_ready(pod)) << pod.metadata().name();
    EXPECT_FALSE(pod.metadata().has_deletion_timestamp());
  }
  advance(seconds(280));
  for (const auto& pod : pods_on("sim-0002")) EXPECT_FALSE(pod.metadata().has_deletion_timestamp());
  advance(seconds(20));
  const auto evicted = pods_on("sim-0002");
  EXPECT_EQ(evicted.size(), there.size());
  for (const auto& pod : evicted) {
    EXPECT_TRUE(pod.metadata().has_deletion_timestamp());
    const auto* why = sdk::pod_condition(pod, "DisruptionTarget");
    ASSERT_NE(why, nullptr);
    EXPECT_EQ(why->reason(), "DeletionByTaintManager");
  }
  EXPECT_EQ(ready_pods(), 12U) << "their successors run elsewhere";
  patch_node("sim-0002", R"({"metadata":{"annotations":{"sim.gantry.dev/down":"false"}}})");
  advance(seconds(30));
  EXPECT_EQ(ready("sim-0002").substr(0, 4), "True");
  EXPECT_EQ(taints("sim-0002"), "");
  EXPECT_TRUE(pods_on("sim-0002").empty()) << "its kubelet ended them";
}

TEST_F(NodeLifecycle, OneNodeAtATimeIsGivenUp) {
  advance(seconds(60));
  silence("sim-0001");
  silence("sim-0004");
  advance(seconds(70));
  std::vector<int64_t> times;
  for (const char* name : {"sim-0001", "sim-0004"}) {
    const auto found = node(name);
    for (const auto& taint : found.spec().taints()) {
      if (taint.effect() == "NoExecute") times.push_back(taint.time_added().seconds());
    }
  }
  ASSERT_EQ(times.size(), 2U);
  EXPECT_GE(std::abs(times[0] - times[1]), 10);
}

TEST_F(NodeLifecycle, WhereAllAreSilentNobodyIsGivenUp) {
  deploy(6);
  advance(seconds(60));
  for (int i = 0; i < 6; ++i) silence("sim-000" + std::to_string(i));
  advance(minutes(10));
  const auto before = advance(seconds(1));
  const auto after = advance(minutes(10));
  EXPECT_LT(after.fired - before.fired, 1'000U) << "nobody but the Leases has anything to do";
  EXPECT_EQ(taints("sim-0003"), "unreachable:NoSchedule");
  for (const auto& pod : plane->list<Pod>("app=web")) EXPECT_FALSE(pod.metadata().has_deletion_timestamp());
}

TEST_F(NodeLifecycle, AReloadAndARestartGiveNodesTheirTimeAgainAndForgetNoEviction) {
  deploy(12);
  advance(seconds(60));
  silence("sim-0002");
  advance(seconds(30));
  ASSERT_TRUE(plane->reload("nodelifecycle").ok());
  advance(seconds(30));
  EXPECT_EQ(ready("sim-0002").substr(0, 4), "True");
  advance(seconds(45));
  EXPECT_EQ(ready("sim-0002"), "Unknown NodeStatusUnknown");
  advance(seconds(100));
  ASSERT_TRUE(plane->reload("nodelifecycle").ok());
  advance(seconds(165));
  for (const auto& pod : pods_on("sim-0002")) EXPECT_FALSE(pod.metadata().has_deletion_timestamp());
  advance(seconds(40));
  const auto evicted = pods_on("sim-0002");
  ASSERT_FALSE(evicted.empty());
  for (const auto& pod : evicted) EXPECT_TRUE(pod.metadata().has_deletion_timestamp());
}

TEST_F(NodeLifecycle, CordonedNodesHaveTheTaint) {
  patch_node("sim-0005", R"({"spec":{"unschedulable":true}})");
  advance(seconds(1));
  EXPECT_EQ(taints("sim-0005"), "unschedulable:NoSchedule");
  patch_node("sim-0005", R"({"spec":{"unschedulable":null}})");
  advance(seconds(1));
  EXPECT_EQ(taints("sim-0005"), "");
}

TEST_F(NodeLifecycle, TheSameOutageTwiceIsTheSame) {
  const auto outage = [&] {
    deploy(12);
    advance(seconds(60));
    silence("sim-0002");
    silence("sim-0004");
    return advance(minutes(10));
  };
  const auto first = outage();
  plane.reset();
  plane = start(6);
  ASSERT_TRUE(plane);
  advance(seconds(1));
  const auto second = outage();
  EXPECT_EQ(first.fired, second.fired);
  EXPECT_EQ(first.digest, second.digest);
}

}  // namespace
}  // namespace gantry::integration
