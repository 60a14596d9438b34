// kill -9 of the daemon at random moments under load: nothing acknowledged is lost, nothing runs twice, what ran goes
// on.
#include <poll.h>

#include <atomic>
#include <cstdlib>
#include <fstream>
#include <random>
#include <set>
#include <sstream>
#include <string>
#include <thread>

#include "tests/e2e/suite.hpp"

namespace gantry::e2e {
namespace {

// How many kills; the whole count is for CI.
int kills() {
  const char* text = std::getenv("GANTRY_KILLS");
  return text != nullptr ? std::atoi(text) : 100;
}

// A line of /proc/PID/status; empty when the process is gone.
std::string status_line(pid_t pid, const std::string& name) {
  std::ifstream status("/proc/" + std::to_string(pid) + "/status");
  for (std::string line; std::getline(status, line);) {
    if (line.starts_with(name + ":\t")) return line.substr(name.size() + 2);
  }
  return {};
}

// Pauses, conmons and main processes: what the script of a container starts comes and goes.
std::set<pid_t> pids_of(const Cluster& cluster) {
  std::set<pid_t> all, lasting;
  for (const auto& [group, list] : cluster.container_pids()) all.insert(list.begin(), list.end());
  for (const pid_t pid : all) {
    const auto parent = status_line(pid, "PPid");
    if (parent.empty()) continue;
    const bool first = all.count(std::stoi(parent)) == 0 || status_line(std::stoi(parent), "Name") == "conmon";
    if (first) lasting.insert(pid);
  }
  return lasting;
}

// Creates ConfigMaps until told to stop and remembers which were acknowledged.
class Writer {
 public:
  explicit Writer(const Cluster& cluster) : cluster_(cluster), thread_([this] { write(); }) {}
  ~Writer() { stop(); }
  void stop() {
    stop_ = true;
    if (thread_.joinable()) thread_.join();
  }
  const std::vector<std::string>& acknowledged() const { return acknowledged_; }

 private:
  void write() {
    for (int i = 0; !stop_; ++i) {
      const std::string name = "acknowledged-" + std::to_string(i);
      if (cluster_.kubectl({"create", "configmap", name}).code == 0) acknowledged_.push_back(name);
    }
  }
  const Cluster& cluster_;
  std::atomic<bool> stop_{false};
  std::vector<std::string> acknowledged_;
  std::thread thread_;
};

class Recovery : public Suite {};

TEST_F(Recovery, RunningPodsAreUntouched) {
  k({"apply", "-f", "-"}, deployment("d", 3));
  rollout("deployment/d");
  const auto before = pids_of(*cluster_);
  const auto names = path("pods", "{.items[*].metadata.name}");
  cluster_->kill_daemon();
  EXPECT_EQ(pids_of(*cluster_), before) << "containers outlive the daemon";
  cluster_->start();
  rollout("deployment/d");
  EXPECT_EQ(path("pods", "{.items[*].metadata.name}"), names);
  EXPECT_EQ(path("pods", "{.items[*].status.containerStatuses[0].restartCount}"), "0 0 0");
  EXPECT_EQ(pids_of(*cluster_), before);
}

TEST_F(Recovery, ExitsDuringDowntimeAreSeen) {
  k({"apply", "-f", "-"}, pod("p", "sleep 2; exit 5", "  restartPolicy: Never\n"));
  k({"wait", "--for=condition=Ready", "pod/p", "--timeout=50s"});
  cluster_->kill_daemon();
  EXPECT_TRUE(eventually([&] {
    for (const auto& [group, pids] : cluster_->container_pids()) {
      for (const pid_t pid : pids) {
        if (contains(run({"cat", "/proc/" + std::to_string(pid) + "/cmdline"}).out, "exit 5")) return false;
      }
    }
    return true;
  }));
  cluster_->start();
  EXPECT_TRUE(eventually([&] { return path("pod/p", "{.status.phase}") == "Failed"; }));
  EXPECT_EQ(path("pod/p", "{.status.containerStatuses[0].state.terminated.exitCode}"), "5");
}

TEST_F(Recovery, KilledAtRandomPointsUnderLoad) {
  k({"apply", "-f", "-"}, deployment("d", 2));
  k({"apply", "-f", "-"}, pod("witness", "trap 'exit 0' TERM; while true; do sleep 1; done"));
  rollout("deployment/d");
  k({"wait", "--for=condition=Ready", "pod/witness", "--timeout=50s"});
  const auto container = path("pod/witness", "{.status.containerStatuses[0].containerID}");
  std::mt19937 random(20261124);
  Writer writer(*cluster_);
  for (int i = 0; i < kills(); ++i) {
    // Work in flight at the kill: a changed template, a changed scale.
    cluster_->kubectl({"-n", ns_, "scale", "deployment/d", "--replicas=" + std::to_string(1 + i % 3)});
    if (i % 5 == 0) cluster_->kubectl({"-n", ns_, "set", "env", "deployment/d", "TURN=" + std::to_string(i)});
    ::poll(nullptr, 0, static_cast<int>(random() % 250));  // the random moment itself
    cluster_->kill_daemon();
    cluster_->start_daemon();
    ASSERT_TRUE(eventually([&] {
      return cluster_->kubectl({"get", "--raw", "/readyz"}).code == 0;
    })) << "no daemon after kill "
        << i << "\n"
        << cluster_->daemon_log().substr(0, 4000);
  }
  writer.stop();
  ASSERT_TRUE(cluster_->wait_ready());
  k({"scale", "deployment/d", "--replicas=2"});
  rollout("deployment/d");
  std::set<std::string> there;
  std::istringstream words(cluster_->must({"get", "configmaps", "-o", "jsonpath={.items[*].metadata.name}"}));
  for (std::string word; words >> word;) there.insert(word);
  EXPECT_FALSE(writer.acknowledged().empty());
  for (const auto& name : writer.acknowledged())
    EXPECT_TRUE(there.count(name) != 0) << name << " was acknowledged and is lost";
  EXPECT_EQ(path("pod/witness", "{.status.containerStatuses[0].containerID}"), container)
      << "the witness was restarted";
  EXPECT_TRUE(eventually([&] { return path("deployment/d", "{.status.replicas}") == "2"; }));
  cluster_->must({"delete", "pods,deployments", "--all", "-n", ns_, "--timeout=50s"});
  EXPECT_TRUE(eventually([&] { return cluster_->leftovers().empty(); }))
      << ::testing::PrintToString(cluster_->leftovers());
}

}  // namespace
}  // namespace gantry::e2e
