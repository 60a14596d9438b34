// StatefulSets through kubectl: names and hostnames, rollouts, history, undo, scale.
#include "tests/e2e/suite.hpp"

namespace gantry::e2e {
namespace {

class StatefulSets : public Suite {
 protected:
  // As a Deployment's manifest, but for the kind and the Service's name.
  std::string stateful(const std::string& name, int replicas) const {
    auto manifest = deployment(name, replicas, "  serviceName: " + name + "\n");
    const std::string kind = "kind: Deployment";
    return manifest.replace(manifest.find(kind), kind.size(), "kind: StatefulSet");
  }
};

TEST_F(StatefulSets, StatusHistoryUndoScale) {
  k({"apply", "-f", "-"}, stateful("db", 2));
  rollout("statefulset/db");
  EXPECT_EQ(path("pods", "{.items[*].metadata.name}"), "db-0 db-1");
  EXPECT_EQ(k({"exec", "db-1", "--", "hostname"}), "db-1\n");
  EXPECT_TRUE(contains(k({"get", "sts", "db"}), "2/2"));
  k({"set", "env", "statefulset/db", "VERSION=2"});
  rollout("statefulset/db");
  const auto history = k({"rollout", "history", "statefulset/db"});
  EXPECT_TRUE(contains(history, "1") && contains(history, "2")) << history;
  EXPECT_TRUE(contains(k({"rollout", "history", "statefulset/db", "--revision=2"}), "VERSION"));
  EXPECT_EQ(path("pod/db-0", "{.spec.containers[0].env[0].value}"), "2");
  k({"rollout", "undo", "statefulset/db"});
  rollout("statefulset/db");
  EXPECT_EQ(path("pod/db-0", "{.spec.containers[0].env}"), "") << "the old template is back";
  EXPECT_EQ(path("controllerrevisions", "{.items[*].revision}").size(), 3U) << "two revisions: it is one of them again";
  k({"scale", "statefulset/db", "--replicas=1"});
  k({"wait", "--for=delete", "pod/db-1", "--timeout=50s"});
  rollout("statefulset/db");
  EXPECT_TRUE(eventually([&] {
    return contains(k({"describe", "statefulset", "db"}), "delete Pod db-1 in StatefulSet db successful");
  }));
  k({"rollout", "restart", "statefulset/db"});
  rollout("statefulset/db");
}

}  // namespace
}  // namespace gantry::e2e
