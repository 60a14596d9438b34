// The daemon as a program: its options, mistakes in its configuration, a second one, a clean stop.
#include <sys/stat.h>

#include <fstream>

#include "tests/e2e/suite.hpp"

namespace gantry::e2e {
namespace {

const std::string kDaemon = GANTRY_BIN_DIR "/gantryd";

TEST(DaemonProgram, Options) {
  EXPECT_TRUE(contains(run({kDaemon, "--version"}).out, "gantryd "));
  EXPECT_TRUE(contains(run({kDaemon, "--help"}).out, "--config"));
  EXPECT_TRUE(contains(run({kDaemon, "--print-config"}).out, "data_dir"));
  EXPECT_EQ(run({kDaemon, "--nothing"}).code, 2);
  EXPECT_EQ(run({"/bin/sh", "-c", kDaemon + " --print-config > /dev/full"}).code, 1);
}

TEST(DaemonProgram, MistakesHaveAPlace) {
  Cluster cluster;
  std::ofstream(cluster.config()) << "[api]\nlisten = 5\n[daemon]\nrolls = []\n";
  const auto checked = run({kDaemon, "--check-config", "--config", cluster.config().string()});
  EXPECT_EQ(checked.code, 1);
  EXPECT_TRUE(contains(checked.err, "gantry.toml:2:10: api.listen: expected")) << checked.err;
  EXPECT_TRUE(contains(checked.err, "gantry.toml:4:1: daemon.rolls: unknown key")) << checked.err;
}

// What is checked is what a start refuses.
TEST(DaemonProgram, WhatTheCheckRefusesDoesNotStart) {
  Cluster cluster;
  for (const std::string text :
       {"[network]\npod_cidr = \"fd00::/129\"\n", "[api]\ntoken_file = \"/nowhere/tokens\"\n"}) {
    std::ofstream(cluster.config()) << text;
    const auto checked = run({kDaemon, "--check-config", "--config", cluster.config().string()});
    const auto started = run({kDaemon, "--config", cluster.config().string()});
    EXPECT_EQ(checked.code, 1) << text;
    EXPECT_EQ(started.code, 1) << text;
    EXPECT_TRUE(contains(checked.err, "gantry.toml:2:")) << checked.err;
    EXPECT_EQ(checked.err, started.err);
  }
}

TEST(DaemonProgram, TablesOfPluginsThatAreNotThereAreMistakes) {
  Cluster cluster;
  const auto check = [&] { return run({kDaemon, "--check-config", "--config", cluster.config().string()}); };
  EXPECT_EQ(check().code, 0) << check().err;
  std::ofstream(cluster.config()) << "[plugin.deploymnt]\nworkers = 5\n[plugin.sim]\nreplaces = \"ocy\"\n";
  EXPECT_EQ(check().code, 1);
  const auto said = check().err;
  EXPECT_TRUE(contains(said,
                       "gantry.toml:1:1: plugin.deploymnt: there is no such plugin: no file deploymnt.so in "
                       "plugins.dirs\n"))
      << said;
  EXPECT_TRUE(contains(said, "gantry.toml:3:1: plugin.sim.replaces: there is no plugin \"ocy\": ")) << said;
  std::ofstream(cluster.config()) << "[plugins]\ndirs = \"/nowhere\"\n[plugin.oci]\n";
  EXPECT_TRUE(contains(check().err, "plugins.dirs: /nowhere: No such file or directory\n")) << check().err;
}

TEST(DaemonProgram, PrintedConfigurationIsTheSame) {
  Cluster cluster;
  const auto printed = run({kDaemon, "--print-config", "--config", cluster.config().string()});
  const auto copy = cluster.dir() / "copy.toml";
  std::ofstream(copy) << printed.out;
  auto again = run({kDaemon, "--print-config", "--config", copy.string()}).out;
  EXPECT_EQ(again.substr(again.find('\n')), printed.out.substr(printed.out.find('\n')));
}

TEST(DaemonProgram, ASecondOnTheSameDataIsRefused) {
  Cluster cluster;
  cluster.start();
  const auto second = run({kDaemon, "--config", cluster.config().string()}, std::chrono::seconds(20));
  EXPECT_EQ(second.code, 1);
  EXPECT_TRUE(contains(second.err, std::to_string(cluster.daemon_pid()))) << second.err;
  EXPECT_TRUE(contains(cluster.must({"get", "--raw", "/readyz"}), "ok")) << "the first goes on";
  cluster.stop();
}

TEST(DaemonProgram, ASecondInTheSameRunDirIsRefused) {
  Cluster cluster;
  cluster.start();
  const auto other = cluster.dir() / "other.toml";
  std::ofstream(other) << "[daemon]\nroles = [\"server\"]\ndata_dir = \"" << (cluster.dir() / "other").string()
                       << "\"\nrun_dir = \"" << (cluster.dir() / "run").string()
                       << "\"\n[api]\nlisten = [\"127.0.0.1:" << free_port() << "\"]\nkubeconfig = \""
                       << (cluster.dir() / "other-kubeconfig").string() << "\"\n";
  const auto second = run({kDaemon, "--config", other.string()}, std::chrono::seconds(20));
  EXPECT_EQ(second.code, 1);
  EXPECT_TRUE(contains(second.err, "in use by process " + std::to_string(cluster.daemon_pid()))) << second.err;
  EXPECT_TRUE(contains(second.err, "run_dir")) << second.err;
  EXPECT_TRUE(contains(cluster.ctl({"status"}).out, cluster.dir().string())) << "the first is who answers";
  cluster.stop();
}

TEST(DaemonProgram, FoldersThatOthersMayWriteAreRefused) {
  Cluster cluster;
  const auto config = cluster.config().string();
  for (const char* name : {"run", "data"}) {
    const auto folder = cluster.dir() / name;
    std::filesystem::create_directory(folder);
    std::filesystem::permissions(folder, std::filesystem::perms::all);
    const auto refused = run({kDaemon, "--config", config}, std::chrono::seconds(20));
    EXPECT_EQ(refused.code, 1);
    EXPECT_TRUE(contains(refused.err, "chmod go-w " + folder.string())) << refused.err;
    EXPECT_FALSE(std::filesystem::exists(cluster.dir() / "data" / "store.db"));
    std::filesystem::permissions(folder, std::filesystem::perms::owner_all);
  }
}

TEST(DaemonProgram, ALostStoreIsNoNewOne) {
  Cluster cluster;
  cluster.start();
  cluster.kill_daemon();
  const auto store = cluster.dir() / "data" / "store.db";
  std::filesystem::rename(store, cluster.dir() / "store.db");
  std::filesystem::rename(store.string() + ".lock", cluster.dir() / "store.db.lock");
  const auto start = [&] { return run({kDaemon, "--config", cluster.config().string()}, std::chrono::seconds(20)); };
  auto refused = start();
  EXPECT_EQ(refused.code, 1);
  EXPECT_TRUE(contains(refused.err, store.string() + " is missing")) << refused.err;
  EXPECT_FALSE(std::filesystem::exists(store));
  std::filesystem::rename(cluster.dir() / "store.db", store);
  refused = start();
  EXPECT_EQ(refused.code, 1);
  EXPECT_TRUE(contains(refused.err, store.string() + ".lock, which holds the last revision")) << refused.err;
  std::filesystem::rename(cluster.dir() / "store.db.lock", store.string() + ".lock");
  cluster.start();
  cluster.stop();
}

TEST(DaemonProgram, FilesThatAreNotWhatTheyWereAreNamed) {
  Cluster cluster;
  const auto config = cluster.dir() / "other.toml", data = cluster.dir() / "other", range = data / "cluster-cidr";
  std::ofstream(config) << "[daemon]\nroles = [\"server\"]\ndata_dir = \"" << data.string() << "\"\nrun_dir = \""
                        << (cluster.dir() / "other-run").string() << "\"\n[api]\nlisten = [\"127.0.0.1:" << free_port()
                        << "\"]\nkubeconfig = \"" << (cluster.dir() / "other-kubeconfig").string() << "\"\n";
  const auto start = [&] { return run({kDaemon, "--config", config.string()}, std::chrono::seconds(20)); };
  std::filesystem::create_directory(data);
  std::filesystem::permissions(data, std::filesystem::perms::owner_all);
  for (const char* garbage : {"", "\xff\x1b[31m\n", "10.244.0.0/99\n"}) {
    std::ofstream(range) << garbage;
    const auto refused = start();
    EXPECT_EQ(refused.code, 1);
    EXPECT_TRUE(contains(refused.err, range.string() + ": ")) << refused.err;
    EXPECT_TRUE(contains(refused.err, "is no range of addresses")) << refused.err;
  }
  std::filesystem::remove(range);
  ASSERT_EQ(::mkfifo(range.c_str(), 0600), 0);
  EXPECT_TRUE(contains(start().err, range.string() + ": is not a regular file"));
}

TEST(DaemonProgram, ABrokenPluginIsALineAndAState) {
  Cluster cluster;
  const auto dir = cluster.dir() / "plugins";
  std::filesystem::create_directories(dir);
  std::ofstream(dir / "broken.so") << "no shared object";
  std::ofstream(cluster.config(), std::ios::app)
      << "[plugins]\ndirs = [\"" << dir.string() << "\", \"" GANTRY_BIN_DIR "/../lib/gantry/plugins\"]\n";
  cluster.start();
  const auto list = cluster.ctl({"plugin", "list"});
  EXPECT_TRUE(contains(list.out, "broken") && contains(list.out, "Failed")) << list.out << list.err;
  EXPECT_TRUE(contains(list.out, "deployment"));
  cluster.stop();
  std::ofstream(cluster.config(), std::ios::app) << "[plugin.broken]\nrequired = true\n";
  const auto refused = run({kDaemon, "--config", cluster.config().string()}, std::chrono::seconds(20));
  EXPECT_EQ(refused.code, 1);
  EXPECT_TRUE(contains(refused.err, "required plugin broken")) << refused.err;
}

TEST(DaemonProgram, TwoSideBySide) {
  Cluster one, two;
  one.start();
  two.start();
  one.must({"create", "configmap", "only-in-one"});
  EXPECT_EQ(two.kubectl({"get", "configmap", "only-in-one"}).code, 1);
}

TEST(DaemonProgram, StrangersAreKeptOut) {
  Cluster cluster;
  cluster.start();
  const auto server = cluster.must({"config", "view", "-o", "jsonpath={.clusters[0].cluster.server}"});
  EXPECT_EQ(run({"curl", "-sk", server + "/readyz"}).out, "ok");
  EXPECT_TRUE(contains(run({"curl", "-sk", server + "/version"}).out, "gitVersion"));
  EXPECT_TRUE(contains(run({"curl", "-sk", server + "/api/v1/pods"}).out, "\"code\":401")) << "anonymous";
  EXPECT_TRUE(
      contains(run({"curl", "-sk", "-H", "Authorization: Bearer x", server + "/api/v1/pods"}).out, "\"code\":401"));
}

}  // namespace
}  // namespace gantry::e2e
