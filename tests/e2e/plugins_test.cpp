// Plugins of a running daemon: their objects, reloads by every way there is, off and on, crashes of those in processes
// of their own, and running pods that notice nothing of it.
#include <algorithm>
#include <csignal>
#include <fstream>
#include <iterator>

#include "tests/e2e/suite.hpp"

namespace gantry::e2e {
namespace {

namespace fs = std::filesystem;

std::string text_of(const fs::path& file) {
  std::ifstream in(file);
  return {std::istreambuf_iterator<char>(in), {}};
}

// A cluster whose plugins lie in a folder of its own, so that files can be exchanged.
class Plugins : public Suite {
 public:
  static void SetUpTestSuite() {
    cluster_ = std::make_unique<Cluster>();
    folder() = cluster_->own_plugins("watch = true");
    std::ofstream(cluster_->config(), std::ios::app) << "[plugin.serviceaccount]\nisolation = \"process\"\n";
    cluster_->start();
    cluster_->import_image();
  }
  static fs::path& folder() {
    static fs::path path;
    return path;
  }

 protected:
  std::string field(const std::string& plugin, const std::string& jsonpath) const {
    return cluster_->must({"get", "plugin", plugin, "-o", "jsonpath=" + jsonpath});
  }
  void wait_for(const std::string& plugin, const std::string& jsonpath, const std::string& value) const {
    cluster_->wait_value({"plugin", plugin}, jsonpath, value);
  }
  // The first process of each container of this test.
  std::string main_pids() const {
    std::string all;
    const auto uid = path("pod/stays", "{.metadata.uid}");
    for (const auto& [cgroup, pids] : cluster_->container_pids()) {
      if (contains(cgroup, uid) && !pids.empty()) all += std::to_string(pids.front()) + " ";
    }
    return all;
  }
  int64_t reloads(const std::string& plugin) const { return std::stoll(field(plugin, "{.status.reloads}")); }
  void patch(const std::string& plugin, const std::string& json) const {
    cluster_->must({"patch", "plugin", plugin, "--type=merge", "-p", json});
  }
};

TEST_F(Plugins, AreObjects) {
  wait_for("serviceaccount", "{.status.state}", "Running");
  const auto table = cluster_->must({"get", "plugins"});
  EXPECT_TRUE(contains(table, "NAME") && contains(table, "ISOLATION") && contains(table, "RELOADS")) << table;
  EXPECT_EQ(field("oci", "{.status.kind}"), "runtime");
  EXPECT_EQ(field("serviceaccount", "{.status.isolation}"), "Process");
  EXPECT_TRUE(contains(cluster_->must({"get", "plugins", "-o", "wide"}), folder().string()));
  EXPECT_TRUE(contains(cluster_->must({"explain", "plugin.spec.reload"}), "makes the daemon load the file"));
}

TEST_F(Plugins, ReloadByObjectByCommandAndByFile) {
  wait_for("deployment", "{.status.state}", "Running");
  const auto before = reloads("deployment");
  patch("deployment", R"({"spec":{"reload":"first"}})");
  wait_for("deployment", "{.status.observedReload}", "first");
  EXPECT_EQ(reloads("deployment"), before + 1);
  const auto said = cluster_->ctl({"plugin", "reload", "deployment"});
  EXPECT_TRUE(contains(said.out, "plugin/deployment reloaded (version ")) << said.out << said.err;
  // The same bytes are no news; others are.
  std::ofstream(folder() / "deployment.so", std::ios::app | std::ios::binary) << "trailing";
  wait_for("deployment", "{.status.reloads}", std::to_string(before + 3));
  EXPECT_TRUE(contains(cluster_->must({"describe", "plugin", "deployment"}), "took over; calls waited for"));
}

TEST_F(Plugins, ABrokenFileLeavesTheRunningOneAtWork) {
  wait_for("replicaset", "{.status.state}", "Running");
  fs::copy_file(folder() / "replicaset.so", cluster_->dir() / "kept.so");
  std::ofstream(folder() / "replicaset.so", std::ios::trunc) << "no shared object";
  wait_for("replicaset", "{.status.failedReloads}", "1");
  EXPECT_EQ(field("replicaset", "{.status.state}"), "Running");
  EXPECT_TRUE(contains(cluster_->must({"describe", "plugin", "replicaset"}), "is not a loadable shared object"));
  k({"apply", "-f", "-"}, deployment("goes-on", 1));
  rollout("deployment/goes-on");
  const auto refused = cluster_->ctl({"plugin", "reload", "replicaset"});
  EXPECT_EQ(refused.code, 1);
  EXPECT_TRUE(contains(refused.err, "is not a loadable shared object")) << refused.err;
  fs::copy_file(cluster_->dir() / "kept.so", folder() / "replicaset.so", fs::copy_options::overwrite_existing);
  cluster_->must({"wait", "--for=condition=Reloaded", "plugin/replicaset", "--timeout=30s"});
}

TEST_F(Plugins, OffStaysOffAcrossARestart) {
  wait_for("deployment", "{.status.state}", "Running");
  EXPECT_TRUE(contains(cluster_->ctl({"plugin", "disable", "deployment"}).out, "plugin/deployment disabled"));
  wait_for("deployment", "{.status.state}", "Disabled");
  k({"apply", "-f", "-"}, deployment("waits", 1));
  cluster_->stop();
  cluster_->start();
  EXPECT_EQ(field("deployment", "{.status.state}"), "Disabled");
  EXPECT_EQ(k({"get", "replicasets", "-o", "name"}), "");
  EXPECT_TRUE(contains(cluster_->ctl({"plugin", "enable", "deployment"}).out, "plugin/deployment enabled"));
  rollout("deployment/waits");
}

// The object of a plugin comes back when it is deleted, and says what it said.
TEST_F(Plugins, OffStaysOffWithoutItsObject) {
  wait_for("deployment", "{.status.state}", "Running");
  ASSERT_EQ(cluster_->ctl({"plugin", "disable", "deployment"}).code, 0);
  for (const std::vector<std::string>& which : {std::vector<std::string>{"deployment"}, {"--all"}}) {
    const auto before = field("deployment", "{.metadata.uid}");
    std::vector<std::string> words{"delete", "plugins"};
    words.insert(words.end(), which.begin(), which.end());
    cluster_->must(words);
    wait_for("deployment", "{.status.state}", "Disabled");
    EXPECT_NE(field("deployment", "{.metadata.uid}"), before);
    EXPECT_EQ(field("deployment", "{.spec.enabled}"), "false");
    wait_for("replicaset", "{.status.state}", "Running");
  }
  k({"apply", "-f", "-"}, deployment("waits", 1));
  EXPECT_EQ(k({"get", "replicasets", "-o", "name"}), "");
  ASSERT_EQ(cluster_->ctl({"plugin", "enable", "deployment"}).code, 0);
  rollout("deployment/waits");
  cluster_->must({"delete", "plugins", "deployment"});
  wait_for("deployment", "{.status.state}", "Running");
}

// plugin.NAME.enabled has the last word, whatever the object says.
TEST_F(Plugins, TheConfigurationIsAppliedBySighup) {
  wait_for("garbage-collector", "{.status.state}", "Running");
  const auto before = text_of(cluster_->config());
  std::ofstream(cluster_->config(), std::ios::app) << "[plugin.garbage-collector]\nenabled = false\n";
  ASSERT_EQ(::kill(cluster_->daemon_pid(), SIGHUP), 0);
  wait_for("garbage-collector", "{.status.state}", "Disabled");
  const auto refused = cluster_->ctl({"plugin", "enable", "garbage-collector"});
  EXPECT_EQ(refused.code, 1);
  EXPECT_TRUE(contains(refused.err, "is switched off by the configuration")) << refused.err;
  cluster_->stop();
  cluster_->start();
  patch("garbage-collector", R"({"spec":{"reload":"no-use"}})");
  wait_for("garbage-collector", "{.status.observedReload}", "no-use");
  EXPECT_EQ(field("garbage-collector", "{.status.state}"), "Disabled");
  std::ofstream(cluster_->config()) << before << "[plugin.namespace]\nisolation = \"process\"\n";
  ASSERT_EQ(::kill(cluster_->daemon_pid(), SIGHUP), 0);
  wait_for("garbage-collector", "{.status.state}", "Running");
  wait_for("namespace", "{.status.isolation}", "Process");
  // A mistake changes nothing.
  std::ofstream(cluster_->config(), std::ios::app) << "[plugins\n";
  ASSERT_EQ(::kill(cluster_->daemon_pid(), SIGHUP), 0);
  EXPECT_TRUE(eventually([&] { return contains(cluster_->daemon_log(), "SIGHUP: " + cluster_->config().string()); }));
  EXPECT_EQ(field("garbage-collector", "{.status.state}"), "Running");
  std::ofstream(cluster_->config()) << before;
  ASSERT_EQ(::kill(cluster_->daemon_pid(), SIGHUP), 0);
  wait_for("namespace", "{.status.isolation}", "None");
}

// The runtime and the network change under a pod that runs, while somebody is in it and somebody reads its log.
TEST_F(Plugins, RunningPodsDoNotNotice) {
  k({"apply", "-f", "-"}, pod("stays", "i=0; while true; do i=$((i+1)); echo line $i; sleep 0.1; done"));
  k({"wait", "--for=condition=Ready", "pod/stays", "--timeout=60s"});
  const auto mains = main_pids();
  const auto address = path("pod/stays", "{.status.podIP}");
  std::vector<std::string> base{"kubectl", "--kubeconfig", cluster_->kubeconfig().string(), "-n", ns_};
  auto session = base, follow = base;
  for (const char* word : {"exec", "stays", "--", "/bin/sh", "-c", "sleep 6; echo still here; exit 7"})
    session.emplace_back(word);
  for (const char* word : {"logs", "-f", "--tail=1", "--pod-running-timeout=1s", "stays"}) follow.emplace_back(word);
  const auto said_by_exec = cluster_->dir() / "exec.txt", followed = cluster_->dir() / "followed.txt";
  Background exec(session, said_by_exec.string()), logs(follow, followed.string());
  for (int i = 0; i < 5; ++i) {
    for (const char* name : {"oci", "bridge"}) {
      const auto said = cluster_->ctl({"plugin", "reload", name});
      ASSERT_EQ(said.code, 0) << said.err;
    }
  }
  EXPECT_EQ(exec.wait(std::chrono::seconds(30)), 7);
  EXPECT_TRUE(contains(text_of(said_by_exec), "still here")) << text_of(said_by_exec);
  EXPECT_EQ(main_pids(), mains);
  EXPECT_EQ(path("pod/stays", "{.status.containerStatuses[0].restartCount}"), "0");
  EXPECT_EQ(path("pod/stays", "{.status.podIP}"), address);
  EXPECT_TRUE(contains(k({"exec", "stays", "--", "echo", "new session"}), "new session"));
  k({"delete", "pod", "stays", "--timeout=60s"});
  logs.wait(std::chrono::seconds(30));
  const auto read = text_of(followed);
  EXPECT_GT(std::count(read.begin(), read.end(), '\n'), 20) << "the followed log went on";
}

TEST_F(Plugins, ACrashCostsARestartAndNothingElse) {
  wait_for("serviceaccount", "{.status.state}", "Running");
  const auto daemon = cluster_->daemon_pid();
  const auto found = run({"pgrep", "-P", std::to_string(daemon), "-f", "gantry-plugin-host"});
  ASSERT_FALSE(found.out.empty()) << "no process of its own";
  ASSERT_EQ(::kill(std::stoi(found.out), SIGSEGV), 0);
  wait_for("serviceaccount", "{.status.restarts}", "1");
  wait_for("serviceaccount", "{.status.state}", "Running");
  EXPECT_EQ(cluster_->daemon_pid(), daemon);
  EXPECT_TRUE(contains(cluster_->must({"describe", "plugin", "serviceaccount"}), "SIGSEGV"));
  k({"create", "namespace", "after-crash"});
  cluster_->wait_value({"-n", "after-crash", "serviceaccount", "default"}, "{.metadata.name}", "default");
  k({"delete", "namespace", "after-crash", "--wait=false"});
}

}  // namespace
}  // namespace gantry::e2e
