// A cluster without root: the daemon with simulated nodes, and the guide to testing controllers, typed line by line.
#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "tests/e2e/process.hpp"

namespace gantry::e2e {
namespace {

namespace fs = std::filesystem;

std::string read_file(const fs::path& path) {
  std::ifstream in(path);
  std::stringstream text;
  text << in.rdbuf();
  return text.str();
}

void replace_all(std::string& text, const std::string& from, const std::string& to) {
  for (size_t at = 0; (at = text.find(from, at)) != std::string::npos; at += to.size())
    text.replace(at, from.size(), to);
}

// A folder of an ordinary user's, with a copy of the build in it: the original may lie where only root can read.
class Unprivileged : public ::testing::Test {
 protected:
  void SetUp() override {
    char pattern[] = "/tmp/gantry-try-XXXXXX";
    dir_ = ::mkdtemp(pattern);
    const fs::path build = fs::path(GANTRY_BIN_DIR).parent_path(), copy = dir_ / "build/release";
    fs::create_directories(copy / "bin");
    fs::create_directories(copy / "lib/gantry/plugins");
    for (const char* program : {"gantryd", "gantryctl"}) {
      fs::copy_file(build / "bin" / program, copy / "bin" / program);
    }
    for (const auto& file : fs::directory_iterator(build / "lib/gantry/plugins")) {
      if (file.path().extension() == ".so")
        fs::copy_file(file.path(), copy / "lib/gantry/plugins" / file.path().filename());
    }
    if (::geteuid() == 0) {
      user_ = {"setpriv", "--reuid=nobody", "--regid=nogroup", "--clear-groups"};
      run({"chown", "-R", "nobody:nogroup", dir_.string()});
    }
  }
  void TearDown() override {
    if (HasFailure()) std::printf("%s%s\n", read_file(dir_ / "log").c_str(), read_file(dir_ / "try/log").c_str());
    std::error_code ignored;
    fs::remove_all(dir_, ignored);
  }
  std::vector<std::string> as_user(std::vector<std::string> command) const {
    command.insert(command.begin(), user_.begin(), user_.end());
    return command;
  }
  Output kubectl(std::vector<std::string> arguments) const {
    arguments.insert(arguments.begin(), {"kubectl", "--kubeconfig", (dir_ / "kubeconfig").string(), "--cache-dir",
                                         (dir_ / "cache").string()});
    return run(as_user(std::move(arguments)));
  }

  fs::path dir_;
  std::vector<std::string> user_;
};

TEST_F(Unprivileged, ADeploymentIsAvailableOnSimulatedNodes) {
  const auto config = dir_ / "gantry.toml";
  std::ofstream(config) << "[daemon]\nroles = [\"server\"]\ndata_dir = \"" << (dir_ / "data").string()
                        << "\"\nrun_dir = \"" << (dir_ / "run").string()
                        << "\"\n[api]\nlisten = [\"127.0.0.1:" << free_port() << "\"]\nkubeconfig = \""
                        << (dir_ / "kubeconfig").string() << "\"\n[plugin.sim]\nnodes = 100\n";
  Background daemon(as_user({(dir_ / "build/release/bin/gantryd").string(), "--config", config.string()}),
                    (dir_ / "log").string());
  ASSERT_TRUE(eventually([&] { return kubectl({"get", "--raw", "/readyz"}).code == 0; }));
  ASSERT_EQ(kubectl({"create", "deployment", "web", "--image=nginx", "--replicas=50"}).code, 0);
  const auto available = kubectl({"wait", "--for=condition=Available", "deployment/web", "--timeout=50s"});
  EXPECT_EQ(available.code, 0) << available.out << available.err;
  // Available means three quarters of them.
  EXPECT_TRUE(eventually([&] {
    return kubectl({"get", "deployment/web", "-o", "jsonpath={.status.availableReplicas}"}).out == "50";
  }));
  const auto nodes = kubectl({"get", "nodes", "-o", "jsonpath={.items[*].metadata.name}"}).out;
  EXPECT_NE(nodes.find("sim-0099"), std::string::npos) << nodes;
  daemon.signal(SIGTERM);
  EXPECT_EQ(daemon.wait(std::chrono::seconds(30)), 0);
}

// The ```sh blocks of a page, in order.
std::string commands(const std::string& page) {
  std::istringstream in(page);
  std::string script;
  bool inside = false;
  for (std::string line; std::getline(in, line);) {
    if (inside && line == "```")
      inside = false;
    else if (inside)
      script += line + "\n";
    else if (line == "```sh")
      inside = true;
  }
  return script;
}

TEST_F(Unprivileged, TheGuideToTestingControllers) {
  auto script = commands(read_file(GANTRY_SOURCE_DIR "/docs/guides/testing-controllers.md"));
  ASSERT_NE(script.find("/tmp/gantry-try/"), std::string::npos);
  replace_all(script, "/tmp/gantry-try", (dir_ / "try").string());
  replace_all(script, "16443", std::to_string(free_port()));
  // Whatever happens, no daemon stays.
  script = "set -euo pipefail\nexport HOME=" + dir_.string() + "\ncd " + dir_.string() +
           "\ntrap 'kill $(jobs -p) 2>/dev/null || true; wait' EXIT\n" + script;
  const auto done = run(as_user({"bash", "-x", "-c", script}), std::chrono::seconds(300));
  EXPECT_EQ(done.code, 0) << done.out << done.err;
  EXPECT_FALSE(fs::exists(dir_ / "try"));
}

}  // namespace
}  // namespace gantry::e2e
