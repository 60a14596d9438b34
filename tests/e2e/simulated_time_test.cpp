// gantryd on simulated time, moved by gantryctl: a day with leases, a rollout's deadline and a crash loop; a restart.
#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <memory>
#include <sstream>

#include "tests/e2e/process.hpp"

namespace gantry::e2e {
namespace {

namespace fs = std::filesystem;

// A daemon of its own folder and seed.
class Simulated {
 public:
  explicit Simulated(int seed) {
    char pattern[] = "/tmp/gantry-time-XXXXXX";
    dir_ = ::mkdtemp(pattern);
    std::ofstream(dir_ / "gantry.toml") << "[daemon]\nroles = [\"server\"]\ndata_dir = \"" << (dir_ / "data").string()
                                        << "\"\nrun_dir = \"" << (dir_ / "run").string()
                                        << "\"\n[api]\nlisten = [\"127.0.0.1:" << free_port() << "\"]\nkubeconfig = \""
                                        << (dir_ / "kubeconfig").string()
                                        << "\"\n[simulation]\ntime = \"manual\"\nseed = " << seed
                                        << "\n[plugin.sim]\nnodes = 10\nheartbeat_ms = 40000\n";
    start();
  }
  ~Simulated() {
    stop();
    std::error_code ignored;
    fs::remove_all(dir_, ignored);
  }
  Simulated(const Simulated&) = delete;
  Simulated& operator=(const Simulated&) = delete;

  void start() {
    daemon_ = std::make_unique<Background>(
        std::vector<std::string>{GANTRY_BIN_DIR "/gantryd", "--config", (dir_ / "gantry.toml").string()},
        (dir_ / "log").string());
    EXPECT_TRUE(eventually([&] { return kubectl({"get", "--raw", "/readyz"}).code == 0; })) << log();
  }
  void stop() {
    if (!daemon_) return;
    daemon_->signal(SIGTERM);
    EXPECT_EQ(daemon_->wait(std::chrono::seconds(30)), 0);
    daemon_.reset();
  }
  Output kubectl(std::vector<std::string> arguments, const std::string& input = {}) const {
    arguments.insert(arguments.begin(), {"kubectl", "--kubeconfig", (dir_ / "kubeconfig").string(), "--cache-dir",
                                         (dir_ / "cache").string()});
    return run(std::move(arguments), std::chrono::seconds(60), input);
  }
  std::string must(std::vector<std::string> arguments, const std::string& input = {}) const {
    const auto done = kubectl(std::move(arguments), input);
    EXPECT_EQ(done.code, 0) << done.out << done.err;
    return done.out;
  }
  Output clock(std::vector<std::string> arguments) const {
    arguments.insert(arguments.begin(),
                     {GANTRY_BIN_DIR "/gantryctl", "--config", (dir_ / "gantry.toml").string(), "clock"});
    return run(std::move(arguments), std::chrono::seconds(300));
  }
  std::string advance(const std::string& by) const {
    const auto done = clock({"advance", by, "-o", "json"});
    EXPECT_EQ(done.code, 0) << done.out << done.err << log();
    return done.out;
  }
  std::string log() const {
    std::ifstream in(dir_ / "log");
    std::stringstream text;
    text << in.rdbuf();
    return text.str();
  }

 private:
  fs::path dir_;
  std::unique_ptr<Background> daemon_;
};

constexpr const char* kWork = R"(apiVersion: apps/v1
kind: Deployment
metadata: {name: stuck}
spec:
  replicas: 3
  progressDeadlineSeconds: 600
  selector: {matchLabels: {app: stuck}}
  template:
    metadata:
      labels: {app: stuck}
      annotations: {sim.gantry.dev/ready: "false"}
    spec:
      containers: [{name: main, image: nginx}]
---
apiVersion: v1
kind: Pod
metadata:
  name: crashes
  annotations: {sim.gantry.dev/run-for: 1s, sim.gantry.dev/exit-code: "1"}
spec:
  containers: [{name: main, image: app}]
)";

TEST(SimulatedTime, ADayPassesInSeconds) {
  Simulated cluster(1);
  cluster.advance("1m");
  cluster.must({"apply", "-f", "-"}, kWork);
  cluster.advance("9m");
  const auto progressing = [&](const std::string& field) {
    return cluster.must({"get", "deployment", "stuck", "-o",
                         "jsonpath={.status.conditions[?(@.type==\"Progressing\")]." + field + "}"});
  };
  EXPECT_NE(progressing("reason"), "ProgressDeadlineExceeded");
  cluster.advance("2m");
  EXPECT_EQ(progressing("reason"), "ProgressDeadlineExceeded");
  EXPECT_EQ(progressing("lastUpdateTime").substr(0, 16), "2030-01-01T00:11");
  const auto begin = std::chrono::steady_clock::now();
  const auto state = cluster.advance("24h");
  const auto took = std::chrono::steady_clock::now() - begin;
  std::printf("a day took %.1f s: %s", std::chrono::duration<double>(took).count(), state.c_str());
  EXPECT_NE(state.find("\"now\":\"2030-01-02T00:12:00Z\""), std::string::npos) << state;
  EXPECT_NE(state.find("\"repeatable\":true"), std::string::npos) << state << cluster.log();
  EXPECT_LT(took, std::chrono::seconds(120));
  // Once at once, then after 10, 20, 40, 80, 160 and 300 s, each time after a second's run.
  const int restarts =
      std::stoi(cluster.must({"get", "pod", "crashes", "-o", "jsonpath={.status.containerStatuses[0].restartCount}"}));
  EXPECT_GE(restarts, 286);
  EXPECT_LE(restarts, 296);
  const auto renewed =
      cluster.must({"get", "lease", "-n", "kube-node-lease", "sim-0003", "-o", "jsonpath={.spec.renewTime}"});
  EXPECT_TRUE(renewed >= "2030-01-02T00:11" && renewed <= "2030-01-02T00:12:01") << renewed;
}

TEST(SimulatedTime, TheSameCommandsAreTheSameDay) {
  const auto run_once = [](int seed) {
    Simulated cluster(seed);
    cluster.advance("1m");
    cluster.must({"apply", "-f", "-"}, kWork);
    auto state = cluster.advance("3h");
    // All but what the client itself says about when and how it asked.
    return state + cluster.must({"get", "pods,replicasets,events,deployments", "-A", "-o", "json"}) +
           cluster.must({"get", "leases", "-A", "-o", "json"});
  };
  const auto first = run_once(3);
  EXPECT_TRUE(first == run_once(3));
  EXPECT_FALSE(first == run_once(4));
}

TEST(SimulatedTime, ARestartGoesOnFromWhereItWas) {
  Simulated cluster(1);
  cluster.advance("5h");
  cluster.stop();
  cluster.start();
  EXPECT_NE(cluster.clock({"-o", "json"}).out.find("\"now\":\"2030-01-01T05:00:00Z\""), std::string::npos);
  cluster.advance("1h");
  const auto renewed =
      cluster.must({"get", "lease", "-n", "kube-node-lease", "sim-0009", "-o", "jsonpath={.spec.renewTime}"});
  EXPECT_TRUE(renewed >= "2030-01-01T05:59") << renewed;
}

TEST(SimulatedTime, MistakesAreNamed) {
  Simulated cluster(1);
  EXPECT_NE(cluster.clock({"advance", "soon"}).err.find("\"soon\" is no span of time"), std::string::npos);
  EXPECT_NE(cluster.clock({"advance", "2029-01-01T00:00:00Z"}).err.find("it is later than"), std::string::npos);
  EXPECT_NE(cluster.clock({}).out.find("2030-01-01T00:00:00Z"), std::string::npos);
}

}  // namespace
}  // namespace gantry::e2e
