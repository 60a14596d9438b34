// Every kubectl command that works on objects, against the real daemon.
#include <fstream>
#include <sstream>

#include "tests/e2e/suite.hpp"

namespace gantry::e2e {
namespace {

class Kubectl : public Suite {};

TEST_F(Kubectl, Version) {
  const auto out = k({"version"});
  // Since kubectl 1.28 the version alone, before that a Go structure.
  EXPECT_TRUE(contains(out, "Server Version: v1.36.0") || contains(out, "GitVersion:\"v1.36.0")) << out;
}

TEST_F(Kubectl, ApiResources) {
  const auto out = k({"api-resources"});
  for (const char* kind : {"Namespace", "Node", "Pod", "ReplicaSet", "Deployment", "ConfigMap", "Secret",
                           "ServiceAccount", "Event", "Lease", "PodDisruptionBudget", "HorizontalPodAutoscaler"}) {
    EXPECT_TRUE(contains(out, std::string(" ") + kind)) << kind << "\n" << out;
  }
  EXPECT_TRUE(contains(out, "deploy")) << "short names";
  EXPECT_TRUE(contains(k({"api-versions"}), "apps/v1"));
}

TEST_F(Kubectl, Explain) {
  EXPECT_TRUE(contains(k({"explain", "pod.spec.containers.livenessProbe"}), "livenessProbe"));
  EXPECT_TRUE(contains(k({"explain", "deployment", "--recursive"}), "maxUnavailable"));
  EXPECT_NE(try_k({"explain", "pod.spec.nothing"}).code, 0);
}

TEST_F(Kubectl, CreateAndGetInAllForms) {
  k({"create", "configmap", "settings", "--from-literal=a=1", "--from-literal=b=2"});
  EXPECT_EQ(path("configmap/settings", "{.data.a}{.data.b}"), "12");
  EXPECT_TRUE(contains(k({"get", "configmap", "settings", "-o", "yaml"}), "kind: ConfigMap"));
  EXPECT_TRUE(contains(k({"get", "cm", "settings", "-o", "json"}), "\"kind\": \"ConfigMap\""));
  EXPECT_TRUE(contains(k({"get", "cm", "-o", "wide"}), "settings"));
  EXPECT_TRUE(contains(k({"get", "cm", "-o", "name"}), "configmap/settings"));
  EXPECT_TRUE(contains(k({"get", "nodes", "-o", "wide"}), "INTERNAL-IP"));
  EXPECT_TRUE(contains(k({"get", "configmaps", "-A"}), ns_));
  const auto missing = try_k({"get", "configmap", "nothing"});
  EXPECT_EQ(missing.code, 1);
  EXPECT_EQ(missing.err, "Error from server (NotFound): configmaps \"nothing\" not found\n");
  k({"create", "secret", "generic", "key", "--from-literal=token=abc"});
  EXPECT_EQ(path("secret/key", "{.data.token}"), "YWJj");
  const auto again = try_k({"create", "configmap", "settings"});
  // What stands before the server's message differs between versions of kubectl.
  EXPECT_TRUE(contains(again.err, ": configmaps \"settings\" already exists\n")) << again.err;
}

TEST_F(Kubectl, SelectorsChooseObjects) {
  k({"create", "configmap", "one"});
  k({"create", "configmap", "two"});
  k({"label", "configmap", "one", "tier=web"});
  EXPECT_EQ(k({"get", "cm", "-l", "tier=web", "-o", "name"}), "configmap/one\n");
  EXPECT_EQ(k({"get", "cm", "-l", "tier in (web,db)", "-o", "name"}), "configmap/one\n");
  EXPECT_EQ(k({"get", "cm", "--field-selector", "metadata.name=two", "-o", "name"}), "configmap/two\n");
  const auto wrong = try_k({"get", "cm", "--field-selector", "data.a=b"});
  EXPECT_TRUE(contains(wrong.err, "BadRequest")) << wrong.err;
}

TEST_F(Kubectl, ApplyThreeWays) {
  const std::string first = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: c}\ndata: {a: '1', b: '2'}\n";
  const std::string second = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: c}\ndata: {a: '3'}\n";
  EXPECT_TRUE(contains(k({"apply", "-f", "-"}, first), "created"));
  EXPECT_TRUE(contains(k({"apply", "-f", "-"}, first), "unchanged"));
  EXPECT_TRUE(contains(k({"apply", "-f", "-"}, second), "configured"));
  EXPECT_EQ(path("cm/c", "{.data}"), R"({"a":"3"})");
  EXPECT_TRUE(contains(k({"apply", "--dry-run=server", "-f", "-"}, first), "server dry run"));
  EXPECT_EQ(path("cm/c", "{.data}"), R"({"a":"3"})");
  EXPECT_NE(try_k({"diff", "-f", "-"}, first).code, 0);
}

// Manifests as people publish them, of all kinds; what nothing acts on yet is kept and shown all the same.
TEST_F(Kubectl, ManifestsOfAllKinds) {
  std::string all, replaced;
  for (const char* file : {"core", "apps", "cluster", "network"}) {
    std::stringstream text;
    text << std::ifstream(std::string(GANTRY_SOURCE_DIR) + "/tests/manifests/" + file + ".yaml").rdbuf();
    all += text.str() + "---\n";
  }
  for (size_t from = 0; from < all.size();) {
    const size_t end = all.find("---\n", from) + 4;
    const auto document = all.substr(from, end - from);
    // Of a pod and of a Job the server adds to what may not change.
    if (!contains(document, "\nkind: Pod\n") && !contains(document, "\nkind: Job\n")) replaced += document;
    from = end;
  }
  const auto lines = [](const std::string& text, const std::string& part) {
    size_t count = 0;
    for (size_t at = 0; (at = text.find(part, at)) != std::string::npos; at += part.size()) ++count;
    return count;
  };
  const size_t count = lines(all, "\nkind: ");
  EXPECT_EQ(lines(k({"apply", "-f", "-"}, all), " created\n"), count);
  // kubectl calls "configured" what it sends a patch for, be it that nothing changes: lists without keys whose items
  // have defaults, and stringData.
  const auto again = k({"apply", "-f", "-"}, all);
  EXPECT_EQ(lines(again, " unchanged\n") + lines(again, " configured\n"), count) << again;
  EXPECT_GT(lines(again, " unchanged\n"), count / 2) << again;
  const auto diff = try_k({"diff", "-f", "-"}, all);
  EXPECT_EQ(diff.code, 0) << diff.out << diff.err;
  EXPECT_EQ(lines(k({"replace", "-f", "-"}, replaced), " replaced\n"), lines(replaced, "\nkind: "));
  EXPECT_TRUE(contains(k({"get", "svc", "shop"}), "NodePort"));
  EXPECT_TRUE(contains(k({"get", "pvc,pv,ing,netpol,sts,ds,cj,quota,limits"}), "shop-db"));
  EXPECT_EQ(lines(k({"delete", "--wait=false", "-f", "-"}, all), " deleted"), count);
}

TEST_F(Kubectl, LabelAnnotatePatchReplace) {
  k({"create", "configmap", "c", "--from-literal=a=1"});
  k({"label", "cm", "c", "x=1"});
  EXPECT_NE(try_k({"label", "cm", "c", "x=2"}).code, 0);
  k({"label", "cm", "c", "x=2", "--overwrite"});
  EXPECT_EQ(path("cm/c", "{.metadata.labels.x}"), "2");
  k({"label", "cm", "c", "x-"});
  EXPECT_EQ(path("cm/c", "{.metadata.labels.x}"), "");
  k({"annotate", "cm", "c", "note=hello"});
  k({"patch", "cm", "c", "-p", R"({"data":{"b":"2"}})"});
  k({"patch", "cm", "c", "--type=merge", "-p", R"({"data":{"a":null}})"});
  EXPECT_EQ(path("cm/c", "{.data}"), R"({"b":"2"})");
  k({"patch", "cm", "c", "--type=json", "-p", R"([{"op":"replace","path":"/data/b","value":"9"}])"});
  EXPECT_EQ(path("cm/c", "{.data.b}"), "9");
  auto document = k({"get", "cm", "c", "-o", "yaml"});
  document.replace(document.find("b: \"9\""), 6, "b: \"7\"");
  k({"replace", "-f", "-"}, document);
  EXPECT_EQ(path("cm/c", "{.data.b}"), "7");
  const auto stale = try_k({"replace", "-f", "-"}, document);
  EXPECT_TRUE(contains(stale.err, "the object has been modified")) << stale.err;
}

TEST_F(Kubectl, WatchShowsChanges) {
  const auto file = (cluster_->dir() / ("watch-" + ns_)).string();
  Background watch({"kubectl", "--kubeconfig", cluster_->kubeconfig().string(), "-n", ns_, "get", "cm", "-w",
                    "--output-watch-events"},
                   file);
  const auto text = [&] { return run({"cat", file}).out; };
  k({"create", "configmap", "seen"});
  EXPECT_TRUE(eventually([&] { return contains(text(), "ADDED") && contains(text(), "seen"); })) << text();
  k({"delete", "configmap", "seen"});
  EXPECT_TRUE(eventually([&] { return contains(text(), "DELETED"); })) << text();
}

// Debian 12 has kubectl 1.20; what came later is tested where it is.
TEST_F(Kubectl, EventsOfAnObject) {
  if (try_k({"events", "--help"}).code != 0) GTEST_SKIP() << "this kubectl has no \"events\" (it came with 1.26)";
  k({"apply", "-f", "-"}, pod("p", "sleep 1", "  nodeSelector: {no: such}\n"));
  EXPECT_TRUE(eventually([&] {
    return contains(k({"events", "--for", "pod/p"}), "FailedScheduling");
  })) << k({"events"});
  EXPECT_FALSE(contains(k({"events", "--types=Normal"}), "FailedScheduling"));
}

TEST_F(Kubectl, WaitForAValue) {
  const auto wait = [&](const std::string& value) {
    return try_k({"wait", "--for=jsonpath={.data.a}=" + value, "configmap/c", "--timeout=1s"});
  };
  k({"create", "configmap", "c", "--from-literal=a=1"});
  const auto reached = wait("1");
  if (contains(reached.err, "unrecognized condition"))
    GTEST_SKIP() << "this kubectl waits for conditions only (values: 1.23)";
  EXPECT_EQ(reached.code, 0) << reached.err;
  EXPECT_TRUE(contains(wait("2").err, "timed out"));
}

TEST_F(Kubectl, SubresourcesAreObjectsToo) {
  k({"create", "deployment", "d", "--image=gantry.local/absent:1", "--replicas=0"});
  const auto scale = try_k({"get", "deployment", "d", "--subresource=scale", "-o", "jsonpath={.kind}"});
  if (contains(scale.err, "unknown flag")) GTEST_SKIP() << "this kubectl has no --subresource (it came with 1.24)";
  EXPECT_EQ(scale.out, "Scale") << scale.err;
}

TEST_F(Kubectl, BadObjectsAreRefusedWithTheRule) {
  const auto name =
      try_k({"apply", "--validate=false", "-f", "-"}, "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: Bad_Name}\n");
  EXPECT_TRUE(contains(name.err, "a lowercase RFC 1123 subdomain must consist of")) << name.err;
  const auto empty = try_k({"apply", "--validate=false", "-f", "-"},
                           "apiVersion: v1\nkind: Pod\nmetadata: {name: p}\nspec: {containers: []}\n");
  EXPECT_TRUE(contains(empty.err, "spec.containers: Required value")) << empty.err;
  const auto unknown = try_k({"apply", "-f", "-"}, "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: c}\nfoo: 1\n");
  EXPECT_TRUE(contains(unknown.err, "unknown field")) << unknown.err;
  // Without validation: kubectl would ask for CustomResourceDefinitions first.
  const auto kind =
      try_k({"apply", "--validate=false", "-f", "-"}, "apiVersion: v1\nkind: Nothing\nmetadata: {name: c}\n");
  EXPECT_TRUE(contains(kind.err, "no matches for kind")) << kind.err;
}

// kubectl 1.20 knows budgets by a version that came before, and can neither make nor describe these.
TEST_F(Kubectl, DisruptionBudgets) {
  k({"create", "-f", "-"},
    "apiVersion: policy/v1\nkind: PodDisruptionBudget\nmetadata: {name: b}\n"
    "spec: {minAvailable: 2, selector: {matchLabels: {app: web}}}\n");
  for (const char* form : {"name", "wide", "yaml"}) EXPECT_TRUE(contains(k({"get", "pdb", "b", "-o", form}), "b"));
  const auto row = k({"get", "pdb", "-o", "wide"});
  EXPECT_TRUE(contains(row, "MIN AVAILABLE")) << row;
  EXPECT_TRUE(contains(row, "N/A")) << row;
  const auto both = try_k({"patch", "pdb", "b", "-p", R"({"spec":{"maxUnavailable":1}})"});
  EXPECT_TRUE(contains(both.err, "minAvailable and maxUnavailable cannot be both set")) << both.err;
  k({"patch", "pdb", "b", "--type=merge", "-p", R"({"spec":{"minAvailable":null,"maxUnavailable":"30%"}})"});
  EXPECT_EQ(path("pdb/b", "{.spec.minAvailable}{.spec.maxUnavailable} {.metadata.generation}"), "30% 2");
  // The selector is replaced, not merged.
  k({"patch", "pdb", "b", "-p", R"({"spec":{"selector":{"matchLabels":{"app":"db"}}}})"});
  EXPECT_EQ(path("pdb/b", "{.spec.selector}"), R"({"matchLabels":{"app":"db"}})");
  const auto described = try_k({"describe", "pdb", "b"});
  const bool old = contains(described.err, "could not find the requested resource");
  for (const char* part : {"b", "30%", "app=db"}) EXPECT_TRUE(old || contains(described.out, part)) << described.out;
  if (!old) {
    k({"create", "pdb", "made", "--min-available=50%", "--selector=app=web"});
    EXPECT_EQ(path("pdb/made", "{.spec.minAvailable}"), "50%");
  }
  k({"delete", "pdb", "b"});
  EXPECT_EQ(try_k({"get", "pdb", "b"}).err,
            "Error from server (NotFound): poddisruptionbudgets.policy \"b\" not found\n");
}

TEST_F(Kubectl, Autoscalers) {
  k({"create", "deployment", "web", "--image=gantry.local/absent:1", "--replicas=0"});
  const auto made = try_k({"autoscale", "deployment", "web", "--max=4", "--cpu-percent=70"});
  EXPECT_EQ(made.code, 0) << made.err;
  const auto row = k({"get", "hpa", "-o", "wide"});
  for (const char* part : {"REFERENCE", "Deployment/web", "cpu: <unknown>/70%"})
    EXPECT_TRUE(contains(row, part)) << row;
  // A short name would mean the preferred version, whatever stands behind it.
  EXPECT_EQ(path("horizontalpodautoscalers.v1.autoscaling/web", "{.spec.targetCPUUtilizationPercentage}"), "70");
  EXPECT_EQ(path("horizontalpodautoscalers.v2.autoscaling/web", "{.spec.metrics[0].resource.name}"), "cpu");
  EXPECT_TRUE(contains(k({"get", "all"}), "horizontalpodautoscaler.autoscaling/web"));
  k({"patch", "horizontalpodautoscalers.v1.autoscaling", "web", "-p",
     R"({"spec":{"targetCPUUtilizationPercentage":50}})"});
  k({"patch", "hpa", "web", "--type=merge", "-p", R"({"spec":{"maxReplicas":6}})"});
  EXPECT_EQ(
      path("horizontalpodautoscalers.v1.autoscaling/web", "{.spec.targetCPUUtilizationPercentage} {.spec.maxReplicas}"),
      "50 6");
  const auto described = k({"describe", "hpa", "web"});
  for (const char* part : {"Deployment/web", "50%", "Max replicas:"})
    EXPECT_TRUE(contains(described, part)) << described;
  EXPECT_TRUE(contains(k({"explain", "hpa.spec"}), "maxReplicas"));
  k({"delete", "hpa", "web"});
}

TEST_F(Kubectl, NamespacesEndWithAllTheyHold) {
  k({"create", "namespace", "doomed"});
  cluster_->must({"-n", "doomed", "create", "configmap", "c"});
  EXPECT_TRUE(eventually([&] {
    return cluster_->kubectl({"-n", "doomed", "get", "serviceaccount", "default"}).code == 0;
  })) << "every namespace has its default service account";
  cluster_->must({"delete", "namespace", "doomed", "--timeout=50s"});
  EXPECT_EQ(cluster_->kubectl({"-n", "doomed", "get", "configmap", "c"}).code, 1);
  EXPECT_TRUE(contains(cluster_->kubectl({"delete", "namespace", "default"}).err, "forbidden"));
  for (const char* ns : {"default", "kube-system", "kube-public", "kube-node-lease"}) {
    cluster_->must({"get", "namespace", ns});
  }
}

TEST_F(Kubectl, DescribeNode) {
  const auto out = k({"describe", "node", "node-1"});
  for (const char* part : {"Capacity:", "Allocatable:", "KubeletReady", "PodCIDR:", "Container Runtime Version:"}) {
    EXPECT_TRUE(contains(out, part)) << part << "\n" << out;
  }
  EXPECT_TRUE(contains(cluster_->must({"-n", "kube-node-lease", "get", "lease", "node-1"}), "node-1"));
}

}  // namespace
}  // namespace gantry::e2e
