// Deployments through kubectl: rollouts, undo, pause, scale, cascades, and the availability bound under load.
#include <sstream>

#include "tests/e2e/suite.hpp"

namespace gantry::e2e {
namespace {

class Rollout : public Suite {};

TEST_F(Rollout, StatusHistoryUndoRestart) {
  k({"apply", "-f", "-"}, deployment("d", 2));
  rollout("deployment/d");
  k({"set", "env", "deployment/d", "VERSION=2"});
  rollout("deployment/d");
  const auto history = k({"rollout", "history", "deployment/d"});
  EXPECT_TRUE(contains(history, "1") && contains(history, "2")) << history;
  EXPECT_EQ(path("deployment/d", "{.spec.template.spec.containers[0].env[0].value}"), "2");
  k({"rollout", "undo", "deployment/d"});
  rollout("deployment/d");
  EXPECT_EQ(path("deployment/d", "{.spec.template.spec.containers[0].env}"), "") << "the old template is back";
  EXPECT_EQ(path("deployment/d", "{.metadata.annotations.deployment\\.kubernetes\\.io/revision}"), "3");
  k({"rollout", "restart", "deployment/d"});
  rollout("deployment/d");
  EXPECT_EQ(k({"get", "pods", "-l", "app=d", "--field-selector=status.phase=Running", "-o", "name"}).size() > 0, true);
}

TEST_F(Rollout, PauseAndResume) {
  k({"apply", "-f", "-"}, deployment("d", 1));
  rollout("deployment/d");
  k({"rollout", "pause", "deployment/d"});
  k({"set", "env", "deployment/d", "VERSION=2"});
  EXPECT_TRUE(eventually([&] {
    return path("deployment/d", "{.status.observedGeneration}") == path("deployment/d", "{.metadata.generation}");
  }));
  EXPECT_EQ(path("rs", "{.items[*].metadata.name}").find(' '), std::string::npos) << "paused: no second replica set";
  k({"rollout", "resume", "deployment/d"});
  rollout("deployment/d");
  EXPECT_NE(path("rs", "{.items[*].metadata.name}").find(' '), std::string::npos);
}

TEST_F(Rollout, ScaleAndSetImage) {
  k({"create", "deployment", "d", std::string("--image=") + Cluster::kImage, "--", "/bin/sleep", "1000"});
  rollout("deployment/d");
  k({"scale", "deployment/d", "--replicas=3"});
  rollout("deployment/d");
  EXPECT_EQ(path("deployment/d", "{.status.readyReplicas}"), "3");
  EXPECT_NE(try_k({"scale", "deployment/d", "--current-replicas=7", "--replicas=1"}).code, 0);
  k({"set", "image", "deployment/d", "busybox=gantry.local/absent:2"});
  EXPECT_TRUE(eventually([&] { return contains(k({"get", "pods"}), "ImagePull"); })) << k({"get", "pods"});
  EXPECT_EQ(path("deployment/d", "{.status.availableReplicas}"), "3") << "a bad image takes nothing away";
  k({"rollout", "undo", "deployment/d"});
  rollout("deployment/d");
}

TEST_F(Rollout, DeleteCascades) {
  k({"apply", "-f", "-"}, deployment("orphaning", 1) + "---\n" + deployment("foreground", 1));
  rollout("deployment/orphaning");
  rollout("deployment/foreground");
  k({"delete", "deployment", "orphaning", "--cascade=orphan"});
  EXPECT_TRUE(eventually([&] {
    const auto owners =
        path("rs", "{.items[?(@.spec.selector.matchLabels.app=='orphaning')].metadata.ownerReferences}");
    return owners.empty();
  }));
  EXPECT_TRUE(contains(k({"get", "pods", "-l", "app=orphaning", "-o", "name"}), "pod/"));
  k({"delete", "deployment", "foreground", "--cascade=foreground", "--timeout=50s"});
  EXPECT_EQ(k({"get", "pods", "-l", "app=foreground", "-o", "name"}), "");
  k({"delete", "rs", "-l", "app=orphaning", "--timeout=50s"});
  EXPECT_TRUE(eventually([&] {
    return k({"get", "pods", "-l", "app=orphaning", "-o", "name"}).empty();
  })) << "the garbage collector removes pods of a deleted replica set";
}

// Every state of the Deployment, as a watch saw it. The surge's bound is on what the replica sets ask for (the
// integration tests watch that); pods of a set that was just made smaller may still be there when the next set grows,
// as upstream.
TEST_F(Rollout, NeverBelowTheAvailabilityBound) {
  // Probed over the network: an exec probe a second for each of 13 pods would measure the machine, not the controller.
  const std::string probe =
      "        readinessProbe: {httpGet: {path: /etc/hostname, port: 8080}, periodSeconds: 1, timeoutSeconds: 10}\n";
  auto manifest = deployment("d", 10, "  strategy: {rollingUpdate: {maxSurge: 3, maxUnavailable: 2}}\n", probe);
  const std::string script = "trap 'exit 0' TERM; ";
  manifest.insert(manifest.find(script) + script.size(), "httpd -p 8080 -h /; ");
  k({"apply", "-f", "-"}, manifest);
  k({"rollout", "status", "deployment/d", "--timeout=55s"});
  const auto file = (cluster_->dir() / "availability").string();
  Background watch(
      {"kubectl", "--kubeconfig", cluster_->kubeconfig().string(), "-n", ns_, "get", "deployment", "d", "-w", "-o",
       "jsonpath={.status.availableReplicas} {.status.replicas} {.status.updatedReplicas}{\"\\n\"}"},
      file);
  const auto seen = [&] { return run({"cat", file}).out; };
  ASSERT_TRUE(eventually([&] { return contains(seen(), "10 10 10\n"); })) << seen();
  k({"set", "env", "deployment/d", "VERSION=2"});
  k({"rollout", "status", "deployment/d", "--timeout=55s"});
  k({"rollout", "undo", "deployment/d"});
  k({"rollout", "status", "deployment/d", "--timeout=55s"});
  std::istringstream lines(seen());
  int states = 0;
  for (std::string line; std::getline(lines, line); ++states) {
    std::istringstream words(line);
    int available = 0;
    words >> available;
    EXPECT_GE(available, 8) << "state " << states << ": " << line;
  }
  EXPECT_GT(states, 6) << "the watch saw the rollout";
  EXPECT_EQ(path("deployment/d", "{.spec.template.spec.containers[0].env}"), "");
  k({"scale", "deployment/d", "--replicas=0"});
  k({"wait", "--for=delete", "pod", "-l", "app=d", "--timeout=50s"});
  EXPECT_EQ(k({"get", "pods", "-l", "app=d", "-o", "name"}), "");
  cluster_->must({"delete", "pods", "--all", "-A", "--timeout=50s"});
  k({"delete", "deployment", "d"});
  EXPECT_TRUE(eventually([&] { return cluster_->leftovers().empty(); }))
      << ::testing::PrintToString(cluster_->leftovers());
}

TEST_F(Rollout, EventsTellTheStory) {
  k({"apply", "-f", "-"}, deployment("d", 1));
  rollout("deployment/d");
  EXPECT_TRUE(eventually([&] { return contains(k({"describe", "deployment", "d"}), "ScalingReplicaSet"); }));
  // Before 1.26 (Debian 12 has 1.20) kubectl has no such command, and takes the word for a plugin's name.
  if (try_k({"events", "--help"}).code != 0) GTEST_SKIP() << "this kubectl has no \"events\": seen in describe alone";
  EXPECT_TRUE(eventually([&] {
    const auto out = k({"events"});
    return contains(out, "SuccessfulCreate") && contains(out, "Scheduled") && contains(out, "Started");
  })) << k({"events"});
}

// What ReplicaSets came from.
TEST_F(Rollout, AReplicationControllerIsMadeScaledAndDeleted) {
  auto manifest = deployment("rc", 1);
  const auto replace = [&](const std::string& from, const std::string& to) {
    manifest.replace(manifest.find(from), from.size(), to);
  };
  replace("apiVersion: apps/v1\nkind: Deployment", "apiVersion: v1\nkind: ReplicationController");
  replace("{matchLabels: {app: rc}}", "{app: rc}");
  k({"apply", "-f", "-"}, manifest);
  EXPECT_TRUE(eventually([&] { return path("rc/rc", "{.status.readyReplicas}") == "1"; }));
  k({"scale", "rc/rc", "--replicas=2"});
  EXPECT_TRUE(eventually([&] { return path("rc/rc", "{.status.availableReplicas}") == "2"; }));
  k({"delete", "rc", "rc", "--timeout=50s"});
  EXPECT_TRUE(eventually([&] { return k({"get", "pods", "-l", "app=rc", "-o", "name"}).empty(); }));
}

TEST_F(Rollout, ACronJobMakesItsJob) {
  const std::string manifest =
      "apiVersion: batch/v1\nkind: CronJob\nmetadata: {name: tick}\nspec:\n  schedule: \"@every 1s\"\n"
      "  concurrencyPolicy: Forbid\n  jobTemplate:\n    spec:\n      template:\n        spec:\n"
      "          restartPolicy: Never\n          terminationGracePeriodSeconds: 1\n          containers:\n"
      "          - {name: main, image: \"" +
      std::string(Cluster::kImage) + "\", command: [/bin/sleep, \"1000\"]}\n";
  k({"apply", "-f", "-"}, manifest);
  EXPECT_TRUE(eventually([&] { return contains(path("cronjob/tick", "{.status.active[0].name}"), "tick-"); }));
  const auto job = path("cronjob/tick", "{.status.active[0].name}");
  EXPECT_EQ(path("job/" + job, "{.metadata.ownerReferences[0].name}"), "tick");
  EXPECT_TRUE(eventually([&] { return contains(k({"describe", "cronjob", "tick"}), "Created job " + job); }));
  k({"delete", "cronjob", "tick", "--timeout=50s"});
  EXPECT_TRUE(eventually([&] { return k({"get", "jobs", "-o", "name"}).empty(); }));
}

}  // namespace
}  // namespace gantry::e2e
