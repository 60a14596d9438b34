// Plugins that are not the daemon's own: one that takes too long, one that takes another's place, and files that must
// not be loaded; what kubectl and gantryctl say of them.
#include <csignal>
#include <fstream>

#include "tests/e2e/suite.hpp"

namespace gantry::e2e {
namespace {

namespace fs = std::filesystem;

class ThirdParty : public Suite {
 public:
  static void SetUpTestSuite() {
    cluster_ = std::make_unique<Cluster>();
    folder() = cluster_->own_plugins("watch = true");
    for (const char* name : {"slow", "replicaset-next"}) put(name, name);
    std::ofstream(cluster_->config(), std::ios::app)
        << "[plugin.replicaset-next]\nenabled = false\n"
        << "[plugin.slow]\nreconcile_deadline_ms = 50\nwatchdog = \"isolate\"\nwatchdog_strikes = 2\n"
        << "[plugin.misspelt]\nworkers = 3\n[plugin.shaper]\nshape = 0\n[plugin.watcher]\nwatches = 1\n";
    cluster_->start();
    cluster_->import_image();
  }
  static fs::path& folder() {
    static fs::path path;
    return path;
  }
  // A test plugin into the cluster's folder, under its plugin's name.
  static void put(const std::string& file, const std::string& name) {
    const auto beside = folder() / (name + ".new");
    fs::copy_file(fs::path(GANTRY_TEST_PLUGINS) / (file + ".so"), beside);
    fs::rename(beside, folder() / (name + ".so"));
  }

 protected:
  void wait_for(const std::string& plugin, const std::string& jsonpath, const std::string& value) const {
    cluster_->wait_value({"plugin", plugin}, jsonpath, value);
  }
  std::string field(const std::string& plugin, const std::string& jsonpath) const {
    return cluster_->must({"get", "plugin", plugin, "-o", "jsonpath=" + jsonpath});
  }
  std::string describe(const std::string& plugin) const { return cluster_->must({"describe", "plugin", plugin}); }
  Output verify(const fs::path& file) const { return cluster_->ctl({"plugin", "verify", file.string()}); }
  // The configuration of now with other keys for a plugin.
  void configure(const std::string& from, const std::string& to) const {
    std::ifstream in(cluster_->config());
    std::string text{std::istreambuf_iterator<char>(in), {}};
    const auto at = text.find(from);
    ASSERT_NE(at, std::string::npos) << text;
    std::ofstream(cluster_->config()) << text.replace(at, from.size(), to);
    ASSERT_EQ(::kill(cluster_->daemon_pid(), SIGHUP), 0);
  }
};

TEST_F(ThirdParty, AReconcileThatHangsIsDescribedAndThePluginMovesOut) {
  wait_for("slow", "{.status.state}", "Running");
  EXPECT_EQ(field("slow", "{.status.isolation}"), "None");
  k({"create", "configmap", "slow-map"});
  wait_for("slow", "{.status.isolation}", "Process");
  const auto story = describe("slow");
  EXPECT_TRUE(contains(story, "linger_until_told")) << "the place where its thread is\n" << story;
  EXPECT_TRUE(contains(story, ns_ + "/slow-map")) << story;
  // The others do their work.
  k({"apply", "-f", "-"}, deployment("beside", 1));
  rollout("deployment/beside");
  std::ofstream(cluster_->dir() / "data" / "plugins" / "slow" / "go") << "go";
  EXPECT_TRUE(eventually([&] { return contains(cluster_->daemon_log(), "did slow-map"); }));
  wait_for("slow", "{.status.state}", "Running");
}

TEST_F(ThirdParty, ASuccessorTakesTheReplicaSetsAndGivesThemBack) {
  k({"apply", "-f", "-"}, deployment("heir", 1));
  rollout("deployment/heir");
  configure("[plugin.replicaset-next]\nenabled = false\n", "[plugin.replicaset-next]\nreplaces = \"replicaset\"\n");
  wait_for("replicaset", "{.status.state}", "Replaced");
  wait_for("replicaset-next", "{.status.state}", "Running");
  EXPECT_TRUE(contains(describe("replicaset"), "replaced by replicaset-next")) << describe("replicaset");
  k({"scale", "deployment/heir", "--replicas=3"});
  rollout("deployment/heir");
  // Nobody else could have made them.
  EXPECT_EQ(path("deployment/heir", "{.status.availableReplicas}"), "3");
  EXPECT_EQ(field("replicaset", "{.status.state}"), "Replaced");
  const auto said = cluster_->ctl({"plugin", "reload", "replicaset"});
  EXPECT_EQ(said.code, 1);
  EXPECT_TRUE(contains(said.err, "replicaset-next")) << said.err;
  // As it was at first.
  configure("[plugin.replicaset-next]\nreplaces = \"replicaset\"\n", "[plugin.replicaset-next]\nenabled = false\n");
  wait_for("replicaset-next", "{.status.state}", "Disabled");
  EXPECT_EQ(cluster_->ctl({"plugin", "enable", "replicaset"}).code, 0);
  wait_for("replicaset", "{.status.state}", "Running");
  k({"scale", "deployment/heir", "--replicas=1"});
  rollout("deployment/heir");
  EXPECT_TRUE(eventually([&] { return path("deployment/heir", "{.status.replicas}") == "1"; }));
}

// The daemon tries in a process of its own what it has not loaded before.
TEST_F(ThirdParty, AFileThatEndsItsProcessIsRefusedInOneSentence) {
  const auto daemon = cluster_->daemon_pid();
  const std::pair<const char*, const char*> bad[] = {{"untried_static_throws", "killed by SIGABRT"},
                                                     {"untried_static_exits", "exited with status 3"},
                                                     {"untried_create_exits", "exited with status 4"}};
  for (const auto& [file, cause] : bad) {
    put(file, "untried");
    wait_for("untried", "{.status.state}", "Failed");
    EXPECT_TRUE(eventually([&, why = cause] { return contains(field("untried", "{.status.message}"), why); }))
        << field("untried", "{.status}");
    EXPECT_TRUE(contains(describe("untried"), "untried.so ended the process that tried it first: "));
    EXPECT_EQ(cluster_->daemon_pid(), daemon);
  }
  // One that is good comes through.
  put("untried_good", "untried");
  wait_for("untried", "{.status.state}", "Running");
}

TEST_F(ThirdParty, ATableOfAPluginThatIsNotThereIsReported) {
  EXPECT_TRUE(contains(cluster_->daemon_log(), "plugin.misspelt: there is no such plugin: no file misspelt.so in"));
}

// It ends the daemon; from then on it runs apart, until an admin says otherwise.
TEST_F(ThirdParty, APluginThatEndedTheDaemonRunsApart) {
  put("fragile", "fragile");
  wait_for("fragile", "{.status.state}", "Running");
  EXPECT_EQ(field("fragile", "{.status.isolation}"), "None");
  (void)cluster_->kubectl({"-n", ns_, "create", "configmap", "poison"});
  ASSERT_EQ(cluster_->wait_for_end(), 128 + SIGSEGV) << "it was to end the daemon";
  cluster_->start();
  wait_for("fragile", "{.status.isolation}", "Process");
  const std::string what = "it was at work (reconcile of " + ns_ + "/poison) when the daemon was killed by SIGSEGV, ";
  EXPECT_TRUE(contains(cluster_->daemon_log(), what));
  EXPECT_TRUE(contains(describe("fragile"), what)) << describe("fragile");
  const std::string trusted = "{.status.conditions[?(@.type==\"Trusted\")]";
  EXPECT_EQ(field("fragile", trusted + ".reason}"), "EndedTheDaemon");
  EXPECT_TRUE(contains(cluster_->ctl({"plugin", "list"}).out, "Process,EndedTheDaemon"));
  // The object goes on ending its process, and nobody else's.
  EXPECT_TRUE(eventually([&] { return contains(describe("fragile"), "SIGSEGV"); }));
  k({"delete", "configmap", "poison"});
  EXPECT_EQ(cluster_->ctl({"plugin", "reload", "fragile"}).code, 0);
  wait_for("fragile", "{.status.isolation}", "None");
  wait_for("fragile", trusted + ".status}", "True");
  fs::remove(folder() / "fragile.so");
}

TEST_F(ThirdParty, AWatchOfWhatIsNotServedIsNamedAndServedLater) {
  put("watcher", "watcher");
  wait_for("watcher", "{.status.state}", "Degraded");
  EXPECT_TRUE(contains(field("watcher", "{.status.message}"), "its watch of widgets.v1.demo.example.com is refused: "));
  EXPECT_EQ(cluster_->must({"get", "--raw", "/readyz"}), "ok");
  put("shaper", "shaper");
  wait_for("watcher", "{.status.state}", "Running");
  k({"create", "-f", "-"},
    "apiVersion: demo.example.com/v1\nkind: Widget\nmetadata: {name: round}\nspec: {owner: me}\n");
  EXPECT_TRUE(eventually([&] { return contains(cluster_->daemon_log(), "saw round"); }));
  // What is stored keeps its kind.
  configure("shape = 0", "shape = 2");
  EXPECT_TRUE(eventually([&] {
    return contains(field("shaper", "{.status.message}"),
                    "they lack the namespaced resource widgets.demo.example.com, of which 1 object is stored");
  })) << field("shaper", "{.status}");
  EXPECT_EQ(k({"get", "widgets", "-o", "name"}), "widget.demo.example.com/round\n");
  k({"delete", "widget", "round"});
  configure("shape = 2", "shape = 5");
  const auto said = verify(fs::path(GANTRY_TEST_PLUGINS) / "shaper.so");
  EXPECT_EQ(said.code, 1);
  EXPECT_TRUE(contains(said.err, "its kinds can not be served: ")) << said.err;
  EXPECT_TRUE(
      eventually([&] { return contains(field("shaper", "{.status.message}"), "its kinds can not be served"); }));
  configure("shape = 5", "shape = 0");
  EXPECT_EQ(verify(fs::path(GANTRY_TEST_PLUGINS) / "shaper.so").code, 0);
}

TEST_F(ThirdParty, VerifySaysWhetherAFileWouldLoadAndWhyNot) {
  const auto good = verify(folder() / "replicaset.so");
  EXPECT_EQ(good.code, 0) << good.err;
  EXPECT_TRUE(contains(good.out, "replicaset.so: ok") && contains(good.out, "gantry.controller/1")) << good.out;
  const auto text = cluster_->dir() / "text.so";
  std::ofstream(text) << "no shared object";
  const auto cut = cluster_->dir() / "replicaset.so";
  fs::copy_file(folder() / "replicaset.so", cut);
  fs::resize_file(cut, fs::file_size(cut) / 2);
  const auto evil = cluster_->dir() / "evil", link = cluster_->dir() / "namespace.so";
  fs::create_directories(evil);
  fs::permissions(evil, fs::perms::all);
  fs::copy_file(folder() / "namespace.so", evil / "namespace.so");
  fs::create_symlink(evil / "namespace.so", link);
  const auto test = [](const std::string& name) { return fs::path(GANTRY_TEST_PLUGINS) / (name + ".so"); };
  const std::pair<fs::path, const char*> bad[] = {
      {text, "is not a loadable shared object"},
      {cut, "the file is truncated"},
      {cluster_->dir() / "none.so", "none.so"},
      {link, "evil can be written by others than its owner"},
      {test("untried_static_throws"), "ends the process that loads it: killed by SIGABRT"},
      {test("untried_static_exits"), "ends the process that loads it: exited with status 3"}};
  for (const auto& [file, why] : bad) {
    const auto said = verify(file);
    EXPECT_EQ(said.code, 1) << file;
    EXPECT_TRUE(contains(said.err, why)) << said.err;
  }
}

}  // namespace
}  // namespace gantry::e2e
