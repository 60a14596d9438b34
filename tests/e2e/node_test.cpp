// What a node gives its pods beyond running them: volumes of every kind, network probes, log options, the Node object.
#include "tests/e2e/suite.hpp"

namespace gantry::e2e {
namespace {

class NodeAgent : public Suite {
 protected:
  void wait_ready(const std::string& name) { k({"wait", "--for=condition=Ready", "pod/" + name, "--timeout=50s"}); }
  bool wait_path(const std::string& object, const std::string& jsonpath, const std::string& value) {
    return eventually([&] {
      const auto now = try_k({"get", object, "-o", "jsonpath=" + jsonpath});
      return now.code == 0 && now.out == value;
    });
  }
  bool wait_event(const std::string& part) {
    return eventually([&] {
      return contains(try_k({"get", "events", "-o", "jsonpath={.items[*].message}"}).out, part);
    });
  }
  std::string sh(const std::string& name, const std::string& script) {
    return k({"exec", name, "--", "sh", "-c", script});
  }
};

TEST_F(NodeAgent, TheNodeSaysWhatItIs) {
  const auto ready = path("node/node-1", "{range .status.conditions[*]}{.type}={.status}:{.reason} {end}");
  EXPECT_TRUE(contains(ready, "MemoryPressure=")) << ready;
  EXPECT_TRUE(contains(ready, "PIDPressure=False:KubeletHasSufficientPID")) << ready;
  EXPECT_TRUE(contains(ready, "Ready=True:KubeletReady")) << ready;
  EXPECT_EQ(path("node/node-1", "{.metadata.labels.kubernetes\\.io/hostname}"), "node-1");
  EXPECT_NE(path("node/node-1", "{.status.capacity.memory}"), "");
  EXPECT_NE(path("node/node-1", "{.status.nodeInfo.kernelVersion}"), "");
  EXPECT_NE(path("node/node-1", "{.spec.podCIDR}"), "");
  EXPECT_TRUE(contains(k({"get", "nodes", "-o", "wide"}), "Ready"));
  EXPECT_TRUE(contains(k({"describe", "node", "node-1"}), "NodeReady")) << "events";
  const auto renewed = [this] {
    return cluster_->must({"-n", "kube-node-lease", "get", "lease", "node-1", "-o", "jsonpath={.spec.renewTime}"});
  };
  const auto before = renewed();
  EXPECT_TRUE(eventually([&] { return renewed() != before; }));
}

TEST_F(NodeAgent, VolumesOfEveryKind) {
  k({"create", "configmap", "c", "--from-literal=a=1", "--from-literal=b=2"});
  k({"create", "secret", "generic", "s", "--from-literal=word=open"});
  const std::string spec =
      "  securityContext: {fsGroup: 4321}\n  volumes:\n"
      "  - {name: memory, emptyDir: {medium: Memory, sizeLimit: 1Mi}}\n"
      "  - {name: disk, emptyDir: {}}\n"
      "  - {name: items, configMap: {name: c, defaultMode: 0400, items: [{key: a, path: deep/a}]}}\n"
      "  - {name: maybe, configMap: {name: none, optional: true}}\n"
      "  - {name: down, downwardAPI: {items: [{path: labels, fieldRef: {fieldPath: metadata.labels}},"
      " {path: cpu, resourceFieldRef: {containerName: main, resource: limits.cpu, divisor: 1m}}]}}\n"
      "  - {name: all, projected: {sources: [{secret: {name: s}}, {configMap: {name: c}},"
      " {serviceAccountToken: {path: token}}]}}\n";
  const std::string container =
      "    resources: {limits: {cpu: 250m}}\n    volumeMounts:\n"
      "    - {name: memory, mountPath: /memory}\n    - {name: disk, mountPath: /disk}\n"
      "    - {name: disk, mountPath: /part, subPath: some/part}\n    - {name: items, mountPath: /items}\n"
      "    - {name: maybe, mountPath: /maybe}\n    - {name: down, mountPath: /down}\n    - {name: all, mountPath: "
      "/all}\n"
      "    - {name: items, mountPath: /one, subPath: deep/a}\n";
  k({"apply", "-f", "-"}, pod("p", "sleep 1000", spec, container));
  wait_ready("p");
  EXPECT_TRUE(contains(sh("p", "grep ' /memory ' /proc/mounts"), "tmpfs"));
  EXPECT_NE(try_k({"exec", "p", "--", "dd", "if=/dev/zero", "of=/memory/x", "bs=1M", "count=2"}).code, 0);
  EXPECT_EQ(sh("p", "echo seen > /part/x; cat /disk/some/part/x"), "seen\n");
  EXPECT_EQ(sh("p", "cat /items/deep/a /one"), "11");
  EXPECT_EQ(sh("p", "stat -L -c '%a %g' /items/deep/a"), "440 4321\n");
  EXPECT_EQ(sh("p", "stat -c '%g' /disk"), "4321\n");
  EXPECT_EQ(sh("p", "ls /maybe"), "");
  EXPECT_EQ(sh("p", "cat /down/labels /down/cpu"), "app=\"p\"250");
  EXPECT_EQ(sh("p", "cat /all/word /all/b"), "open2");
  EXPECT_NE(try_k({"exec", "p", "--", "touch", "/all/new"}).code, 0);
}

TEST_F(NodeAgent, MetricsTellWhatThePluginsTook) {
  k({"apply", "-f", "-"}, pod("p", "sleep 1000"));
  wait_ready("p");
  const auto metrics = cluster_->must({"get", "--raw", "/metrics"});
  for (const char* line : {"kubelet_runtime_operations_total{operation_type=\"run_podsandbox\"} ",
                           "kubelet_runtime_operations_duration_seconds_count{operation_type=\"start_container\"} ",
                           "gantry_network_operations_duration_seconds_count{operation_type=\"add\"} ",
                           "gantry_oci_runtime_duration_seconds_count{command=\"create\",plugin=\"oci\"} "}) {
    EXPECT_TRUE(contains(metrics, line)) << line << "\n" << metrics;
  }
}

TEST_F(NodeAgent, VolumesOutliveTheContainer) {
  const std::string spec =
      "  volumes:\n  - {name: memory, emptyDir: {medium: Memory}}\n  - {name: disk, emptyDir: {}}\n";
  const std::string mounts =
      "    volumeMounts:\n    - {name: memory, mountPath: /memory}\n    - {name: disk, mountPath: /disk}\n";
  k({"apply", "-f", "-"},
    pod("p", "echo run >> /disk/x; echo run >> /memory/x; wc -l < /disk/x; wc -l < /memory/x; sleep 2; exit 1", spec,
        mounts));
  EXPECT_TRUE(wait_path("pod/p", "{.status.containerStatuses[0].restartCount}", "1"));
  EXPECT_TRUE(eventually([&] { return try_k({"logs", "p"}).out == "2\n2\n"; }));
}

TEST_F(NodeAgent, APodWaitsForItsConfigMap) {
  k({"apply", "-f", "-"}, pod("p", "cat /c/key; sleep 1000", "  volumes:\n  - {name: c, configMap: {name: late}}\n",
                              "    volumeMounts:\n    - {name: c, mountPath: /c}\n"));
  EXPECT_TRUE(wait_event("MountVolume.SetUp failed for volume \"c\" : configmap \"late\" not found"));
  EXPECT_EQ(path("pod/p", "{.status.phase}"), "Pending");
  k({"create", "configmap", "late", "--from-literal=key=came"});
  wait_ready("p");
  EXPECT_TRUE(eventually([&] { return try_k({"logs", "p"}).out == "came"; }));
}

TEST_F(NodeAgent, HostPathTypesAreChecked) {
  k({"apply", "-f", "-"},
    pod("p", "sleep 1000", "  volumes:\n  - {name: h, hostPath: {path: /etc/passwd, type: Directory}}\n",
        "    volumeMounts:\n    - {name: h, mountPath: /h}\n"));
  EXPECT_TRUE(wait_event("hostPath type check failed: /etc/passwd is not a directory"));
}

TEST_F(NodeAgent, MissingKeysOfTheEnvironmentAreSaid) {
  k({"create", "configmap", "c", "--from-literal=a=1"});
  k({"apply", "-f", "-"},
    pod("p", "sleep 1000", {}, "    env:\n    - {name: A, valueFrom: {configMapKeyRef: {name: c, key: none}}}\n"));
  EXPECT_TRUE(wait_path("pod/p", "{.status.containerStatuses[0].state.waiting.reason}", "CreateContainerConfigError"));
  EXPECT_TRUE(contains(path("pod/p", "{.status.containerStatuses[0].state.waiting.message}"),
                       "couldn't find key none in ConfigMap " + ns_ + "/c"));
}

TEST_F(NodeAgent, HttpAndTcpProbes) {
  const std::string probes =
      "    ports: [{name: web, containerPort: 8080}]\n"
      "    readinessProbe: {httpGet: {path: /ok, port: web}, periodSeconds: 1, failureThreshold: 1}\n"
      "    livenessProbe: {tcpSocket: {port: 8080}, initialDelaySeconds: 3, periodSeconds: 1, failureThreshold: 3}\n";
  k({"apply", "-f", "-"}, pod("p", "mkdir -p /www; httpd -p 8080 -h /www; sleep 1000", {}, probes));
  EXPECT_TRUE(wait_event("Readiness probe failed: HTTP probe failed with statuscode: 404"));
  EXPECT_EQ(path("pod/p", "{.status.conditions[?(@.type=='Ready')].status}"), "False");
  EXPECT_EQ(path("pod/p", "{.status.conditions[?(@.type=='Ready')].reason}"), "ContainersNotReady");
  sh("p", "touch /www/ok");
  wait_ready("p");
  sh("p", "killall httpd");
  EXPECT_TRUE(wait_event("connect: connection refused"));
  EXPECT_TRUE(wait_event("Container main failed liveness probe, will be restarted"));
  EXPECT_TRUE(wait_path("pod/p", "{.status.containerStatuses[0].restartCount}", "1"));
}

TEST_F(NodeAgent, AStartupProbeComesFirst) {
  const std::string probes =
      "    startupProbe: {exec: {command: [cat, /started]}, periodSeconds: 1, failureThreshold: 100}\n"
      "    livenessProbe: {exec: {command: [cat, /alive]}, periodSeconds: 1, failureThreshold: 1, "
      "terminationGracePeriodSeconds: 1}\n";
  k({"apply", "-f", "-"}, pod("p", "sleep 1000", {}, probes));
  EXPECT_TRUE(wait_event("Startup probe failed: cat:"));
  EXPECT_EQ(path("pod/p", "{.status.containerStatuses[0].started}"), "false");
  EXPECT_EQ(path("pod/p", "{.status.containerStatuses[0].restartCount}"), "0");
  sh("p", "touch /alive /started");
  EXPECT_TRUE(wait_path("pod/p", "{.status.containerStatuses[0].started}", "true"));
  wait_ready("p");
}

TEST_F(NodeAgent, ARestartOfTheDaemonChangesNothing) {
  k({"create", "configmap", "c", "--from-literal=key=old"});
  const std::string probes =
      "    readinessProbe: {exec: {command: [\"true\"]}, periodSeconds: 1}\n"
      "    livenessProbe: {exec: {command: [\"true\"]}, periodSeconds: 1}\n"
      "    startupProbe: {exec: {command: [\"true\"]}, periodSeconds: 1}\n"
      "    volumeMounts:\n    - {name: c, mountPath: /c}\n    - {name: m, mountPath: /m}\n";
  k({"apply", "-f", "-"},
    pod("p", "echo kept > /m/x; sleep 1000",
        "  volumes:\n  - {name: c, configMap: {name: c}}\n  - {name: m, emptyDir: {medium: Memory}}\n", probes));
  wait_ready("p");
  const std::string what =
      "{.status.conditions[?(@.type=='Ready')].lastTransitionTime} {.status.containerStatuses[0].containerID} "
      "{.status.containerStatuses[0].restartCount} {.status.podIP}";
  const auto before = path("pod/p", what);
  cluster_->kill_daemon();
  cluster_->start();
  // The node agent looks at the pod anew and goes on with what it does: the volume follows its config map.
  k({"patch", "configmap", "c", "-p", R"({"data":{"key":"new"}})"});
  EXPECT_TRUE(eventually([&] { return sh("p", "cat /c/key") == "new"; }));
  EXPECT_EQ(sh("p", "cat /m/x"), "kept\n");
  EXPECT_EQ(path("pod/p", what), before);
}

TEST_F(NodeAgent, LogOptions) {
  k({"apply", "-f", "-"},
    pod("p",
        "for i in 1 2 3; do echo line $i; done; head -c 30000 /dev/zero | tr '\\\\0' x; echo; echo end; sleep 1000"));
  wait_ready("p");
  EXPECT_TRUE(eventually([&] { return contains(k({"logs", "p"}), "\nend\n"); }));
  const auto all = k({"logs", "p"});
  EXPECT_EQ(all.size(), std::string("line 1\nline 2\nline 3\n\nend\n").size() + 30000);
  EXPECT_EQ(k({"logs", "p", "--tail=2"}), std::string(30000, 'x') + "\nend\n");
  EXPECT_EQ(k({"logs", "p", "--limit-bytes=10"}), "line 1\nlin");
  EXPECT_EQ(k({"logs", "p", "--tail=0"}), "");
  EXPECT_EQ(k({"logs", "p", "--since-time=2100-01-01T00:00:00Z"}), "");
  const auto stamped = k({"logs", "p", "--timestamps", "--tail=1"});
  ASSERT_GT(stamped.size(), 31u);
  EXPECT_EQ(stamped.substr(29), "Z end\n") << stamped;
}

TEST_F(NodeAgent, HostsAndResolvConf) {
  k({"apply", "-f", "-"}, pod("p", "sleep 1000",
                              "  hostname: special\n  hostAliases: [{ip: 1.2.3.4, hostnames: [a.example]}]\n"
                              "  dnsPolicy: None\n  dnsConfig: {nameservers: [9.9.9.9], searches: [x.example]}\n"));
  wait_ready("p");
  EXPECT_EQ(sh("p", "hostname"), "special\n");
  EXPECT_TRUE(contains(sh("p", "cat /etc/hosts"), path("pod/p", "{.status.podIP}") + "\tspecial\n"));
  EXPECT_TRUE(contains(sh("p", "cat /etc/hosts"), "1.2.3.4\ta.example\n"));
  EXPECT_TRUE(contains(sh("p", "cat /etc/resolv.conf"), "nameserver 9.9.9.9"));
  EXPECT_TRUE(contains(sh("p", "cat /etc/resolv.conf"), "search x.example"));
}

}  // namespace
}  // namespace gantry::e2e
