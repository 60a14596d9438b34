// docs/guides/writing-a-plugin.md, typed as it is written: in a home folder of its own, at a port of its own.
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <sstream>

#include "tests/e2e/suite.hpp"

namespace gantry::e2e {
namespace {

namespace fs = std::filesystem;

std::string read_file(const fs::path& path) {
  std::ifstream in(path);
  std::stringstream text;
  text << in.rdbuf();
  return text.str();
}

// The blocks of one language, in order.
std::vector<std::string> blocks(const std::string& page, const std::string& language) {
  std::vector<std::string> found;
  const std::string open = "\n```" + language + "\n";
  for (size_t at = 0; (at = page.find(open, at)) != std::string::npos;) {
    at += open.size();
    const size_t end = page.find("\n```\n", at);
    found.push_back(page.substr(at, end + 1 - at));
    at = end;
  }
  return found;
}

void replace_all(std::string& text, const std::string& from, const std::string& to) {
  for (size_t at = 0; (at = text.find(from, at)) != std::string::npos; at += to.size())
    text.replace(at, from.size(), to);
}

TEST(Tutorial, WorksAsWritten) {
  const auto page = read_file(GANTRY_SOURCE_DIR "/docs/guides/writing-a-plugin.md");
  const auto commands = blocks(page, "sh");
  ASSERT_GE(commands.size(), 8u);
  char pattern[] = "/tmp/gantry-tutorial-XXXXXX";
  const fs::path home = ::mkdtemp(pattern);

  // A port that nobody has: the one the kernel gave a cluster that is never started.
  const Cluster unused;
  const auto config = read_file(unused.config());
  const auto at = config.find("127.0.0.1:") + 10;
  const auto port = config.substr(at, config.find('"', at) - at);

  // The daemon does not outlive the shell, wherever it stops.
  std::string script = "set -euo pipefail\nexport HOME='" + home.string() +
                       "'\nunset KUBECONFIG\n"
                       "trap 'kill $(jobs -p) 2>/dev/null || true; wait' EXIT\ncd '" GANTRY_SOURCE_DIR "'\n";
  for (const auto& block : commands) script += block;
  replace_all(script, "build/release", fs::relative(GANTRY_BUILD_DIR, GANTRY_SOURCE_DIR).string());
  replace_all(script, "cmake --install", "flock " GANTRY_BUILD_DIR "/sdk-install.lock cmake --install");
  replace_all(script, "127.0.0.1:16443", "127.0.0.1:" + port);
  const auto done = run({"bash", "-x", "-c", script}, std::chrono::seconds(500));
  EXPECT_EQ(done.code, 0) << done.out << done.err << read_file(home / "entry-counter/gantryd.log");

  // What the page shows of the project is what the project was.
  ASSERT_EQ(run({GANTRY_BIN_DIR "/gantryctl", "plugin", "new", "controller", "entry-counter", "--dir",
                 (home / "again").string()})
                .code,
            0);
  const auto source = read_file(home / "again/entry_counter.cpp");
  for (const auto& block : blocks(page, "cpp")) EXPECT_TRUE(contains(source, block)) << block;
  fs::remove_all(home);
}

}  // namespace
}  // namespace gantry::e2e
