// A pod of more priority on a full cluster, with the real scheduler and API, on simulated nodes and time.
#include <chrono>

#include "gantry/conditions.hpp"
#include "k8s.io/api/core/v1/node.pb.h"
#include "k8s.io/api/scheduling/v1/priority_class.pb.h"
#include "tests/integration/workloads.hpp"

namespace gantry::integration {
namespace {

struct Preemption : testing::Test {
  void SetUp() override {
    TestPlane::Options options;
    options.plugins = {"sim"};
    options.config["sim"] = {{"nodes", 1}};
    options.simulated_seed = 5;
    options.scheduler = true;
    auto started = TestPlane::start(std::move(options));
    ASSERT_TRUE(started.ok()) << started.error().message();
    plane = std::move(*started);
    advance(std::chrono::seconds(1));
  }
  void advance(std::chrono::seconds by) {
    const auto state = plane->advance(by);
    ASSERT_TRUE(state.ok()) << state.error().message();
  }
  std::string all_cpu() {
    const auto answer = plane->client().call(sdk::Host::request_for<corev1::Node>(ApiRequest::LIST, "", ""));
    corev1::Node node;
    EXPECT_TRUE(answer.ok() && answer->objects_size() == 1 && node.ParseFromString(answer->objects(0)));
    return node.status().allocatable().at("cpu").string();
  }
  void make(const std::string& name, const std::string& cpu, int32_t priority) {
    const simulation::Turn turn(&plane->time()->turns(), "the test");
    if (priority != 0) {
      client::ApiRequest request;
      request.set_verb(ApiRequest::CREATE);
      request.set_group("scheduling.k8s.io");
      request.set_version("v1");
      request.set_resource("priorityclasses");
      k8s::io::api::scheduling::v1::PriorityClass made;
      made.mutable_metadata()->set_name(name);
      made.set_value(priority);
      request.set_body(made.SerializeAsString());
      const auto answer = plane->client().call(request);
      ASSERT_TRUE(answer.ok()) << answer.error().message();
    }
    Pod pod = make_pod(name, name);
    if (priority != 0) pod.mutable_spec()->set_priority_class_name(name);
    auto& requests = *pod.mutable_spec()->mutable_containers(0)->mutable_resources()->mutable_requests();
    requests["cpu"].set_string(cpu);
    const auto created = plane->create(pod);
    ASSERT_TRUE(created.ok()) << created.error().message();
  }
  std::unique_ptr<TestPlane> plane;
};

TEST_F(Preemption, APodOfMorePriorityTakesTheNode) {
  std::string target, nominated;
  View<Pod> pods(*plane, [&](const Pods& all) {
    if (const auto low = all.find("low"); low != all.end()) {
      const auto* condition = sdk::find_condition(low->second.status().conditions(), "DisruptionTarget");
      if (condition != nullptr) target = condition->status() + " " + condition->reason() + ": " + condition->message();
    }
    const auto high = all.find("high");
    if (high != all.end() && high->second.spec().node_name().empty() &&
        !high->second.status().nominated_node_name().empty())
      nominated = high->second.status().nominated_node_name();
  });
  make("low", all_cpu(), 0);
  advance(std::chrono::seconds(10));
  const auto low = plane->get<Pod>("low");
  ASSERT_TRUE(low.ok());
  const std::string node = low->spec().node_name();
  ASSERT_NE(node, "");
  make("high", all_cpu(), 1000);
  advance(std::chrono::minutes(2));
  const auto high = plane->get<Pod>("high");
  ASSERT_TRUE(high.ok());
  EXPECT_EQ(high->spec().node_name(), node);
  EXPECT_EQ(high->status().nominated_node_name(), "") << "it has served";
  EXPECT_EQ(plane->get<Pod>("low").error().code(), 404);
  EXPECT_EQ(target, "True PreemptionByScheduler: default-scheduler: preempting to accommodate a higher priority pod");
  EXPECT_EQ(nominated, node);
  const auto events = plane->events("low");
  const std::string wanted = "Preempted: Preempted by pod " + high->metadata().uid() + " on node " + node;
  EXPECT_EQ(std::count(events.begin(), events.end(), wanted), 1);
  make("again", all_cpu(), 500);
  advance(std::chrono::minutes(1));
  const auto again = plane->events("again");
  EXPECT_NE(std::find(again.begin(), again.end(),
                      "FailedScheduling: 0/1 nodes are available: 1 Insufficient cpu. preemption: 0/1 nodes are "
                      "available: 1 No preemption victims found for incoming pod."),
            again.end());
}

}  // namespace
}  // namespace gantry::integration
