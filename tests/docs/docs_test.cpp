// What the documentation tells a newcomer to type, typed.
#include <cstdlib>
#include <fstream>
#include <sstream>

#include "tests/e2e/suite.hpp"

namespace gantry::e2e {
namespace {

std::string read_file(const std::string& path) {
  std::ifstream in(path);
  std::stringstream text;
  text << in.rdbuf();
  return text.str();
}

// The ```sh blocks of a page that come after a heading, in order.
std::vector<std::string> commands(const std::string& page, const std::string& heading) {
  std::vector<std::string> found;
  std::istringstream in(page);
  bool in_section = heading.empty(), in_block = false;
  std::string block;
  for (std::string line; std::getline(in, line);) {
    if (!in_block && line.rfind("## ", 0) == 0 && !heading.empty()) in_section = line == "## " + heading;
    if (in_block && line == "```") {
      found.push_back(std::move(block));
      in_block = false;
    } else if (in_block) {
      block += line + "\n";
    } else if (in_section && line == "```sh") {
      in_block = true;
      block.clear();
    }
  }
  return found;
}

// Runs blocks in one shell that stops at the first failure, against this cluster instead of the one in /etc/gantry.
Output run_blocks(const Cluster& cluster, const std::vector<std::string>& blocks) {
  std::string script = "set -euo pipefail\nexport PATH=" GANTRY_BIN_DIR ":$PATH\ncd " GANTRY_SOURCE_DIR
                       "\n"
                       "gantryctl() { command gantryctl --config " +
                       cluster.config().string() + " \"$@\"; }\n";
  for (const auto& block : blocks) script += block;
  const std::string installed = "/etc/gantry/admin.kubeconfig";
  for (size_t at; (at = script.find(installed)) != std::string::npos;) {
    script.replace(at, installed.size(), cluster.kubeconfig().string());
  }
  return run({"bash", "-x", "-c", script}, std::chrono::seconds(300));
}

class Docs : public ::testing::Test {
 protected:
  void start_with_hello(Cluster& cluster) {
    cluster.start();
    const auto archive = (cluster.dir() / "hello.tar").string();
    const auto made = run({GANTRY_SOURCE_DIR "/scripts/make-image", "gantry.local/hello:1", archive});
    ASSERT_EQ(made.code, 0) << made.err;
    ASSERT_EQ(cluster.ctl({"image", "import", archive}).code, 0);
    cluster.must({"apply", "-f", GANTRY_SOURCE_DIR "/examples/hello"});
    cluster.must({"rollout", "status", "deployment/hello", "--timeout=50s"});
  }
};

TEST_F(Docs, ReadmeWalk) {
  Cluster cluster;
  start_with_hello(cluster);
  const auto blocks = commands(read_file(GANTRY_SOURCE_DIR "/README.md"), "A first walk");
  ASSERT_GE(blocks.size(), 3u);
  const auto done = run_blocks(cluster, blocks);
  EXPECT_EQ(done.code, 0) << done.out << done.err;
}

TEST_F(Docs, FirstSteps) {
  Cluster cluster;
  start_with_hello(cluster);
  const auto blocks = commands(read_file(GANTRY_SOURCE_DIR "/docs/guides/first-steps.md"), "");
  ASSERT_GE(blocks.size(), 3u);
  const auto done = run_blocks(cluster, blocks);
  EXPECT_EQ(done.code, 0) << done.out << done.err;
}

TEST_F(Docs, TheConfigurationReferenceIsTheProgramsOwn) {
  auto printed = run({GANTRY_BIN_DIR "/gantryd", "--print-config", "--config", "/dev/null"}).out;
  const std::string bin = GANTRY_BIN_DIR;
  const std::string prefix = bin.substr(0, bin.rfind('/'));
  for (size_t at; (at = printed.find(prefix)) != std::string::npos;) printed.replace(at, prefix.size(), "/usr");
  printed = printed.substr(printed.find('\n') + 1);
  EXPECT_EQ(printed, read_file(GANTRY_SOURCE_DIR "/docs/reference/configuration.toml"))
      << "write it anew: gantryd --print-config, its first line left out, the prefix as /usr";
}

}  // namespace
}  // namespace gantry::e2e
