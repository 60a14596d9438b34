// plugins.require_signature in the daemon: what is signed by the key loads, what is not or by another does not, and
// says so.
#include <fstream>

#include "tests/e2e/suite.hpp"

namespace gantry::e2e {
namespace {

namespace fs = std::filesystem;

class Signatures : public ::testing::TestWithParam<const char*> {
 protected:
  void SetUp() override {
    folder_ = cluster_.own_plugins("require_signature = true\npublic_key = \"" + key("key-public") + "\"");
    make_key("key");
    make_key("other");
  }
  static Output openssl(std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), "openssl");
    return run(arguments);
  }
  bool rsa() const { return std::string(GetParam()) == "RSA"; }
  std::string key(const std::string& name) const { return (cluster_.dir() / (name + ".pem")).string(); }
  void make_key(const std::string& name) const {
    ASSERT_EQ(openssl({"genpkey", "-algorithm", GetParam(), "-out", key(name)}).code, 0);
    ASSERT_EQ(openssl({"pkey", "-in", key(name), "-pubout", "-out", key(name + "-public")}).code, 0);
  }
  // As the documentation says it is done.
  void sign(const fs::path& file, const std::string& by) const {
    const auto out = file.string() + ".sig";
    const auto made =
        rsa() ? openssl({"dgst", "-sha256", "-sign", key(by), "-out", out, file.string()})
              : openssl({"pkeyutl", "-sign", "-rawin", "-inkey", key(by), "-in", file.string(), "-out", out});
    ASSERT_EQ(made.code, 0) << made.err;
  }
  std::string field(const std::string& plugin, const std::string& jsonpath) const {
    return cluster_.must({"get", "plugin", plugin, "-o", "jsonpath=" + jsonpath});
  }
  void wait_for(const std::string& plugin, const std::string& state) const {
    cluster_.wait_value({"plugin", plugin}, "{.status.state}", state);
  }

  Cluster cluster_;
  fs::path folder_;
};

TEST_P(Signatures, DecideWhatLoads) {
  for (const auto& file : fs::directory_iterator(folder_)) {
    if (file.path().stem() != "namespace") sign(file.path(), "key");
  }
  sign(folder_ / "garbage-collector.so", "other");
  cluster_.start();
  wait_for("replicaset", "Running");
  wait_for("namespace", "Failed");
  EXPECT_TRUE(contains(field("namespace", "{.status.message}"), "has no signature")) << field("namespace", "{.status}");
  wait_for("garbage-collector", "Failed");
  EXPECT_TRUE(contains(field("garbage-collector", "{.status.message}"), "is not a signature of"));
  // Signed now, it loads; one whose file changed after it was signed is not reloaded, and goes on.
  sign(folder_ / "namespace.so", "key");
  EXPECT_EQ(cluster_.ctl({"plugin", "reload", "namespace"}).code, 0);
  wait_for("namespace", "Running");
  std::ofstream(folder_ / "replicaset.so", std::ios::app | std::ios::binary) << "more";
  const auto refused = cluster_.ctl({"plugin", "reload", "replicaset"});
  EXPECT_EQ(refused.code, 1);
  EXPECT_TRUE(contains(refused.err, "is not a signature of")) << refused.err;
  EXPECT_EQ(field("replicaset", "{.status.state}"), "Running");
}

INSTANTIATE_TEST_SUITE_P(OfKeys, Signatures, ::testing::Values("ED25519", "RSA"),
                         [](const auto& given) { return std::string(given.param); });

}  // namespace
}  // namespace gantry::e2e
