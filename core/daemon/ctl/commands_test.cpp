// gantryctl against a socket that answers what the daemon would.
#include "core/daemon/ctl/commands.hpp"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <fstream>
#include <sstream>

#include "core/daemon/ctl/admin_client.hpp"
#include "core/http/server/test_server.hpp"

namespace gantry::ctl {
namespace {

namespace fs = std::filesystem;

struct CommandsTest : testing::Test {
  struct Result {
    int code;
    std::string out, err;
  };
  CommandsTest()
      : server([this](http::Request request, std::shared_ptr<http::Exchange> exchange) { serve(request, *exchange); },
               [this](http::ServerOptions& options) {
                 dir = fs::path(options.unix_socket).parent_path();
                 options.unix_socket = (dir / "gantryd.sock").string();
               }) {
    config = (dir / "gantry.toml").string();
    std::ofstream(config) << "[daemon]\nrun_dir = \"" << dir.string() << "\"\n[api]\nkubeconfig = \""
                          << (dir / "kubeconfig").string() << "\"\n";
  }
  void serve(const http::Request& request, http::Exchange& exchange) {
    asked = request.method + " " + request.path;
    if (!request.body.empty()) asked += " " + request.body;
    if (look) look(request);
    http::Response response = http::text_response(answer, code);
    response.content_type = "application/json";
    exchange.respond(std::move(response));
  }
  Result run(std::vector<std::string> words, const std::string& input = {}) {
    words.insert(words.begin(), {"--config", config});
    std::istringstream in(input);
    std::ostringstream out, err;
    const int result = ctl::run(words, in, out, err);
    return {result, out.str(), err.str()};
  }

  fs::path dir;
  std::string config, asked, answer = "{}";
  int code = 200;
  std::function<void(const http::Request&)> look;
  http::TestServer server;
};

TEST(Output, ThatIsNotWrittenIsAFailure) {
  for (const std::vector<std::string>& words :
       {std::vector<std::string>{"completion", "bash"}, {"--help"}, {"--version"}}) {
    std::istringstream in;
    std::ofstream full("/dev/full");
    std::ostringstream err;
    EXPECT_EQ(ctl::run(words, in, full, err), 1) << words.front();
    EXPECT_EQ(err.str(), "gantryctl: the output could not be written\n") << words.front();
  }
}

TEST(AdminClient, GivesUpOnADaemonThatDoesNotAnswer) {
  std::vector<std::shared_ptr<http::Exchange>> kept;
  http::TestServer server([&](http::Request, std::shared_ptr<http::Exchange> e) { kept.push_back(std::move(e)); });
  auto client = AdminClient::create(server.directory + "/api.sock", std::chrono::milliseconds(50));
  ASSERT_TRUE(client.ok());
  const auto answer = client->get("/gantry/v1/status");
  ASSERT_FALSE(answer.ok());
  EXPECT_NE(answer.error().message().find("no answer from the server in time"), std::string::npos)
      << answer.error().message();
  server.server.reset();
}

TEST_F(CommandsTest, StatusAsTableAndAsItCame) {
  answer = "{\"version\":\"1.2.3\",\"ready\":true}";
  const auto status = run({"status"});
  EXPECT_EQ(status.code, 0) << status.err;
  EXPECT_NE(status.out.find("1.2.3\n"), std::string::npos);
  EXPECT_EQ(asked, "GET /gantry/v1/status");
  EXPECT_EQ(run({"status", "-o", "json"}).out, "{\"version\":\"1.2.3\",\"ready\":true}\n");
}

TEST_F(CommandsTest, ImportsAFileByItsAbsolutePath) {
  std::ofstream(dir / "image.tar") << "archive";
  answer = "{\"names\":[\"a.local/x:1\"]}";
  const auto done = run({"image", "import", (dir / "image.tar").string()});
  EXPECT_EQ(done.code, 0) << done.err;
  EXPECT_EQ(done.out, "a.local/x:1 imported\n");
  EXPECT_EQ(asked, "POST /gantry/v1/images:import {\"path\":\"" + (dir / "image.tar").string() + "\"}");
  EXPECT_EQ(run({"image", "import", (dir / "absent").string()}).code, 1);
  EXPECT_EQ(run({"image", "import", dir.string()}).code, 1);
}

TEST_F(CommandsTest, SpoolsStandardInputAndCleansUp) {
  const std::string archive(200'000, 'x');
  std::string seen, path;
  look = [&](const http::Request& request) {
    path = request.body.substr(9, request.body.size() - 11);
    std::ifstream file(path, std::ios::binary);
    std::stringstream text;
    text << file.rdbuf();
    seen = text.str();
    struct stat facts {};
    EXPECT_EQ(::stat(path.c_str(), &facts), 0);
    EXPECT_EQ(facts.st_mode & 0777, 0600u);
  };
  code = 500;
  answer = "{\"kind\":\"Status\",\"message\":\"no space left\"}";
  const auto failed = run({"image", "import", "-"}, archive);
  EXPECT_EQ(failed.code, 1);
  EXPECT_EQ(failed.err, "gantryctl: no space left\n");
  EXPECT_EQ(seen, archive);
  EXPECT_EQ(fs::path(path).parent_path(), dir);
  EXPECT_FALSE(fs::exists(path));
}

TEST_F(CommandsTest, RemovesSeveralImagesUntilOneFails) {
  const auto done = run({"image", "rm", "a", "b"});
  EXPECT_EQ(done.out, "a removed\nb removed\n");
  EXPECT_EQ(asked, "POST /gantry/v1/images:remove {\"name\":\"b\"}");
  code = 404;
  answer = "{\"kind\":\"Status\",\"message\":\"image c not found\"}";
  const auto failed = run({"image", "rm", "c"});
  EXPECT_EQ(failed.code, 1);
  EXPECT_EQ(failed.err, "gantryctl: image c not found\n");
}

TEST_F(CommandsTest, ShowsOnePlugin) {
  answer = "{\"plugins\":[{\"name\":\"oci\",\"phase\":\"Loaded\"}]}";
  EXPECT_NE(run({"plugin", "show", "oci"}).out.find("Loaded\n"), std::string::npos);
  EXPECT_EQ(run({"plugin", "show", "oci", "-o", "json"}).out, "{\"name\":\"oci\",\"phase\":\"Loaded\"}\n");
  const auto absent = run({"plugin", "show", "none"});
  EXPECT_EQ(absent.code, 1);
  EXPECT_EQ(absent.err, "gantryctl: plugin \"none\" not found\n");
}

TEST_F(CommandsTest, SaysWhenTheDaemonDoesNotRun) {
  server.server.reset();
  const auto failed = run({"status"});
  EXPECT_EQ(failed.code, 1);
  EXPECT_EQ(failed.err.find("gantryctl: cannot reach gantryd at " + (dir / "gantryd.sock").string() + ": "), 0u);
  EXPECT_NE(failed.err.find("; is it running with this configuration?\n"), std::string::npos) << failed.err;
}

TEST_F(CommandsTest, SaysWhenTheAnswerIsNotTheDaemons) {
  answer = "<html>";
  EXPECT_EQ(run({"status"}).code, 1);
  code = 502;
  EXPECT_EQ(run({"status"}).err, "gantryctl: the daemon answered with code 502\n");
}

TEST_F(CommandsTest, KubeconfigNeedsNoDaemon) {
  server.server.reset();
  EXPECT_EQ(run({"kubeconfig"}).out, (dir / "kubeconfig").string() + "\n");
  EXPECT_EQ(run({"kubeconfig", "--raw"}).code, 1);
  std::ofstream(dir / "kubeconfig") << "kind: Config\n";
  EXPECT_EQ(run({"kubeconfig", "--raw"}).out, "kind: Config\n");
}

TEST_F(CommandsTest, MistakesOnTheLineAreCode2InTheFileCode1) {
  EXPECT_EQ(run({"eat"}).code, 2);
  EXPECT_EQ(run({"completion", "fish"}).code, 2);
  EXPECT_NE(run({"completion", "bash"}).out.find("complete -F _gantryctl gantryctl"), std::string::npos);
  EXPECT_EQ(run({"--version"}).out.find("gantryctl "), 0u);
  std::ofstream(config) << "nonsense = 1\n";
  const auto broken = run({"status"});
  EXPECT_EQ(broken.code, 1);
  EXPECT_NE(broken.err.find("gantry.toml:1:1: nonsense"), std::string::npos) << broken.err;
}

}  // namespace
}  // namespace gantry::ctl
