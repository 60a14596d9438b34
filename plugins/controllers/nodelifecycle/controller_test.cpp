// From silence to eviction, step by step, as the host's caches would show it.
#include "controller.hpp"

#include <gtest/gtest.h>

#include "gantry/conditions.hpp"
#include "gantry/pods.hpp"
#include "k8s.io/api/coordination/v1/lease.pb.h"
#include "sdk/testkit/scripted_host.hpp"
#include "testing.hpp"

namespace gantry::nodelifecycle {
namespace {

using abi::ApiRequest;
using testkit::ScriptedHost;
using Texts = std::vector<std::string>;

struct NodeLifecycleTest : testing::Test {
  NodeLifecycleTest() {
    host.now_ns = kNow;
    host.api = [this](const ApiRequest& request) -> ScriptedHost::Answer {
      if (!refusal.ok()) return refusal;
      if (request.resource() == "nodes") {
        corev1::Node node;
        node.ParseFromString(request.body());
        host.cache(node);
        return ScriptedHost::answer(node);
      }
      writes.push_back((request.verb() == ApiRequest::DELETE ? "delete " : "patch ") + request.name());
      bodies.push_back(request.body());
      return ScriptedHost::answer(corev1::Pod());
    };
    for (const char* name : {"a", "b", "c"}) host.cache(node_of(name, "True"));
  }
  void pod(const corev1::Pod& pod) { host.cache(pod, {{"spec.nodeName", pod.spec().node_name()}}); }
  int64_t run(const std::string& key) {
    const auto done = controller.reconcile({"", key});
    EXPECT_TRUE(done.ok()) << done.error().message();
    return done.ok() ? done->requeue_after_ms : -1;
  }
  corev1::Node node(const std::string& name) { return *sdk::Host(&host.host).cached<corev1::Node>("", name); }
  void pass(int64_t seconds) { host.now_ns += seconds * kSecond; }
  void renew(const std::string& name) {
    coordinationv1::Lease lease;
    lease.mutable_metadata()->set_namespace_("kube-node-lease");
    lease.mutable_metadata()->set_name(name);
    lease.mutable_spec()->mutable_renew_time()->set_seconds(host.now_ns / kSecond);
    map(lease, "leases");
  }
  template <typename Message>
  Texts map(const Message& object, const std::string& resource, const Message* before = nullptr) {
    abi::ObjectEvent event;
    event.set_type(before == nullptr ? abi::ObjectEvent::ADDED : abi::ObjectEvent::MODIFIED);
    event.set_resource(resource);
    event.set_object(object.SerializeAsString());
    if (before != nullptr) event.set_previous(before->SerializeAsString());
    Texts keys;
    controller.map(event, [&](std::string_view ns, std::string_view name) {
      keys.push_back(std::string(ns) + "/" + std::string(name));
    });
    return keys;
  }
  Texts events() const {
    Texts all;
    for (const auto& event : host.events) all.push_back(event.reason + ": " + event.message);
    return all;
  }
  // "b" falls silent, is given up, and has its taint.
  void give_up_b() {
    for (const char* name : {"a", "b", "c"}) run(name);
    pass(50);
    renew("a");
    renew("c");
    EXPECT_EQ(run("b"), 0);
    EXPECT_EQ(run("b"), 0);  // its taint
    run("/zones");
    run("b");
    EXPECT_EQ(taints_of(node("b")), "unreachable:NoSchedule unreachable:NoExecute");
  }

  ScriptedHost host;
  NodeLifecycleController controller{sdk::Host(&host.host)};
  Texts writes, bodies;
  Status refusal;
};

TEST_F(NodeLifecycleTest, ASilentNodeBecomesUnknownAndIsGivenUpInItsTurn) {
  pod(pod_of("p", "b"));
  auto starting = pod_of("q", "b");
  starting.mutable_status()->mutable_conditions(0)->set_status("False");
  pod(starting);
  EXPECT_EQ(run("b"), 50'000);
  EXPECT_TRUE(host.requests.empty());
  pass(30);
  renew("b");
  pass(20);
  EXPECT_EQ(run("b"), 30'000);
  pass(30);
  run("b");
  EXPECT_EQ(ready_condition(node("b"))->reason(), "NodeStatusUnknown");
  EXPECT_EQ(events(), Texts{"NodeNotReady: Node b status is now: NodeNotReady"});
  run("b");
  EXPECT_EQ(taints_of(node("b")), "unreachable:NoSchedule");
  run("b");
  EXPECT_EQ(writes, Texts{"patch p"}) << "not ready any more, and nothing else yet";
  EXPECT_NE(bodies[0].find(R"("type":"Ready","status":"False")"), std::string::npos) << bodies[0];
  EXPECT_EQ(events().back(), "NodeNotReady: Node is not ready");
  host.queued.clear();
  run("/zones");
  EXPECT_EQ(host.queued, (decltype(host.queued){{"", "b", 0}}));
  writes.clear();
  auto marked = pod_of("p", "b");
  marked.mutable_status()->mutable_conditions(0)->set_status("False");
  tolerate(marked, "node.kubernetes.io/unreachable", 300);
  pod(marked);
  pass(5);
  run("b");
  EXPECT_EQ(taints_of(node("b")), "unreachable:NoSchedule unreachable:NoExecute");
  EXPECT_EQ(run("b"), 300'000);
  EXPECT_EQ(writes, (Texts{"patch q", "delete q"}));
  EXPECT_NE(bodies[1].find("DeletionByTaintManager"), std::string::npos);
  EXPECT_EQ(events().back(), "TaintManagerEviction: Marking for deletion Pod shop/q");
  host.uncache("", "pods", "shop", "q");
  writes.clear();
  pass(299);
  EXPECT_EQ(run("b"), 1'000);
  EXPECT_TRUE(writes.empty());
  pass(1);
  EXPECT_EQ(run("b"), 0);
  EXPECT_EQ(writes, (Texts{"patch p", "delete p"}));
}

TEST_F(NodeLifecycleTest, ANodeThatComesBackKeepsItsPods) {
  auto patient = pod_of("p", "b");
  patient.mutable_status()->mutable_conditions(0)->set_status("False");
  tolerate(patient, "node.kubernetes.io/unreachable", 300);
  pod(patient);
  give_up_b();
  EXPECT_EQ(run("b"), 300'000);
  auto back = node("b");
  back.mutable_status()->mutable_conditions(0)->set_status("True");
  *back.mutable_status()->mutable_conditions(0)->mutable_last_heartbeat_time() = to_time(host.now_ns);
  host.cache(back);
  run("b");
  EXPECT_EQ(taints_of(node("b")), "");
  EXPECT_EQ(run("b"), 50'000);
  EXPECT_TRUE(writes.empty());
  EXPECT_EQ(events().back(), "TaintManagerEviction: Cancelling deletion of Pod shop/p");
}

TEST_F(NodeLifecycleTest, WhenAllAreSilentTheTaintsGo) {
  give_up_b();
  run("b");
  pass(50);
  for (const char* name : {"a", "c"}) {
    run(name);
    run(name);
  }
  host.queued.clear();
  run("/zones");
  EXPECT_EQ(host.queued, (decltype(host.queued){{"", "b", 0}}));
  run("b");
  EXPECT_EQ(taints_of(node("b")), "unreachable:NoSchedule");
}

TEST_F(NodeLifecycleTest, TaintsOfOthersDrivePodsAwayAtOnce) {
  pod(pod_of("p", "a"));
  auto other = pod_of("q", "a");
  tolerate(other, "mine", -1);
  pod(other);
  auto tainted = node("a");
  taint(tainted, "mine", "NoExecute");
  host.cache(tainted);
  run("a");
  EXPECT_EQ(writes, (Texts{"patch p", "delete p"}));
}

TEST_F(NodeLifecycleTest, PodsThatComeToATaintedNodeAreSeen) {
  auto tainted = node("a");
  taint(tainted, "mine", "NoExecute");
  host.cache(tainted);
  for (const char* name : {"a", "b"}) run(name);
  const auto waiting = pod_of("p", ""), bound = pod_of("p", "a"), elsewhere = pod_of("p", "b");
  EXPECT_EQ(map(waiting, "pods"), Texts{});
  EXPECT_EQ(map(bound, "pods", &waiting), Texts{"/a"});
  EXPECT_EQ(map(bound, "pods", &bound), Texts{});
  EXPECT_EQ(map(elsewhere, "pods", &waiting), Texts{});
  auto tolerant = bound;
  tolerate(tolerant, "mine", 5);
  EXPECT_EQ(map(tolerant, "pods", &bound), Texts{"/a"});
}

TEST_F(NodeLifecycleTest, NodesComeAndGo) {
  run("a");
  EXPECT_TRUE(events().empty()) << "they were there before";
  host.cache(node_of("d", "True"));
  run("d");
  EXPECT_EQ(events(), Texts{"RegisteredNode: Node d event: Registered Node d in Controller"});
  host.uncache("", "nodes", "", "d");
  run("d");
  run("d");
  EXPECT_EQ(events().size(), 2U);
  EXPECT_EQ(events()[1], "RemovingNode: Node d event: Removing Node d from Controller");
}

TEST_F(NodeLifecycleTest, WhatIsRefusedIsTriedAgain) {
  run("b");
  pass(50);
  refusal = Status::conflict("changed");
  EXPECT_FALSE(controller.reconcile({"", "b"}).ok());
  refusal = Status();
  run("b");
  EXPECT_EQ(readiness(node("b")), Ready::kUnknown);
}

TEST_F(NodeLifecycleTest, Settings) {
  EXPECT_TRUE(controller.configure().ok());
  EXPECT_EQ(controller.spec().workers(), 8);
  host.config["monitor_grace_ms"] = int64_t{0};
  EXPECT_FALSE(controller.configure().ok());
  host.config["monitor_grace_ms"] = int64_t{1'000};
  EXPECT_TRUE(controller.configure().ok());
  EXPECT_EQ(run("b"), 1'000);
}

}  // namespace
}  // namespace gantry::nodelifecycle
