// The podgc plugin in a real control plane on simulated time: nodes that go, pods that are over.
#include <gmock/gmock.h>

#include <chrono>

#include "k8s.io/api/core/v1/node.pb.h"
#include "tests/integration/workloads.hpp"

namespace gantry::integration {
namespace {

using corev1::Node;
using std::chrono::seconds;

struct PodGarbage : Workloads {
  void SetUp() override {
    start({.plugins = {"podgc", "replicaset"},
           .config = {{"podgc", {{"terminated_pod_threshold", 3}}}},
           .simulated_seed = 1});
  }
  template <typename F>
  auto in_turn(F&& ask) {
    const simulation::Turn turn(&plane->time()->turns(), "the test");
    return ask();
  }
  void pass(int64_t by) {
    const auto state = plane->advance(seconds(by));
    ASSERT_TRUE(state.ok()) << state.error().message();
  }
  void add_node(const std::string& name) {
    Node node;
    node.mutable_metadata()->set_name(name);
    in_turn([&] {
      auto request = sdk::Host::request_for<Node>(ApiRequest::CREATE, "", "");
      request.set_body(node.SerializeAsString());
      return must(plane->client().call(request));
    });
  }
  void remove_node(const std::string& name) {
    in_turn([&] {
      auto request = sdk::Host::request_for<Node>(ApiRequest::DELETE, "", name);
      request.set_body(metav1::DeleteOptions().SerializeAsString());
      return must(plane->client().call(request));
    });
  }
  void taint_node(const std::string& name) {
    in_turn([&] {
      auto request = sdk::Host::request_for<Node>(ApiRequest::PATCH, "", name);
      request.set_patch_type(ApiRequest::STRATEGIC_MERGE_PATCH);
      request.set_body(
          R"({"spec":{"taints":[{"key":"node.kubernetes.io/out-of-service","value":"nodeshutdown","effect":"NoExecute"}]}})");
      return must(plane->client().call(request));
    });
  }
  void add_pod(const std::string& name, const std::string& node, const std::string& phase = "Running") {
    auto pod = make_pod(name, name);
    if (!node.empty()) pod.mutable_spec()->set_node_name(node);
    in_turn([&] {
      must(plane->create(pod));
      must(plane->patch<Pod>(name, R"({"status":{"phase":")" + phase + R"("}})", "status"));
    });
  }
  std::optional<Pod> pod(const std::string& name) {
    return in_turn([&]() -> std::optional<Pod> {
      auto found = plane->get<Pod>(name);
      return found ? std::optional(*found) : std::nullopt;
    });
  }
  std::vector<std::string> left() {
    std::vector<std::string> names;
    for (const auto& one : in_turn([&] { return plane->list<Pod>(); })) names.push_back(one.metadata().name());
    return names;
  }
};

TEST_F(PodGarbage, PodsOfANodeThatIsGoneGoAfterAWhile) {
  add_node("a");
  add_node("b");
  add_pod("on-a", "a");
  add_pod("on-b", "b");
  auto held = make_pod("held", "held");
  held.mutable_spec()->set_node_name("a");
  held.mutable_metadata()->add_finalizers("example.com/hold");
  in_turn([&] { must(plane->create(held)); });
  pass(60);
  remove_node("a");
  pass(39);
  EXPECT_EQ(left().size(), 3U);
  pass(2);
  EXPECT_FALSE(pod("on-a"));
  EXPECT_TRUE(pod("on-b"));
  const auto kept = pod("held");
  ASSERT_TRUE(kept) << "somebody's finalizer";
  EXPECT_EQ(kept->status().phase(), "Failed");
  ASSERT_EQ(sdk::pod_condition(*kept, "DisruptionTarget") != nullptr, true);
  EXPECT_EQ(sdk::pod_condition(*kept, "DisruptionTarget")->reason(), "DeletionByPodGC");
  const auto version = kept->metadata().resource_version();
  pass(3600);
  EXPECT_EQ(pod("held")->metadata().resource_version(), version) << "deleted once";
}

TEST_F(PodGarbage, ANodeThatComesBackInTimeKeepsItsPods) {
  add_node("a");
  add_pod("on-a", "a");
  remove_node("a");
  pass(30);
  add_node("a");
  pass(60);
  EXPECT_TRUE(pod("on-a"));
  remove_node("a");
  pass(39);
  EXPECT_TRUE(pod("on-a"));
  pass(2);
  EXPECT_FALSE(pod("on-a"));
}

TEST_F(PodGarbage, APodThatWasGivenToANodeThatNeverWas) {
  add_pod("lost", "nowhere");
  pass(39);
  EXPECT_TRUE(pod("lost"));
  pass(2);
  EXPECT_FALSE(pod("lost"));
}

// Its controller makes another one.
TEST_F(PodGarbage, AReplicaSetReplacesThem) {
  add_node("a");
  in_turn([&] {
    auto set = make_set("web", 2);
    set.mutable_spec()->mutable_template_()->mutable_spec()->set_node_name("a");
    must(plane->create(set));
  });
  pass(1);
  const auto before = left();
  ASSERT_EQ(before.size(), 2U);
  remove_node("a");
  pass(41);
  for (const auto& name : before) EXPECT_FALSE(pod(name));
  EXPECT_EQ(left().size(), 2U);
}

TEST_F(PodGarbage, PodsThatAreToEndOnANodeOutOfService) {
  add_node("a");
  add_pod("going", "a");
  add_pod("stays", "a");
  in_turn([&] { EXPECT_TRUE(plane->remove<Pod>("going").ok()); });
  pass(120);
  ASSERT_TRUE(pod("going")) << "its node may still say that it ended";
  taint_node("a");
  pass(1);
  EXPECT_FALSE(pod("going"));
  EXPECT_TRUE(pod("stays"));
  in_turn([&] { EXPECT_TRUE(plane->remove<Pod>("stays").ok()); });
  pass(1);
  EXPECT_FALSE(pod("stays"));
}

TEST_F(PodGarbage, TheOldestOfTooManyThatAreOver) {
  add_node("a");
  for (const char* name : {"one", "two", "three", "four", "five"}) {
    add_pod(name, "a", "Succeeded");
    pass(1);
  }
  add_pod("runs", "a");
  pass(1);
  EXPECT_THAT(left(), ::testing::ElementsAre("five", "four", "runs", "three"));
}

// On the machine's own time.
struct PodGarbageNow : Workloads {
  void SetUp() override {}
};

// Another instance counts anew what it is not told of.
TEST_F(PodGarbageNow, APodGcThatTakesOverKnowsWhatIsOver) {
  start({.plugins = {"podgc"}, .config = {{"podgc", {{"terminated_pod_threshold", 2}}}}});
  View<Pod> pods(*plane);
  const auto add = [&](const std::string& name) {
    must(plane->create(make_pod(name, name)));
    must(plane->patch<Pod>(name, R"({"status":{"phase":"Succeeded"}})", "status"));
  };
  add("pod-1");
  add("pod-2");
  ASSERT_TRUE(plane->reload("podgc").ok());
  add("pod-3");
  ASSERT_TRUE(pods.wait([](const Pods& all) { return all.size() == 2 && all.contains("pod-3"); }));
  EXPECT_TRUE(pods.get("pod-2")) << "by age, and of one second by name";
  plane->stop_controllers();
  add("pod-4");
  ASSERT_TRUE(plane->restart_controllers().ok());
  EXPECT_TRUE(pods.wait([](const Pods& all) { return all.size() == 2 && !all.contains("pod-2"); }));
}

}  // namespace
}  // namespace gantry::integration
