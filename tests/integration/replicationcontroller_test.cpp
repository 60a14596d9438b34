// The replicationcontroller plugin in a real control plane: its own selector form, adoption, scale, reload and restart.
#include "k8s.io/api/autoscaling/v1/scale.pb.h"
#include "k8s.io/api/core/v1/replication_controller.pb.h"
#include "tests/integration/workloads.hpp"

namespace gantry::integration {
namespace {

using corev1::ReplicationController;

struct ReplicationControllers : Workloads {
  void SetUp() override { start({.plugins = {"replicaset", "replicationcontroller"}}); }
  static ReplicationController make_controller(const std::string& name, int32_t replicas) {
    ReplicationController controller;
    controller.mutable_metadata()->set_name(name);
    auto& spec = *controller.mutable_spec();
    spec.set_replicas(replicas);
    (*spec.mutable_selector())["app"] = name;
    fill_template(*spec.mutable_template_(), name, "web:1");
    return controller;
  }
};

TEST_F(ReplicationControllers, MakesItsPodsAndCountsThem) {
  FakeNodes nodes(*plane);
  View<ReplicationController> controllers(*plane);
  must(plane->create(make_controller("web", 3)));
  ASSERT_TRUE(controllers.wait([](const auto& all) {
    const auto it = all.find("web");
    return it != all.end() && it->second.status().available_replicas() == 3;
  }));
  const auto web = must(plane->get<ReplicationController>("web"));
  EXPECT_EQ(web.status().replicas(), 3);
  EXPECT_EQ(web.status().ready_replicas(), 3);
  EXPECT_EQ(web.status().fully_labeled_replicas(), 3);
  EXPECT_EQ(web.status().observed_generation(), web.metadata().generation());
  for (const auto& pod : plane->list<Pod>()) {
    EXPECT_EQ(sdk::controller_of(pod.metadata())->kind(), "ReplicationController");
    EXPECT_EQ(pod.metadata().generate_name(), "web-");
    EXPECT_TRUE(wait_event("web", "SuccessfulCreate: Created pod: " + pod.metadata().name()));
  }
}

// An orphan that comes later is found by the host, through the map.
TEST_F(ReplicationControllers, AdoptsByItsMapAndLeavesAReplicaSetsPodsAlone) {
  FakeNodes nodes(*plane);
  View<Pod> pods(*plane);
  const auto web = must(plane->create(make_controller("web", 1)));
  must(plane->create(make_set("web", 2)));
  ASSERT_TRUE(pods.wait([](const Pods& all) { return count_ready(all) == 3; }));
  must(plane->create(make_pod("stranger", "other")));
  must(plane->patch<Pod>("stranger", R"({"metadata":{"labels":{"app":"web"}}})"));
  // Whoever adopts it has one too many then.
  ASSERT_TRUE(pods.wait([&](const Pods& all) { return pods.ever() == 4 && all.size() == 3; }));
  size_t of_controller = 0;
  for (const auto& pod : plane->list<Pod>()) {
    const auto* owner = sdk::controller_of(pod.metadata());
    ASSERT_NE(owner, nullptr);
    of_controller += owner->uid() == web.metadata().uid();
  }
  EXPECT_EQ(of_controller, 1U);
}

TEST_F(ReplicationControllers, AnOrphanThatComesLaterIsFoundByItsLabels) {
  FakeNodes nodes(*plane);
  View<Pod> pods(*plane);
  must(plane->create(make_controller("web", 0)));
  must(plane->create(make_pod("late", "web")));
  ASSERT_TRUE(pods.wait([&](const Pods& all) { return pods.ever() == 1 && all.empty(); }));
}

TEST_F(ReplicationControllers, IsScaledThroughItsSubresource) {
  FakeNodes nodes(*plane);
  View<Pod> pods(*plane);
  must(plane->create(make_controller("web", 1)));
  ASSERT_TRUE(pods.wait([](const Pods& all) { return count_ready(all) == 1; }));
  auto request = sdk::Host::request_for<ReplicationController>(ApiRequest::GET, "default", "web");
  request.set_subresource("scale");
  // Again when the controller wrote its status meanwhile.
  for (bool scaled = false; !scaled;) {
    request.set_verb(ApiRequest::GET);
    request.clear_body();
    auto scale = must(client::parse_object<autoscalingv1::Scale>(plane->client().call(request)));
    ASSERT_EQ(scale.status().selector(), "app=web");
    scale.mutable_spec()->set_replicas(4);
    request.set_verb(ApiRequest::UPDATE);
    request.set_body(scale.SerializeAsString());
    const auto answer = plane->client().call(request);
    scaled = answer.ok();
    ASSERT_TRUE(scaled || answer.error().code() == 409) << answer.error().message();
  }
  ASSERT_TRUE(pods.wait([](const Pods& all) { return count_ready(all) == 4; }));
}

TEST_F(ReplicationControllers, AReloadAndARestartGoOnWhereTheOtherStopped) {
  FakeNodes nodes(*plane);
  View<Pod> pods(*plane);
  must(plane->create(make_controller("web", 3)));
  ASSERT_TRUE(plane->reload("replicationcontroller").ok());
  ASSERT_TRUE(pods.wait([](const Pods& all) { return count_ready(all) == 3; }));
  plane->stop_controllers();
  ASSERT_TRUE(plane->remove<Pod>(plane->list<Pod>()[0].metadata().name()).ok());
  must(plane->patch<Pod>(plane->list<Pod>()[1].metadata().name(), R"({"status":{"phase":"Failed"}})", "status"));
  must(plane->patch<ReplicationController>("web", size_patch(4)));
  ASSERT_TRUE(plane->restart_controllers().ok());
  ASSERT_TRUE(pods.wait([](const Pods& all) { return count_ready(all) == 4; }));
  EXPECT_EQ(pods.ever(), 6U);
}

}  // namespace
}  // namespace gantry::integration
