// A machine without the server role: its plugins have the API, Events, caches and watches over HTTPS.
#include <gtest/gtest.h>
#include <signal.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>

#include "tests/e2e/process.hpp"

namespace gantry::e2e {
namespace {

namespace fs = std::filesystem;

// A server that runs no pods, and a node whose network and whose lookout are plugins of test_plugins.
class AgentServices : public testing::Test {
 protected:
  void SetUp() override {
    char pattern[] = "/tmp/gantry-agent-XXXXXX";
    dir_ = ::mkdtemp(pattern);
    fs::create_directories(dir_ / "none");
    fs::create_directories(dir_ / "plugins");
    for (const char* name : {"errand", "lookout"}) put(fs::path(GANTRY_TEST_PLUGINS) / (std::string(name) + ".so"));
    put(fs::path(GANTRY_BIN_DIR).parent_path() / "lib/gantry/plugins/sim.so");
    configure("server", "[api]\nlisten = [\"127.0.0.1:" + std::to_string(free_port()) + "\"]\nkubeconfig = \"" +
                            kubeconfig().string() + "\"\n[plugins]\ndirs = [\"" + (dir_ / "none").string() + "\"]\n");
    configure("agent", "[node]\nname = \"agent-1\"\nkubeconfig = \"" + kubeconfig().string() +
                           "\"\n[runtime]\nplugin = \"sim\"\n[network]\nplugin = \"errand\"\n[plugins]\ndirs = [\"" +
                           (dir_ / "plugins").string() + "\"]\n[plugin.lookout]\nisolation = \"process\"\n");
    server_ = start("server");
    ASSERT_TRUE(eventually([&] { return kubectl({"get", "--raw", "/readyz"}).code == 0; })) << log_of("server");
    ASSERT_EQ(kubectl({"create", "namespace", "ns"}).code, 0);
    agent_ = start("agent");
  }
  void TearDown() override {
    agent_.reset();
    server_.reset();
    if (HasFailure()) std::printf("%s\n%s\n", log_of("server").c_str(), log_of("agent").c_str());
    std::error_code ignored;
    fs::remove_all(dir_, ignored);
  }
  fs::path kubeconfig() const { return dir_ / "kubeconfig"; }
  void put(const fs::path& plugin) const { fs::copy_file(plugin, dir_ / "plugins" / plugin.filename()); }
  void configure(const std::string& role, const std::string& more) const {
    std::ofstream(dir_ / (role + ".toml"))
        << "[daemon]\nroles = [\"" << role << "\"]\ndata_dir = \"" << (dir_ / role / "data").string()
        << "\"\nrun_dir = \"" << (dir_ / role / "run").string() << "\"\n"
        << more;
  }
  std::unique_ptr<Background> start(const std::string& role) const {
    fs::create_directories(dir_ / role);
    return std::make_unique<Background>(
        std::vector<std::string>{GANTRY_BIN_DIR "/gantryd", "--config", (dir_ / (role + ".toml")).string()},
        (dir_ / (role + ".log")).string());
  }
  std::string log_of(const std::string& role) const {
    std::ifstream in(dir_ / (role + ".log"));
    return {std::istreambuf_iterator<char>(in), {}};
  }
  bool logged(const std::string& text) const {
    return eventually([&] { return log_of("agent").find(text) != std::string::npos; });
  }
  Output kubectl(std::vector<std::string> arguments) const {
    arguments.insert(arguments.begin(), {"kubectl", "--kubeconfig", kubeconfig().string(), "--cache-dir",
                                         (dir_ / "cache").string(), "-n", "ns"});
    return run(arguments);
  }

  fs::path dir_;
  std::unique_ptr<Background> server_, agent_;
};

TEST_F(AgentServices, PluginsHaveTheApiAndWatchIt) {
  // The network, in the daemon, makes a config map and says so in an Event.
  EXPECT_TRUE(eventually([&] { return kubectl({"get", "configmap", "agent-1"}).code == 0; }));
  EXPECT_TRUE(eventually([&] {
    return kubectl({"get", "events", "-o", "jsonpath={.items[*].source}"}).out.find("errand") != std::string::npos;
  }));
  EXPECT_NE(kubectl({"get", "events", "-o", "jsonpath={.items[*].source}"}).out.find("agent-1"), std::string::npos);
  // The lookout, in a process of its own, is told, and has the caches.
  EXPECT_TRUE(logged("ADDED agent-1"));
  ASSERT_EQ(kubectl({"create", "configmap", "eye", "--from-literal=do=look"}).code, 0);
  EXPECT_TRUE(logged("ADDED eye to look"));
  const auto uid = kubectl({"get", "configmap", "eye", "-o", "jsonpath={.metadata.uid}"}).out;
  EXPECT_TRUE(logged("sees " + uid + ", 0 secrets, "));
  // A server that goes and comes back costs nothing but time.
  server_->signal(SIGTERM);
  EXPECT_EQ(server_->wait(std::chrono::seconds(30)), 0);
  server_ = start("server");
  ASSERT_TRUE(eventually([&] { return kubectl({"delete", "configmap", "eye"}).code == 0; }));
  EXPECT_TRUE(logged("DELETED eye"));
  // One that hangs does not hold up the end.
  server_->signal(SIGSTOP);
  agent_->signal(SIGTERM);
  EXPECT_EQ(agent_->wait(std::chrono::seconds(30)), 0) << log_of("agent");
  server_->signal(SIGCONT);
}

}  // namespace
}  // namespace gantry::e2e
