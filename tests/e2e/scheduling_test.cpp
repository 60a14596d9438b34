// Where pods go and what is said when they cannot: selectors, taints, host ports, cordoned nodes.
#include "tests/e2e/suite.hpp"

namespace gantry::e2e {
namespace {

class Scheduling : public Suite {
 protected:
  void TearDown() override {
    try_k({"taint", "node", "node-1", "e2e-"});
    try_k({"uncordon", "node-1"});
    try_k({"label", "node", "node-1", "e2e-disk-"});
    Suite::TearDown();
  }
  bool wait_event(const std::string& part) {
    return eventually([&] {
      return contains(try_k({"get", "events", "-o", "jsonpath={.items[*].message}"}).out, part);
    });
  }
  void wait_ready(const std::string& name) { k({"wait", "--for=condition=Ready", "pod/" + name, "--timeout=50s"}); }
};

TEST_F(Scheduling, ANodeSelectorWaitsForItsLabel) {
  k({"apply", "-f", "-"}, pod("p", "sleep 1000", "  nodeSelector: {e2e-disk: fast}\n"));
  EXPECT_TRUE(wait_event("0/1 nodes are available: 1 node(s) didn't match Pod's node affinity/selector."));
  EXPECT_EQ(path("pod/p", "{.status.conditions[?(@.type=='PodScheduled')].reason}"), "Unschedulable");
  k({"label", "node", "node-1", "e2e-disk=fast"});
  wait_ready("p");
  EXPECT_TRUE(wait_event("Successfully assigned " + ns_ + "/p to node-1"));
  EXPECT_EQ(path("pod/p", "{.status.conditions[?(@.type=='PodScheduled')].status}"), "True");
}

TEST_F(Scheduling, AffinityIsRequiredOrPreferred) {
  const auto affinity = [](const std::string& op) {
    return "  affinity: {nodeAffinity: {requiredDuringSchedulingIgnoredDuringExecution: {nodeSelectorTerms: "
           "[{matchExpressions: "
           "[{key: kubernetes.io/hostname, operator: " +
           op +
           ", values: [node-1]}]}]}, preferredDuringSchedulingIgnoredDuringExecution: [{weight: 10, preference: "
           "{matchExpressions: [{key: nowhere, operator: Exists}]}}]}}\n";
  };
  k({"apply", "-f", "-"}, pod("in", "sleep 1000", affinity("In")));
  k({"apply", "-f", "-"}, pod("out", "sleep 1000", affinity("NotIn")));
  wait_ready("in");
  EXPECT_TRUE(wait_event("1 node(s) didn't match Pod's node affinity/selector."));
  EXPECT_EQ(path("pod/out", "{.spec.nodeName}"), "");
}

TEST_F(Scheduling, TaintsKeepPodsAway) {
  k({"taint", "node", "node-1", "e2e=x:NoSchedule"});
  k({"apply", "-f", "-"}, pod("away", "sleep 1000"));
  k({"apply", "-f", "-"},
    pod("near", "sleep 1000", "  tolerations: [{key: e2e, operator: Exists, effect: NoSchedule}]\n"));
  EXPECT_TRUE(wait_event("untolerated taint"));
  wait_ready("near");
  EXPECT_EQ(path("pod/away", "{.spec.nodeName}"), "");
  k({"taint", "node", "node-1", "e2e-"});
  wait_ready("away");
}

TEST_F(Scheduling, ACordonedNodeTakesNothingNew) {
  k({"cordon", "node-1"});
  EXPECT_TRUE(contains(k({"get", "nodes"}), "SchedulingDisabled"));
  k({"apply", "-f", "-"}, pod("p", "sleep 1000"));
  EXPECT_TRUE(wait_event("0/1 nodes are available: 1 node(s) were unschedulable."));
  k({"uncordon", "node-1"});
  wait_ready("p");
}

TEST_F(Scheduling, AHostPortIsTakenOnce) {
  const std::string port = "    ports: [{containerPort: 80, hostPort: 28080}]\n";
  k({"apply", "-f", "-"}, pod("one", "sleep 1000", {}, port));
  wait_ready("one");
  k({"apply", "-f", "-"}, pod("two", "sleep 1000", {}, port));
  EXPECT_TRUE(wait_event("1 node(s) didn't have free ports for the requested pod ports."));
  k({"delete", "pod", "one", "--timeout=30s"});
  wait_ready("two");
}

TEST_F(Scheduling, ANamedNodeNeedsNoScheduler) {
  k({"cordon", "node-1"});
  k({"apply", "-f", "-"}, pod("p", "sleep 1000", "  nodeName: node-1\n"));
  wait_ready("p");
}

}  // namespace
}  // namespace gantry::e2e
