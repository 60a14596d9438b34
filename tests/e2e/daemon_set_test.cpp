// DaemonSets through kubectl: a pod on the node, rollouts, their history, and going back.
#include "tests/e2e/suite.hpp"

namespace gantry::e2e {
namespace {

class DaemonSets : public Suite {
 protected:
  static std::string daemon_set(const std::string& name) {
    return "apiVersion: apps/v1\nkind: DaemonSet\nmetadata:\n  name: " + name +
           "\nspec:\n  selector: {matchLabels: {app: " + name +
           "}}\n  template:\n    metadata: {labels: {app: " + name +
           "}}\n    spec:\n      terminationGracePeriodSeconds: 1\n      containers:\n      - name: main\n        "
           "image: " +
           Cluster::kImage +
           "\n        command: [\"/bin/sh\", \"-c\", \"trap 'exit 0' TERM; while true; do sleep 1; done\"]\n";
  }
};

TEST_F(DaemonSets, StatusHistoryUndo) {
  k({"apply", "-f", "-"}, daemon_set("d"));
  rollout("daemonset/d");
  EXPECT_EQ(path("daemonset/d", "{.status.numberReady}"), "1");
  const auto first = path("pods", "{.items[0].metadata.labels.controller-revision-hash}");
  k({"set", "env", "daemonset/d", "VERSION=2"});
  rollout("daemonset/d");
  EXPECT_EQ(path("pods", "{.items[0].spec.containers[0].env[0].value}"), "2");
  const auto history = k({"rollout", "history", "daemonset/d"});
  EXPECT_TRUE(contains(history, "1") && contains(history, "2")) << history;
  EXPECT_TRUE(contains(k({"rollout", "history", "daemonset/d", "--revision=2"}), "VERSION"));
  k({"rollout", "undo", "daemonset/d"});
  rollout("daemonset/d");
  EXPECT_EQ(path("daemonset/d", "{.spec.template.spec.containers[0].env}"), "") << "the old template is back";
  EXPECT_EQ(path("pods", "{.items[0].metadata.labels.controller-revision-hash}"), first);
  EXPECT_TRUE(contains(k({"describe", "daemonset", "d"}), "SuccessfulCreate"));
  k({"delete", "daemonset", "d", "--timeout=50s"});
  k({"wait", "--for=delete", "pod", "-l", "app=d", "--timeout=50s"});
}

}  // namespace
}  // namespace gantry::e2e
