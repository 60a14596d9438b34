// The simulated nodes of plugins/runtime/sim with the real API server, store and controller host.
#include <gtest/gtest.h>

#include "gantry/pods.hpp"
#include "k8s.io/api/coordination/v1/lease.pb.h"
#include "k8s.io/api/core/v1/node.pb.h"
#include "tests/integration/test_plane.hpp"

namespace gantry::integration {
namespace {

using Pods = View<corev1::Pod>::Objects;

std::unique_ptr<TestPlane> start_plane(std::map<std::string, int64_t> sim, std::vector<std::string> plugins = {"sim"}) {
  TestPlane::Options options;
  options.plugins = std::move(plugins);
  options.config["sim"] = std::move(sim);
  auto plane = TestPlane::start(std::move(options));
  EXPECT_TRUE(plane.ok()) << plane.error().message();
  return plane ? std::move(*plane) : nullptr;
}

// Bound already: no scheduler takes part.
corev1::Pod pod(const std::string& name, const std::map<std::string, std::string>& annotations = {},
                const std::string& policy = "Always") {
  corev1::Pod pod;
  pod.mutable_metadata()->set_name(name);
  for (const auto& [key, value] : annotations) {
    (*pod.mutable_metadata()->mutable_annotations())["sim.gantry.dev/" + key] = value;
  }
  pod.mutable_spec()->set_node_name("sim-0000");
  pod.mutable_spec()->set_restart_policy(policy);
  auto& container = *pod.mutable_spec()->add_containers();
  container.set_name("main");
  container.set_image("nginx:1");
  return pod;
}

bool all_nodes_ready(const View<corev1::Node>::Objects& nodes, size_t count) {
  size_t ready = 0;
  for (const auto& [name, node] : nodes) {
    for (const auto& condition : node.status().conditions())
      ready += condition.type() == "Ready" && condition.status() == "True";
  }
  return ready == count;
}

const corev1::Pod* find(const Pods& pods, const std::string& name) {
  const auto it = pods.find(name);
  return it == pods.end() ? nullptr : &it->second;
}

TEST(Sim, NodesAreReadyAndKeepTheirLeases) {
  const auto plane = start_plane({{"nodes", 25}, {"heartbeat_ms", 200}});
  ASSERT_TRUE(plane);
  View<corev1::Node> nodes(*plane, nullptr, "");
  EXPECT_TRUE(nodes.wait([](const auto& all) { return all_nodes_ready(all, 25); }));
  View<coordinationv1::Lease> leases(*plane, nullptr, "kube-node-lease");
  EXPECT_TRUE(leases.wait([](const auto& all) { return all.size() == 25; }));
  const auto first = leases.get("sim-0024")->spec().renew_time();
  EXPECT_TRUE(leases.wait([&](const auto& all) {
    const auto& now = all.at("sim-0024").spec().renew_time();
    return now.seconds() > first.seconds() || (now.seconds() == first.seconds() && now.nanos() > first.nanos());
  }));
}

TEST(Sim, APodRunsWithOneStatusWrite) {
  const auto plane = start_plane({{"nodes", 1}});
  ASSERT_TRUE(plane);
  std::set<std::string> versions;
  View<corev1::Pod> pods(*plane, [&](const Pods& all) {
    for (const auto& [name, one] : all) versions.insert(one.metadata().resource_version());
  });
  ASSERT_TRUE(plane->create(pod("web")).ok());
  ASSERT_TRUE(pods.wait([](const Pods& all) { return find(all, "web") != nullptr && sdk::is_ready(all.at("web")); }));
  const auto web = *pods.get("web");
  EXPECT_EQ(web.status().phase(), "Running");
  EXPECT_TRUE(web.status().pod_ip().starts_with("100.64.0.")) << web.status().pod_ip();
  EXPECT_EQ(web.status().qos_class(), "BestEffort");
  EXPECT_TRUE(web.status().container_statuses(0).state().has_running());
  // A pod that comes and goes later proves that the first was left alone meanwhile.
  ASSERT_TRUE(plane->create(pod("later")).ok());
  ASSERT_TRUE(
      pods.wait([](const Pods& all) { return find(all, "later") != nullptr && sdk::is_ready(all.at("later")); }));
  EXPECT_EQ(versions.size(), 4u);  // two pods: made, and running
  metav1::DeleteOptions ten;
  ten.set_grace_period_seconds(10);
  ASSERT_TRUE(plane->remove<corev1::Pod>("web", ten).ok());
  EXPECT_TRUE(pods.wait([](const Pods& all) { return find(all, "web") == nullptr; }));
}

TEST(Sim, PodsCompleteFailAndBackOff) {
  const auto plane = start_plane({{"nodes", 1}, {"start_ms", 20}, {"backoff_ms", 50}});
  ASSERT_TRUE(plane);
  View<corev1::Pod> pods(*plane);
  ASSERT_TRUE(plane->create(pod("done", {{"run-for", "50ms"}}, "OnFailure")).ok());
  ASSERT_TRUE(plane->create(pod("broken", {{"run-for", "50ms"}, {"exit-code", "3"}}, "Never")).ok());
  ASSERT_TRUE(plane->create(pod("loops", {{"run-for", "10ms"}, {"exit-code", "1"}})).ok());
  EXPECT_TRUE(pods.wait([](const Pods& all) {
    const auto *done = find(all, "done"), *broken = find(all, "broken");
    return done != nullptr && broken != nullptr && done->status().phase() == "Succeeded" &&
           broken->status().phase() == "Failed" &&
           broken->status().container_statuses(0).state().terminated().exit_code() == 3;
  }));
  EXPECT_TRUE(pods.wait([](const Pods& all) {
    const auto& status = all.at("loops").status();
    return status.container_statuses_size() == 1 && status.container_statuses(0).restart_count() >= 3 &&
           status.container_statuses(0).state().waiting().reason() == "CrashLoopBackOff";
  }));
  EXPECT_TRUE(plane->log(3).empty()) << plane->log(3).front();
}

TEST(Sim, ReadinessIsAnAnnotationAway) {
  const auto plane = start_plane({{"nodes", 1}});
  ASSERT_TRUE(plane);
  View<corev1::Pod> pods(*plane);
  ASSERT_TRUE(plane->create(pod("web")).ok());
  const auto ready = [&](bool wanted) {
    return pods.wait([=](const Pods& all) {
      const auto* web = find(all, "web");
      return web != nullptr && web->status().phase() == "Running" && sdk::is_ready(*web) == wanted;
    });
  };
  ASSERT_TRUE(ready(true));
  ASSERT_TRUE(
      plane->patch<corev1::Pod>("web", R"({"metadata":{"annotations":{"sim.gantry.dev/ready":"false"}}})").ok());
  EXPECT_TRUE(ready(false));
  ASSERT_TRUE(plane->patch<corev1::Pod>("web", R"({"metadata":{"annotations":{"sim.gantry.dev/ready":null}}})").ok());
  EXPECT_TRUE(ready(true));
}

TEST(Sim, ARestartFindsWhatRuns) {
  const auto plane = start_plane({{"nodes", 1}});
  ASSERT_TRUE(plane);
  View<corev1::Pod> pods(*plane);
  ASSERT_TRUE(plane->create(pod("old")).ok());
  ASSERT_TRUE(pods.wait([](const Pods& all) { return find(all, "old") != nullptr && sdk::is_ready(all.at("old")); }));
  const auto before = *pods.get("old");
  ASSERT_TRUE(plane->restart_controllers().ok());
  ASSERT_TRUE(plane->create(pod("new")).ok());
  ASSERT_TRUE(pods.wait([](const Pods& all) { return find(all, "new") != nullptr && sdk::is_ready(all.at("new")); }));
  EXPECT_EQ(pods.get("old")->metadata().resource_version(), before.metadata().resource_version());
  EXPECT_NE(pods.get("new")->status().pod_ip(), before.status().pod_ip());
}

TEST(Sim, ANodeThatIsDownSaysNothingUntilItIsUpAgain) {
  const auto plane = start_plane({{"nodes", 2}});
  ASSERT_TRUE(plane);
  View<corev1::Node> nodes(*plane, nullptr, "");
  ASSERT_TRUE(nodes.wait([](const auto& all) { return all_nodes_ready(all, 2); }));
  const auto mark = [&](const char* json) {
    auto request = sdk::Host::request_for<corev1::Node>(ApiRequest::PATCH, "", "sim-0000");
    request.set_patch_type(ApiRequest::STRATEGIC_MERGE_PATCH);
    request.set_body(json);
    ASSERT_TRUE(plane->client().call(request).ok());
  };
  mark(R"({"metadata":{"annotations":{"sim.gantry.dev/down":"true"}}})");
  View<corev1::Pod> pods(*plane);
  // Whether the plugin has seen the annotation is not announced; a pod that waits for one it cannot start says it once
  // it has.
  auto other = pod("other");
  other.mutable_spec()->set_node_name("sim-0001");
  for (int i = 0; i < 100; ++i) {
    const auto name = "probe-" + std::to_string(i);
    ASSERT_TRUE(plane->create(pod(name)).ok());
    other.mutable_metadata()->set_name("other-" + std::to_string(i));
    ASSERT_TRUE(plane->create(other).ok());
    ASSERT_TRUE(pods.wait([&](const Pods& all) {
      const auto* one = find(all, other.metadata().name());
      return one != nullptr && sdk::is_ready(*one);
    }));
    if (const auto probe = pods.get(name); probe && !sdk::is_ready(*probe)) break;
    ASSERT_LT(i, 99) << "its kubelet still works";
  }
  mark(R"({"metadata":{"annotations":{"sim.gantry.dev/down":null}}})");
  EXPECT_TRUE(pods.wait([](const Pods& all) {
    return std::all_of(all.begin(), all.end(), [](const auto& one) { return sdk::is_ready(one.second); });
  }));
}

}  // namespace
}  // namespace gantry::integration
