// podgc on a scripted host: what it does with which pod, and what it leaves alone.
#include "controller.hpp"

#include <gmock/gmock.h>

#include "sdk/testkit/scripted_host.hpp"

namespace gantry::podgc {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::UnorderedElementsAre;
using testkit::ScriptedHost;

struct PodGc : testing::Test {
  PodGc() {
    host.api = [this](const abi::ApiRequest& request) -> ScriptedHost::Answer {
      const std::string what = request.resource() + "/" + request.name();
      if (request.verb() == abi::ApiRequest::GET) {
        done.push_back("get " + what);
        if (!node_exists) return Status::not_found("no such node");
        return ScriptedHost::answer(node("any"));
      }
      if (request.verb() == abi::ApiRequest::DELETE) {
        metav1::DeleteOptions how;
        how.ParseFromString(request.body());
        EXPECT_EQ(how.grace_period_seconds(), 0);
        EXPECT_EQ(how.preconditions().uid(), "uid-" + request.name());
        done.push_back("delete " + what);
        return refusal.ok() ? ScriptedHost::Answer(abi::ApiResponse()) : ScriptedHost::Answer(refusal);
      }
      EXPECT_EQ(request.subresource(), "status");
      corev1::Pod pod;
      pod.ParseFromString(request.body());
      done.push_back("mark " + what + " " + pod.status().phase() + (pod.status().conditions().empty() ? "" : " gone"));
      return ScriptedHost::answer(pod);
    };
  }
  static corev1::Node node(const std::string& name, bool tainted = false, const std::string& ready = "False") {
    corev1::Node node;
    node.mutable_metadata()->set_name(name);
    if (tainted) node.mutable_spec()->add_taints()->set_key("node.kubernetes.io/out-of-service");
    auto& condition = *node.mutable_status()->add_conditions();
    condition.set_type("Ready");
    condition.set_status(ready);
    return node;
  }
  corev1::Pod pod(const std::string& name, const std::string& node, const std::string& phase, bool going = false) {
    corev1::Pod pod;
    pod.mutable_metadata()->set_namespace_("shop");
    pod.mutable_metadata()->set_name(name);
    pod.mutable_metadata()->set_uid("uid-" + name);
    pod.mutable_metadata()->mutable_creation_timestamp()->set_seconds(++created);
    if (going) {
      pod.mutable_metadata()->mutable_deletion_timestamp()->set_seconds(1);
      pod.mutable_metadata()->set_deletion_grace_period_seconds(30);
    }
    if (!node.empty()) pod.mutable_spec()->set_node_name(node);
    pod.mutable_status()->set_phase(phase);
    host.cache(pod, {{"spec.nodeName", node}});
    return pod;
  }
  // "again after so many ms", or the error.
  std::string look(const std::string& name) {
    const auto result = controller.reconcile({"shop", name});
    return result ? std::to_string(result->requeue_after_ms) : result.error().message();
  }
  std::vector<std::string> what_was_done() { return std::exchange(done, {}); }
  std::vector<std::string> mapped(abi::ObjectEvent::Type type, const corev1::Node& node) {
    abi::ObjectEvent event;
    event.set_type(type);
    event.set_object(node.SerializeAsString());
    std::vector<std::string> names;
    controller.map(event, [&](std::string_view ns, std::string_view name) {
      names.push_back(std::string(ns) + "/" + std::string(name));
    });
    return names;
  }
  void set_threshold(int64_t threshold) {
    host.config["terminated_pod_threshold"] = threshold;
    ASSERT_TRUE(controller.configure().ok());
  }

  ScriptedHost host;
  PodGcController controller{sdk::Host(&host.host)};
  std::vector<std::string> done;
  bool node_exists = false;
  Status refusal;
  int64_t created = 0;
};

TEST_F(PodGc, LeavesPodsAloneThatAreAsTheyShouldBe) {
  host.cache(node("a"));
  host.cache(node("b", true, "True"));
  pod("runs", "a", "Running");
  pod("going", "a", "Running", true);
  pod("going-on-a-node-that-is-back", "b", "Running", true);
  pod("waits", "", "Pending");
  for (const char* name : {"runs", "going", "going-on-a-node-that-is-back", "waits", "absent"}) {
    EXPECT_EQ(look(name), "0");
  }
  EXPECT_THAT(done, IsEmpty());
}

TEST_F(PodGc, EndsAPodWithoutANode) {
  pod("lost", "", "Pending", true);
  EXPECT_EQ(look("lost"), "0");
  EXPECT_THAT(what_was_done(), ElementsAre("mark pods/lost Failed", "delete pods/lost"));
  pod("over", "", "Succeeded", true);
  look("over");
  EXPECT_THAT(what_was_done(), ElementsAre("delete pods/over"));
}

TEST_F(PodGc, DeletesAPodThatFinalizersHoldOnce) {
  auto held = pod("held", "gone", "Failed", true);
  held.mutable_metadata()->set_deletion_grace_period_seconds(0);
  host.cache(held);
  EXPECT_EQ(look("held"), "0");
  EXPECT_THAT(done, IsEmpty());
}

TEST_F(PodGc, EndsPodsOfANodeThatIsOutOfService) {
  host.cache(node("a", true));
  pod("going", "a", "Running", true);
  pod("runs", "a", "Running");
  look("runs");
  EXPECT_THAT(done, IsEmpty());
  look("going");
  EXPECT_THAT(what_was_done(), ElementsAre("mark pods/going Failed", "delete pods/going"));
  EXPECT_THAT(mapped(abi::ObjectEvent::MODIFIED, node("a", true)), UnorderedElementsAre("shop/going", "shop/runs"));
  EXPECT_THAT(mapped(abi::ObjectEvent::MODIFIED, node("a")), IsEmpty());
}

TEST_F(PodGc, EndsPodsOfANodeThatIsGoneAfterAWhile) {
  pod("runs", "gone", "Running");
  EXPECT_EQ(look("runs"), "40000");
  host.now_ns += 39'000'000'000;
  EXPECT_EQ(look("runs"), "1000");
  EXPECT_THAT(done, IsEmpty());
  host.now_ns += 1'000'000'000;
  EXPECT_EQ(look("runs"), "0");
  EXPECT_THAT(what_was_done(), ElementsAre("get nodes/gone", "mark pods/runs Failed gone", "delete pods/runs"));
  pod("over", "gone", "Succeeded");
  look("over");
  EXPECT_THAT(what_was_done(), ElementsAre("get nodes/gone", "delete pods/over"));
}

// A controller that makes pods for such a node is not answered at once each time.
TEST_F(PodGc, ANewPodHasItsWhileToo) {
  pod("first", "gone", "Running");
  look("first");
  host.now_ns += 60'000'000'000;
  created = host.now_ns / 1'000'000'000 - 11;
  pod("next", "gone", "Pending");
  EXPECT_EQ(look("next"), "30000");
  created += 1'000;
  pod("of-a-wrong-clock", "gone", "Pending");
  EXPECT_EQ(look("of-a-wrong-clock"), "40000");
  EXPECT_THAT(done, IsEmpty());
}

TEST_F(PodGc, ANodeThatTheServerHasIsWaitedFor) {
  node_exists = true;
  pod("runs", "late", "Running");
  look("runs");
  host.now_ns += 40'000'000'000;
  EXPECT_EQ(look("runs"), "the cache has no node late yet");
  EXPECT_THAT(what_was_done(), ElementsAre("get nodes/late"));
  // It came, and went again: it has its while anew.
  EXPECT_THAT(mapped(abi::ObjectEvent::ADDED, node("late")), IsEmpty());
  EXPECT_THAT(mapped(abi::ObjectEvent::DELETED, node("late")), ElementsAre("shop/runs"));
  EXPECT_EQ(look("runs"), "40000");
}

TEST_F(PodGc, RemovesTheOldestBeyondTheThreshold) {
  set_threshold(2);
  host.cache(node("a"));
  for (const char* name : {"one", "two", "three", "four"}) pod(name, "a", "Succeeded");
  pod("runs", "a", "Running");
  look("runs");
  EXPECT_THAT(what_was_done(), ElementsAre("delete pods/one", "delete pods/two"))
      << "all are counted at the first look";
  look("three");
  EXPECT_THAT(done, IsEmpty());
  auto evicted = pod("evicted", "a", "Failed");
  evicted.mutable_status()->set_reason("Evicted");
  host.cache(evicted);
  look("evicted");
  EXPECT_THAT(what_was_done(), ElementsAre("delete pods/evicted"));
}

TEST_F(PodGc, TriesAgainWhatTheServerRefused) {
  set_threshold(1);
  host.cache(node("a"));
  for (const char* name : {"one", "two", "three"}) pod(name, "a", "Succeeded");
  refusal = Status::unavailable("not now");
  EXPECT_EQ(look("three"), "not now");
  EXPECT_EQ(what_was_done().size(), 2U);
  for (const auto& other : {Status::not_found("gone"), Status::conflict("another one has its name")}) {
    for (const char* name : {"one", "two"}) pod(name, "a", "Succeeded");
    refusal = other;
    EXPECT_EQ(look("one"), "0");
    EXPECT_EQ(look("two"), "0");
    EXPECT_FALSE(what_was_done().empty());
  }
}

TEST_F(PodGc, AThresholdOfNothingKeepsAll) {
  set_threshold(0);
  host.cache(node("a"));
  for (const char* name : {"one", "two"}) {
    pod(name, "a", "Succeeded");
    look(name);
  }
  EXPECT_THAT(done, IsEmpty());
}

TEST_F(PodGc, SaysWhatItWatches) {
  const auto spec = controller.spec();
  ASSERT_EQ(spec.watches_size(), 2);
  EXPECT_EQ(spec.watches(0).resource(), "pods");
  EXPECT_EQ(spec.watches(1).mapping(), abi::WatchSpec::CUSTOM);
  EXPECT_EQ(spec.workers(), 2);
  host.config["workers"] = int64_t{0};
  EXPECT_EQ(controller.configure().message(), "workers must be at least 1");
}

}  // namespace
}  // namespace gantry::podgc
