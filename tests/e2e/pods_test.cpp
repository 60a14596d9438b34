// Pods in real containers: states, logs, exec, volumes, environment, probes, network, ends.
#include <cstdlib>
#include <sstream>

#include "tests/e2e/suite.hpp"

namespace gantry::e2e {
namespace {

class Pods : public Suite {
 protected:
  void wait_ready(const std::string& name) { k({"wait", "--for=condition=Ready", "pod/" + name, "--timeout=50s"}); }
  bool wait_path(const std::string& object, const std::string& jsonpath, const std::string& value) {
    return eventually([&] {
      const auto now = try_k({"get", object, "-o", "jsonpath=" + jsonpath});
      return now.code == 0 && now.out == value;
    });
  }
};

TEST_F(Pods, RunLogExec) {
  k({"apply", "-f", "-"}, pod("p", "echo one; echo three; echo two >&2; sleep 1000"));
  wait_ready("p");
  EXPECT_EQ(path("pod/p", "{.status.phase}"), "Running");
  // Two streams: their lines may come in either order.
  EXPECT_TRUE(eventually([&] { return contains(k({"logs", "p"}), "three") && contains(k({"logs", "p"}), "two"); }));
  EXPECT_EQ(k({"logs", "p", "--tail=2"}).find("one"), std::string::npos);
  EXPECT_TRUE(contains(k({"logs", "p", "-c", "main"}), "one\n"));
  EXPECT_EQ(k({"exec", "p", "--", "echo", "hello"}), "hello\n");
  EXPECT_EQ(try_k({"exec", "p", "--", "sh", "-c", "exit 7"}).code, 7);
  EXPECT_EQ(k({"exec", "-i", "p", "--", "cat"}, "through the pipe\n"), "through the pipe\n");
  EXPECT_TRUE(contains(k({"describe", "pod", "p"}), "Started")) << "events";
  EXPECT_TRUE(contains(k({"get", "pods", "-o", "wide"}), "node-1"));
  EXPECT_NE(try_k({"logs", "p", "-c", "nothing"}).code, 0);
  k({"delete", "pod", "p", "--timeout=30s"});
  EXPECT_EQ(try_k({"get", "pod", "p"}).code, 1);
}

// Two looks of the node, 15 s apart, make a rate.
TEST_F(Pods, TopTellsWhatTheyUse) {
  k({"apply", "-f", "-"}, pod("busy", "while :; do :; done"));
  wait_ready("busy");
  Output top;
  EXPECT_TRUE(eventually(
      [&] {
        top = try_k({"top", "pod", "busy", "--containers", "--no-headers"});
        return top.code == 0;
      },
      std::chrono::seconds(60)))
      << top.err;
  std::istringstream columns(top.out);
  std::string pod, container, cpu, memory;
  columns >> pod >> container >> cpu >> memory;
  EXPECT_EQ(pod + " " + container, "busy main") << top.out;
  EXPECT_GT(std::atoi(cpu.c_str()), 20) << top.out;
  EXPECT_TRUE(cpu.ends_with("m") && memory.ends_with("Mi")) << top.out;
  EXPECT_TRUE(eventually([&] { return contains(try_k({"top", "node"}).out, "node-1"); }, std::chrono::seconds(40)));
  EXPECT_TRUE(contains(k({"get", "pods.metrics.k8s.io", "busy"}), "Ki"));
}

TEST_F(Pods, FollowedLogsEndWithTheContainer) {
  k({"apply", "-f", "-"}, pod("p", "for i in 1 2 3 4 5; do echo line $i; sleep 0.2; done", "  restartPolicy: Never\n"));
  EXPECT_TRUE(wait_path("pod/p", "{.status.phase}", "Running") || wait_path("pod/p", "{.status.phase}", "Succeeded"));
  EXPECT_EQ(k({"logs", "-f", "p"}), "line 1\nline 2\nline 3\nline 4\nline 5\n");
}

TEST_F(Pods, EndsAreReported) {
  k({"apply", "-f", "-"}, pod("good", "exit 0", "  restartPolicy: Never\n"));
  k({"apply", "-f", "-"}, pod("bad", "echo why > /dev/termination-log; exit 3", "  restartPolicy: Never\n"));
  EXPECT_TRUE(wait_path("pod/good", "{.status.phase}", "Succeeded"));
  EXPECT_TRUE(wait_path("pod/bad", "{.status.phase}", "Failed"));
  EXPECT_EQ(path("pod/good", "{.status.containerStatuses[0].state.terminated.reason}"), "Completed");
  EXPECT_EQ(path("pod/bad", "{.status.containerStatuses[0].state.terminated.reason}"), "Error");
  EXPECT_EQ(path("pod/bad", "{.status.containerStatuses[0].state.terminated.exitCode}"), "3");
  EXPECT_EQ(path("pod/bad", "{.status.containerStatuses[0].state.terminated.message}"), "why\n");
}

TEST_F(Pods, EndsWhoseLogsAreNoTextAreReported) {
  const std::string fallback = "    terminationMessagePolicy: FallbackToLogsOnError\n",
                    never = "  restartPolicy: Never\n";
  k({"apply", "-f", "-"}, pod("latin1", "printf 'introuvable \\\\351t\\\\351\\\\n'; exit 3", never, fallback));
  k({"apply", "-f", "-"},
    pod("wide", "for i in $(seq 60); do echo 第 $i 步 无法读取数据文件 请检查配置然后重试操作; done; exit 1", {},
        fallback));
  k({"apply", "-f", "-"},
    pod("dots", "printf 'loading '; for i in 1 2 3; do printf .; sleep 0.3; done; echo ' failed'; exit 1", never,
        fallback));
  k({"apply", "-f", "-"}, pod("open", "echo one; printf 'no line end'; exit 1", never, fallback));
  const std::string message = "{.status.containerStatuses[0].state.terminated.message}";
  EXPECT_TRUE(wait_path("pod/latin1", "{.status.phase}", "Failed"));
  EXPECT_EQ(path("pod/latin1", message), "introuvable \xEF\xBF\xBDt\xEF\xBF\xBD\n");
  EXPECT_TRUE(wait_path("pod/dots", "{.status.phase}", "Failed"));
  EXPECT_EQ(path("pod/dots", message), "loading ... failed\n");
  EXPECT_TRUE(wait_path("pod/open", "{.status.phase}", "Failed"));
  EXPECT_EQ(path("pod/open", message), "one\nno line end");
  EXPECT_EQ(path("pod/open", message), k({"logs", "open"}));
  EXPECT_TRUE(wait_path("pod/wide", "{.status.containerStatuses[0].state.waiting.reason}", "CrashLoopBackOff"));
  const auto said = path("pod/wide", "{.status.containerStatuses[0].lastState.terminated.message}");
  EXPECT_TRUE(contains(said, "第 60 步")) << said;
  k({"delete", "pod", "wide", "--timeout=30s"});
}

TEST_F(Pods, TheMessagesOfAPodHaveABoundTogether) {
  std::string others;
  for (int i = 1; i < 12; ++i) {
    others += "  - name: c" + std::to_string(i) + "\n    image: " + Cluster::kImage +
              "\n    command: [sh, -c, \"head -c 3000 /dev/zero | tr '\\\\0' x > /dev/termination-log\"]\n";
  }
  k({"apply", "-f", "-"},
    pod("p", "head -c 3000 /dev/zero | tr '\\\\0' x > /dev/termination-log", "  restartPolicy: Never\n", others));
  EXPECT_TRUE(wait_path("pod/p", "{.status.phase}", "Succeeded"));
  for (int i = 0; i < 12; ++i) {
    const auto at = "{.status.containerStatuses[" + std::to_string(i) + "].state.terminated.message}";
    EXPECT_EQ(path("pod/p", at), std::string(1024, 'x')) << i;
  }
}

TEST_F(Pods, ANameThatNoImageCanHave) {
  k({"apply", "-f", "-"},
    "apiVersion: v1\nkind: Pod\nmetadata: {name: p}\nspec:\n  restartPolicy: Never\n  containers:\n"
    "  - {name: c, image: \"${APP_IMAGE}:1\"}\n");
  EXPECT_TRUE(wait_path("pod/p", "{.status.containerStatuses[0].state.waiting.reason}", "InvalidImageName"));
  const std::string message =
      "Failed to apply default image tag \"${APP_IMAGE}:1\": couldn't parse image name \"${APP_IMAGE}:1\": "
      "invalid reference format";
  EXPECT_EQ(path("pod/p", "{.status.containerStatuses[0].state.waiting.message}"), message);
  EXPECT_TRUE(eventually([&] {
    const auto events = k({"get", "events", "-o", "jsonpath={range .items[*]}{.reason}: {.message}{'\\n'}{end}"});
    return contains(events, "InspectFailed: " + message + "\n") &&
           contains(events, "Failed: Error: InvalidImageName\n");
  }));
}

TEST_F(Pods, CrashLoopAndPreviousLog) {
  k({"apply", "-f", "-"}, pod("p", "echo run; exit 1"));
  EXPECT_TRUE(wait_path("pod/p", "{.status.containerStatuses[0].state.waiting.reason}", "CrashLoopBackOff"));
  EXPECT_EQ(k({"logs", "p", "--previous"}), "run\n");
  EXPECT_NE(path("pod/p", "{.status.containerStatuses[0].restartCount}"), "0");
}

TEST_F(Pods, MissingImage) {
  k({"run", "p", "--image=gantry.local/absent:1", "--image-pull-policy=Never", "--restart=Never"});
  EXPECT_TRUE(wait_path("pod/p", "{.status.containerStatuses[0].state.waiting.reason}", "ErrImageNeverPull"));
}

TEST_F(Pods, InitContainersComeFirst) {
  const std::string init = "  initContainers:\n  - name: init\n    image: " + std::string(Cluster::kImage) +
                           "\n    command: [\"/bin/sh\", \"-c\", \"echo from init > /shared/file\"]\n    "
                           "volumeMounts:\n    - {name: shared, "
                           "mountPath: /shared}\n  volumes:\n  - {name: shared, emptyDir: {}}\n";
  k({"apply", "-f", "-"},
    pod("p", "cat /shared/file; sleep 1000", init, "    volumeMounts:\n    - {name: shared, mountPath: /shared}\n"));
  wait_ready("p");
  EXPECT_TRUE(eventually([&] { return k({"logs", "p"}) == "from init\n"; }));
  EXPECT_EQ(path("pod/p", "{.status.initContainerStatuses[0].state.terminated.exitCode}"), "0");
}

TEST_F(Pods, EnvironmentAndVolumes) {
  k({"create", "configmap", "c", "--from-literal=key=from-config"});
  k({"create", "secret", "generic", "s", "--from-literal=token=from-secret"});
  const std::string extra =
      "    env:\n    - {name: A, value: plain}\n    - {name: B, value: $(A)-and-more}\n"
      "    - {name: C, valueFrom: {configMapKeyRef: {name: c, key: key}}}\n"
      "    - {name: S, valueFrom: {secretKeyRef: {name: s, key: token}}}\n"
      "    - {name: NAME, valueFrom: {fieldRef: {fieldPath: metadata.name}}}\n"
      "    - {name: IP, valueFrom: {fieldRef: {fieldPath: status.podIP}}}\n"
      "    volumeMounts:\n    - {name: c, mountPath: /config}\n    - {name: s, mountPath: /secret}\n"
      "    - {name: h, mountPath: /host, readOnly: true}\n";
  const std::string volumes =
      "  volumes:\n  - {name: c, configMap: {name: c}}\n  - {name: s, secret: {secretName: s}}\n"
      "  - {name: h, hostPath: {path: /etc, type: Directory}}\n";
  k({"apply", "-f", "-"}, pod("p", "sleep 1000", volumes, extra));
  wait_ready("p");
  EXPECT_EQ(k({"exec", "p", "--", "sh", "-c", "echo $B $C $S $NAME"}), "plain-and-more from-config from-secret p\n");
  EXPECT_EQ(k({"exec", "p", "--", "sh", "-c", "echo $IP"}), path("pod/p", "{.status.podIP}") + "\n");
  EXPECT_EQ(k({"exec", "p", "--", "cat", "/config/key"}), "from-config");
  EXPECT_EQ(k({"exec", "p", "--", "cat", "/secret/token"}), "from-secret");
  EXPECT_EQ(try_k({"exec", "p", "--", "touch", "/host/x"}).code, 1);
  k({"create", "configmap", "c", "--from-literal=key=changed", "--dry-run=client", "-o", "yaml"});
  k({"patch", "configmap", "c", "-p", R"({"data":{"key":"changed"}})"});
  EXPECT_TRUE(eventually([&] { return k({"exec", "p", "--", "cat", "/config/key"}) == "changed"; }));
}

TEST_F(Pods, TheEnvironmentCarriesASecretsBytes) {
  k({"apply", "-f", "-"}, "apiVersion: v1\nkind: Secret\nmetadata: {name: bytes}\ndata: {KEY: //5yYXc=}\n");
  k({"apply", "-f", "-"}, "apiVersion: v1\nkind: Secret\nmetadata: {name: nul}\ndata: {NUL: YQBi}\n");
  const std::string never = "  restartPolicy: Never\n", shows = "env | grep -a ^KEY= | od -An -tx1",
                    bytes = " 4b 45 59 3d ff fe 72 61 77 0a\n";
  k({"apply", "-f", "-"},
    pod("one", shows, never, "    env: [{name: KEY, valueFrom: {secretKeyRef: {name: bytes, key: KEY}}}]\n"));
  k({"apply", "-f", "-"}, pod("all", shows, never, "    envFrom: [{secretRef: {name: bytes}}]\n"));
  k({"apply", "-f", "-"}, pod("nul", shows, never, "    envFrom: [{secretRef: {name: nul}}]\n"));
  for (const char* name : {"one", "all"}) {
    EXPECT_TRUE(wait_path(std::string("pod/") + name, "{.status.phase}", "Succeeded"));
    EXPECT_EQ(k({"logs", name}), bytes);
  }
  EXPECT_TRUE(
      wait_path("pod/nul", "{.status.containerStatuses[0].state.waiting.reason}", "CreateContainerConfigError"));
  EXPECT_EQ(path("pod/nul", "{.status.containerStatuses[0].state.waiting.message}"),
            "environment variable \"NUL\" has a value with a NUL byte, which no environment can hold");
}

TEST_F(Pods, PodsReachEachOther) {
  k({"apply", "-f", "-"}, pod("server", "mkdir /www; echo page > /www/index.html; httpd -f -p 8080 -h /www", {},
                              "    readinessProbe: {httpGet: {path: /index.html, port: 8080}, periodSeconds: 1}\n"));
  wait_ready("server");
  const auto ip = path("pod/server", "{.status.podIP}");
  k({"apply", "-f", "-"}, pod("client", "sleep 1000"));
  wait_ready("client");
  EXPECT_EQ(k({"exec", "client", "--", "wget", "-q", "-O", "-", "http://" + ip + ":8080/index.html"}), "page\n");
  EXPECT_EQ(run({"curl", "-s", "http://" + ip + ":8080/index.html"}).out, "page\n") << "the host reaches pods";
  EXPECT_NE(ip, path("pod/client", "{.status.podIP}"));
}

TEST_F(Pods, HostNetworkSharesTheNode) {
  k({"apply", "-f", "-"}, pod("p", "sleep 1000", "  hostNetwork: true\n"));
  wait_ready("p");
  EXPECT_EQ(path("pod/p", "{.status.podIP}"), path("pod/p", "{.status.hostIP}"));
}

TEST_F(Pods, ReadinessFollowsTheProbe) {
  k({"apply", "-f", "-"},
    pod("p", "sleep 1000", {},
        "    readinessProbe: {exec: {command: [cat, /ready]}, periodSeconds: 1, failureThreshold: 1}\n"));
  EXPECT_TRUE(wait_path("pod/p", "{.status.phase}", "Running"));
  EXPECT_EQ(path("pod/p", "{.status.conditions[?(@.type=='Ready')].status}"), "False");
  k({"exec", "p", "--", "touch", "/ready"});
  wait_ready("p");
  k({"exec", "p", "--", "rm", "/ready"});
  EXPECT_TRUE(wait_path("pod/p", "{.status.conditions[?(@.type=='Ready')].status}", "False"));
}

TEST_F(Pods, LivenessRestarts) {
  k({"apply", "-f", "-"},
    pod("p", "sleep 1000", {},
        "    livenessProbe: {exec: {command: [test, '!', -e, /tmp-dead]}, periodSeconds: 1, failureThreshold: 1}\n"));
  wait_ready("p");
  k({"exec", "p", "--", "touch", "/tmp-dead"});
  EXPECT_TRUE(wait_path("pod/p", "{.status.containerStatuses[0].restartCount}", "1"));
}

TEST_F(Pods, ResourcesBecomeCgroups) {
  k({"apply", "-f", "-"},
    pod("p", "sleep 1000", {},
        "    resources: {requests: {cpu: 100m, memory: 32Mi}, limits: {cpu: 200m, memory: 64Mi}}\n"));
  wait_ready("p");
  EXPECT_EQ(path("pod/p", "{.status.qosClass}"), "Burstable");
  bool found = false;
  for (const auto& [group, pids] : cluster_->container_pids()) {
    const auto v1 = run({"cat", group + "/memory.limit_in_bytes"}).out;
    const auto v2 = run({"cat", group + "/memory.max"}).out;
    found = found || v1 == "67108864\n" || v2 == "67108864\n";
  }
  EXPECT_TRUE(found) << "no cgroup has the container's memory limit";
}

TEST_F(Pods, OutOfMemoryIsSaid) {
  k({"apply", "-f", "-"}, pod("p", "x=a; while true; do x=$x$x; done", "  restartPolicy: Never\n",
                              "    resources: {limits: {memory: 16Mi}}\n"));
  EXPECT_TRUE(wait_path("pod/p", "{.status.containerStatuses[0].state.terminated.reason}", "OOMKilled"))
      << k({"get", "pod", "p", "-o", "yaml"});
}

TEST_F(Pods, UnschedulableSaysWhy) {
  k({"apply", "-f", "-"}, pod("p", "sleep 1", "  nodeSelector: {no: such}\n"));
  EXPECT_TRUE(eventually([&] {
    return contains(k({"describe", "pod", "p"}),
                    "0/1 nodes are available: 1 node(s) didn't match Pod's node affinity/selector.");
  }));
  k({"delete", "pod", "p"});
}

TEST_F(Pods, AnAntiAffinityThatCanNotBeMetIsSaid) {
  const std::string alone =
      "  affinity: {podAntiAffinity: {requiredDuringSchedulingIgnoredDuringExecution: "
      "[{topologyKey: kubernetes.io/hostname, labelSelector: {}}]}}\n";
  k({"apply", "-f", "-"}, pod("p", "sleep 100", alone));
  wait_ready("p");
  k({"apply", "-f", "-"}, pod("q", "sleep 1", alone));
  const std::string condition = "{.status.conditions[?(@.type=='PodScheduled')]";
  EXPECT_TRUE(wait_path("pod/q", condition + ".reason}", "Unschedulable"));
  EXPECT_TRUE(contains(path("pod/q", condition + ".message}"),
                       "0/1 nodes are available: 1 node(s) didn't match pod anti-affinity rules."));
  k({"delete", "pod", "p", "q"});
}

TEST_F(Pods, GraceIsGiven) {
  k({"apply", "-f", "-"}, pod("p", "trap 'echo bye; exit 0' TERM; echo up; while true; do sleep 0.1; done"));
  wait_ready("p");
  const auto log = (cluster_->dir() / "grace-log").string();
  Background follow({"kubectl", "--kubeconfig", cluster_->kubeconfig().string(), "-n", ns_, "logs", "-f", "p"}, log);
  // A follower that comes after the end finds no pod any more.
  ASSERT_TRUE(eventually([&] { return contains(run({"cat", log}).out, "up"); }));
  k({"delete", "pod", "p", "--grace-period=20", "--timeout=40s"});
  EXPECT_TRUE(eventually([&] { return contains(run({"cat", log}).out, "bye"); }));
}

TEST_F(Pods, NothingIsLeftBehind) {
  k({"apply", "-f", "-"}, pod("p", "sleep 1000"));
  wait_ready("p");
  EXPECT_FALSE(cluster_->container_pids().empty());
  cluster_->must({"delete", "pods", "--all", "-A", "--timeout=50s"});
  EXPECT_TRUE(eventually([&] { return cluster_->leftovers().empty(); }))
      << ::testing::PrintToString(cluster_->leftovers());
}

}  // namespace
}  // namespace gantry::e2e
