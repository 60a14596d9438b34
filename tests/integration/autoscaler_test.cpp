// Autoscaling from end to end on simulated time: simulated pods use what their annotations say, the sim plugin tells it
// as PodMetrics, the autoscaler sets a Deployment's scale.
#include <chrono>

#include "k8s.io/api/autoscaling/v2/horizontal_pod_autoscaler.pb.h"
#include "k8s.io/metrics/pkg/apis/metrics/v1beta1/usage.pb.h"
#include "tests/integration/workloads.hpp"

namespace gantry::integration {
namespace {

using autoscalingv2::HorizontalPodAutoscaler;
using std::chrono::minutes;
using std::chrono::seconds;

class Autoscaling : public ::testing::Test {
 protected:
  void SetUp() override { start({"sim", "replicaset", "deployment", "horizontalpodautoscaler"}); }
  void start(std::vector<std::string> plugins) {
    TestPlane::Options options;
    options.plugins = std::move(plugins);
    options.config["sim"] = {{"nodes", 5}, {"heartbeat_ms", 0}};
    options.simulated_seed = 7;
    options.scheduler = true;
    auto made = TestPlane::start(std::move(options));
    ASSERT_TRUE(made.ok()) << made.error().message();
    plane = std::move(*made);
  }
  void advance(seconds by) {
    const auto state = plane->advance(by);
    ASSERT_TRUE(state.ok()) << state.error().message();
    EXPECT_EQ(state->broken, 0U);
  }
  // What a test asks for takes turns with what goes on inside.
  template <typename Fn>
  auto in_turn(Fn fn) {
    const simulation::Turn turn(&plane->time()->turns(), "the test");
    return fn();
  }
  template <typename M>
  void create(const M& object) {
    const auto made = in_turn([&] { return plane->create(object); });
    ASSERT_TRUE(made.ok()) << made.error().message();
  }
  void deploy(int32_t replicas, const std::string& cpu) {
    auto deployment = make_deployment("web", replicas);
    auto& pod = *deployment.mutable_spec()->mutable_template_();
    (*pod.mutable_metadata()->mutable_annotations())["sim.gantry.dev/cpu-usage"] = cpu;
    auto& requests = *pod.mutable_spec()->mutable_containers(0)->mutable_resources()->mutable_requests();
    requests["cpu"].set_string("1");
    create(deployment);
  }
  static HorizontalPodAutoscaler autoscaler(int32_t least, int32_t most, const std::string& kind = "Deployment") {
    HorizontalPodAutoscaler out;
    out.mutable_metadata()->set_name("web");
    auto& spec = *out.mutable_spec();
    spec.mutable_scale_target_ref()->set_api_version("apps/v1");
    spec.mutable_scale_target_ref()->set_kind(kind);
    spec.mutable_scale_target_ref()->set_name("web");
    spec.set_min_replicas(least);
    spec.set_max_replicas(most);
    auto& metric = *spec.add_metrics();
    metric.set_type("Resource");
    metric.mutable_resource()->set_name("cpu");
    metric.mutable_resource()->mutable_target()->set_type("Utilization");
    metric.mutable_resource()->mutable_target()->set_average_utilization(50);
    return out;
  }
  void all_pods_use(const std::string& cpu) {
    in_turn([&] {
      for (const auto& pod : plane->list<Pod>()) {
        EXPECT_TRUE(plane->patch<Pod>(pod.metadata().name(),
                                      R"({"metadata":{"annotations":{"sim.gantry.dev/cpu-usage":")" + cpu + "\"}}}"));
      }
      return 0;
    });
  }
  int32_t replicas() { return plane->get<Deployment>("web")->spec().replicas(); }
  std::string condition(const std::string& type) {
    const auto now = plane->get<HorizontalPodAutoscaler>("web");
    for (const auto& one : now->status().conditions()) {
      if (one.type() == type) return one.status() + " " + one.reason();
    }
    return "none";
  }

  std::unique_ptr<TestPlane> plane;
};

TEST_F(Autoscaling, FollowsWhatPodsUse) {
  deploy(2, "900m");
  create(autoscaler(1, 12));
  advance(minutes(2));
  EXPECT_EQ(replicas(), 12);
  EXPECT_EQ(condition("ScalingLimited"), "True TooManyReplicas");
  const auto metrics = plane->list<metricsv1beta1::PodMetrics>("app=web");
  ASSERT_EQ(metrics.size(), 12U);
  EXPECT_EQ(metrics[0].containers(0).usage().at("cpu").string(), "900m");
  // Quiet: five minutes after the last that wanted more, and not before.
  all_pods_use("100m");
  advance(minutes(4));
  EXPECT_EQ(replicas(), 12);
  EXPECT_EQ(condition("AbleToScale"), "True ScaleDownStabilized");
  advance(minutes(2));
  EXPECT_EQ(replicas(), 3);
  advance(seconds(50));
  EXPECT_EQ(plane->list<metricsv1beta1::PodMetrics>("app=web").size(), 3U) << "those of pods that are gone go, too";
}

TEST_F(Autoscaling, AReloadForgetsNothingThatShrinks) {
  deploy(6, "100m");
  create(autoscaler(1, 12));
  advance(minutes(3));
  EXPECT_EQ(replicas(), 6);
  ASSERT_TRUE(in_turn([&] { return plane->reload("horizontalpodautoscaler"); }).ok());
  advance(minutes(4));
  EXPECT_EQ(replicas(), 6);
  advance(minutes(2));
  EXPECT_EQ(replicas(), 2);
}

TEST_F(Autoscaling, AKindWithoutScaleIsAConditionAndNoLoop) {
  create(autoscaler(1, 3, "DaemonSet"));
  advance(minutes(10));
  EXPECT_EQ(condition("AbleToScale"), "False FailedGetScale");
  const auto version = plane->get<HorizontalPodAutoscaler>("web")->metadata().resource_version();
  advance(minutes(10));
  EXPECT_EQ(plane->get<HorizontalPodAutoscaler>("web")->metadata().resource_version(), version);
}

}  // namespace
}  // namespace gantry::integration
