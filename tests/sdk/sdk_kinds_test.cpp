// A plugin with a kind of its own, as a third party makes it: built outside of this tree, loaded by a daemon, and its
// kind used through kubectl like a built-in one.
#include "tests/sdk/installed_sdk.hpp"

namespace gantry::e2e {
namespace {

constexpr const char* kShop = R"(apiVersion: demo.gantry.dev/v1
kind: Website
metadata: {name: shop, labels: {tier: front}}
spec:
  title: The shop
  pages: {index: Welcome, about: About us}
)";

void replace(std::string& text, const std::string& from, const std::string& to) {
  const auto at = text.find(from);
  ASSERT_NE(at, std::string::npos) << from;
  text.replace(at, from.size(), to);
}

void change_file(const fs::path& path, const std::string& from, const std::string& to) {
  auto text = read_file(path);
  replace(text, from, to);
  std::ofstream(path) << text;
}

class PluginKinds : public SdkInstall {
 public:
  static void SetUpTestSuite() {
    SdkInstall::SetUpTestSuite();
    build(copy_of("website"), "website");
    fs::copy_file(plugins() / "website.so", root_ / "website-1.so");
    for (const char* own : {"garbage-collector.so", "namespace.so"}) {
      fs::copy_file(GANTRY_BIN_DIR "/../lib/gantry/plugins/" + std::string(own), plugins() / own);
    }
    cluster_ = std::make_unique<Cluster>();
    configure(*cluster_, "");
    cluster_->start_daemon();
    ASSERT_TRUE(answers(*cluster_)) << cluster_->daemon_log();
  }
  static void TearDownTestSuite() {
    cluster_.reset();
    SdkInstall::TearDownTestSuite();
  }

 protected:
  void SetUp() override {
    ASSERT_TRUE(cluster_ && cluster_->daemon_pid() > 0);
    ns_ = "test-" + std::to_string(++count_);
    cluster_->must({"create", "namespace", ns_});
  }
  void TearDown() override { cluster_->kubectl({"delete", "namespace", ns_, "--wait=false"}); }

  // The API and controllers, no containers, and the plugins of this test alone.
  static void configure(const Cluster& cluster, const std::string& more) {
    auto config = read_file(cluster.config());
    replace(config, "[daemon]\n", "[daemon]\nroles = [\"server\"]\n");
    std::ofstream(cluster.config()) << config << "[plugins]\ndirs = [\"" << plugins().string() << "\"]\n" << more;
  }
  static bool answers(const Cluster& cluster) {
    return eventually([&] { return cluster.kubectl({"get", "namespace", "default"}).code == 0; });
  }
  Output try_k(std::vector<std::string> arguments, const std::string& input = {}) const {
    arguments.insert(arguments.begin(), {"-n", ns_});
    return cluster_->kubectl(std::move(arguments), input);
  }
  std::string k(std::vector<std::string> arguments, const std::string& input = {}) const {
    const auto done = try_k(arguments, input);
    EXPECT_EQ(done.code, 0) << done.out << done.err;
    return done.out;
  }
  std::string path(const std::string& object, const std::string& jsonpath) const {
    return try_k({"get", object, "-o", "jsonpath=" + jsonpath}).out;
  }
  // The published first page.
  std::string front() const { return path("configmap/shop-pages", "{.data.index\\.html}"); }
  static Output reload() { return cluster_->ctl({"plugin", "reload", "website"}); }
  static void install(const fs::path& file) {
    fs::copy_file(file, plugins() / "website.so", fs::copy_options::overwrite_existing);
  }

  static inline std::unique_ptr<Cluster> cluster_;
  static inline int count_ = 0;
  std::string ns_;
};

TEST_F(PluginKinds, IsFoundAndExplained) {
  const auto resources = k({"api-resources", "--api-group=demo.gantry.dev"});
  EXPECT_TRUE(contains(resources, "websites   web          demo.gantry.dev/v1   true         Website")) << resources;
  const auto spec = k({"explain", "website.spec"});
  EXPECT_TRUE(contains(spec, "What a website shall be.")) << spec;
  EXPECT_TRUE(contains(spec, "title") && contains(spec, "-required-")) << spec;
  const auto theme = k({"explain", "web.spec.theme"});
  EXPECT_TRUE(contains(theme, "Which colours the pages have.") && contains(theme, "dark")) << theme;
}

TEST_F(PluginKinds, IsCreatedPrintedAndActedOn) {
  EXPECT_EQ(k({"create", "-f", "-"}, kShop), "website.demo.gantry.dev/shop created\n");
  k({"wait", "--for=condition=Ready", "website/shop", "--timeout=30s"});
  EXPECT_TRUE(contains(front(), "<h1>The shop</h1>"));
  const auto table = k({"get", "web"});
  EXPECT_TRUE(contains(table, "NAME   TITLE      THEME   PAGES   STATE       READY   AGE")) << table;
  EXPECT_TRUE(contains(table, "shop   The shop   light   2       Published   True")) << table;
  const auto wide = k({"get", "websites", "-o", "wide"});
  EXPECT_TRUE(contains(wide, "CONFIG-MAP   PUBLISHED") && contains(wide, "shop-pages")) << wide;
  const auto yaml = k({"get", "website", "shop", "-o", "yaml"});
  EXPECT_TRUE(contains(yaml, "  theme: light\n  title: The shop\n  width: 80\n")) << yaml;
  EXPECT_TRUE(contains(yaml, "observedGeneration: 1")) << yaml;
  const auto described = k({"describe", "website", "shop"});
  EXPECT_TRUE(contains(described, "API Version:  demo.gantry.dev/v1")) << described;
  EXPECT_TRUE(contains(described, "Put the pages into shop-pages")) << described;
  EXPECT_TRUE(contains(k({"get", "all"}), "website.demo.gantry.dev/shop"));
  EXPECT_TRUE(contains(k({"get", "web", "-l", "tier=front"}), "shop"));
  EXPECT_EQ(k({"get", "web", "--field-selector", "spec.theme=dark", "-o", "name"}), "");
}

TEST_F(PluginKinds, RulesSpeakInTheirOwnWords) {
  // Old kubectls check against the schema that they were served, and never ask the server.
  const auto wrong = try_k({"create", "--validate=false", "-f", "-"}, R"(apiVersion: demo.gantry.dev/v1
kind: Website
metadata: {name: wrong}
spec: {theme: pink, width: 7, host: No_Host}
)");
  EXPECT_NE(wrong.code, 0);
  EXPECT_TRUE(contains(wrong.err, "The Website \"wrong\" is invalid")) << wrong.err;
  EXPECT_TRUE(contains(wrong.err, "spec.title: Required value")) << wrong.err;
  EXPECT_TRUE(contains(wrong.err, "spec.theme: Unsupported value: \"pink\": supported values: \"light\", \"dark\""))
      << wrong.err;
  EXPECT_TRUE(contains(wrong.err, "spec.width: Invalid value: 7: must be between 20 and 200")) << wrong.err;
  const auto unknown = try_k({"create", "-f", "-"}, R"(apiVersion: demo.gantry.dev/v1
kind: Website
metadata: {name: wrong}
spec: {title: T, colour: red}
)");
  EXPECT_NE(unknown.code, 0);
  EXPECT_TRUE(contains(unknown.err, "unknown field \"spec.colour\"") ||
              contains(unknown.err, "ValidationError(Website.spec): unknown field \"colour\""))
      << unknown.err;
  k({"create", "-f", "-"}, kShop);
  const auto path = try_k({"patch", "website", "shop", "--type=merge", "-p", R"({"spec":{"host":"a.example.com"}})"});
  EXPECT_NE(path.code, 0);
  EXPECT_TRUE(contains(path.err, "field is immutable")) << path.err;
}

TEST_F(PluginKinds, ChangesAreWatchedAndFollowed) {
  k({"create", "-f", "-"}, kShop);
  const auto seen = root_ / "watch.txt";
  const Background watch({"kubectl", "--kubeconfig", cluster_->kubeconfig().string(), "-n", ns_, "get", "web", "-w"},
                         seen.string());
  ASSERT_TRUE(eventually([&] { return contains(read_file(seen), "Published"); })) << read_file(seen);
  k({"patch", "website", "shop", "--type=merge", "-p", R"({"spec":{"theme":"dark","pages":{"about":null}}})"});
  EXPECT_TRUE(eventually([&] { return contains(read_file(seen), "shop   The shop   dark    1       Published"); }))
      << read_file(seen);
  EXPECT_EQ(path("website/shop", "{.metadata.generation}"), "2");
  EXPECT_TRUE(eventually([&] { return contains(front(), "class=\"dark\""); }));
  // Somebody takes the pages away.
  k({"delete", "configmap", "shop-pages"});
  EXPECT_TRUE(eventually([&] { return try_k({"get", "configmap", "shop-pages"}).code == 0; }));
}

// The garbage collector and the namespace controller know the kind, though it came after them.
TEST_F(PluginKinds, GoesWithWhatItOwnsAndWithItsNamespace) {
  k({"create", "-f", "-"}, kShop);
  ASSERT_TRUE(eventually([&] { return try_k({"get", "configmap", "shop-pages"}).code == 0; }));
  EXPECT_EQ(k({"delete", "website", "shop"}), "website.demo.gantry.dev \"shop\" deleted\n");
  EXPECT_TRUE(eventually([&] { return try_k({"get", "configmap", "shop-pages"}).code != 0; }));
  k({"create", "-f", "-"}, kShop);
  const auto gone = cluster_->kubectl({"delete", "namespace", ns_, "--timeout=30s"});
  EXPECT_EQ(gone.code, 0) << gone.err;
}

TEST_F(PluginKinds, AReloadBringsANewField) {
  k({"create", "-f", "-"}, kShop);
  const auto dir = root_ / "website";
  change_file(dir / "website.proto", "  // The host name",
              "  // In which language the pages are.\n"
              "  optional string language = 6 [(gantry.schema.field) = { default_json: \"\\\"en\\\"\" }];\n"
              "  // The host name");
  change_file(dir / "website.cpp", "<!doctype html>\\n", "<!doctype html>\\n<html lang=\" + spec.language() + \">\\n");
  change_file(dir / "website.cpp", "\"1.0.0\"", "\"1.1.0\"");
  build_plugin(dir, "website");
  ASSERT_FALSE(HasFatalFailure());
  EXPECT_FALSE(contains(k({"explain", "website.spec"}), "language"));
  const auto done = reload();
  ASSERT_EQ(done.code, 0) << done.err << cluster_->daemon_log();
  const auto explained = try_k({"explain", "website.spec.language"});
  EXPECT_TRUE(contains(explained.out, "In which language the pages are.")) << explained.out << explained.err;
  EXPECT_TRUE(contains(k({"get", "web"}), "The shop"));
  k({"patch", "website", "shop", "--type=merge", "-p", R"({"spec":{"language":"fr"}})"});
  EXPECT_TRUE(eventually([&] { return contains(front(), "lang=fr"); })) << front();
  EXPECT_TRUE(contains(cluster_->must({"get", "plugins", "website"}), "1.1.0"));
}

TEST_F(PluginKinds, AReloadThatCanNotBeServedChangesNothing) {
  k({"create", "-f", "-"}, kShop);
  const auto dir = copy_of("website");
  change_file(dir / "website.proto", "group: \"demo.gantry.dev\"", "group: \"apps\"");
  build_plugin(dir, "website");
  ASSERT_FALSE(HasFatalFailure());
  const auto refused = reload();
  EXPECT_NE(refused.code, 0);
  const std::string why = "its kinds can not be served: kind Website has the group \"apps\"";
  EXPECT_TRUE(contains(refused.err, why)) << refused.err;
  EXPECT_TRUE(contains(cluster_->must({"get", "plugin", "website", "-o", "jsonpath={.status.state} {.status.message}"}),
                       "Running " + why));
  EXPECT_EQ(path("website/shop", "{.spec.title}"), "The shop");
  k({"patch", "website", "shop", "--type=merge", "-p", R"({"spec":{"title":"New"}})"});
  EXPECT_TRUE(eventually([&] { return contains(front(), "<h1>New</h1>"); }));
  install(root_ / "website-1.so");
  EXPECT_EQ(reload().code, 0) << cluster_->daemon_log();
}

TEST_F(PluginKinds, KindsStayWhenThePluginIsSwitchedOff) {
  cluster_->must({"patch", "plugin", "website", "--type=merge", "-p", R"({"spec":{"enabled":false}})"});
  ASSERT_TRUE(eventually([&] {
    return cluster_->must({"get", "plugin", "website", "-o", "jsonpath={.status.state}"}) == "Disabled";
  }));
  k({"create", "-f", "-"}, kShop);
  EXPECT_TRUE(contains(k({"get", "web"}), "The shop   light"));
  cluster_->must({"patch", "plugin", "website", "--type=merge", "-p", R"({"spec":{"enabled":true}})"});
  EXPECT_TRUE(eventually([&] { return path("website/shop", "{.status.state}") == "Published"; }));
}

constexpr const char* kPlainC = R"(#include "plain.kinds.h"
#include "gantry/abi/draft/kinds.h"
#include "gantry/abi/plugin.h"

static gantry_slice descriptor_set(void* instance) {
  (void)instance;
  return (gantry_slice){gantry_kinds_of_plain, sizeof gantry_kinds_of_plain};
}
static const gantry_kinds kinds = {sizeof(gantry_kinds), &descriptor_set};
static const void* get_interface(void* instance, const char* id) {
  (void)instance;
  (void)id;
  return &kinds;
}
static gantry_code create(const gantry_host* host, void** instance, gantry_buffer* error) {
  (void)error;
  *instance = (void*)host;
  return 0;
}
static void destroy(void* instance) { (void)instance; }
static const char* const ids[] = {GANTRY_KINDS_ID, 0};
static const gantry_plugin_descriptor described = {
    sizeof(gantry_plugin_descriptor), "plain", "1.0.0", "me", "A kind without a controller", ids};
__attribute__((visibility("default"))) const gantry_plugin_api gantry_plugin = {
    sizeof(gantry_plugin_api), GANTRY_ABI_MAJOR, GANTRY_ABI_MINOR, &described, create, destroy, get_interface};
)";

// Without a controller, too; and whose names are taken does not get in.
TEST_F(PluginKinds, InPlainC) {
  const auto dir = root_ / "plain";
  fs::create_directories(dir);
  fs::copy_file(sdk() / "share/gantry/examples/website/website.proto", dir / "plain.proto");
  std::ofstream(dir / "plain.c") << kPlainC;
  std::ofstream(dir / "CMakeLists.txt") << "cmake_minimum_required(VERSION 3.25)\nproject(plain LANGUAGES C)\n"
                                           "find_package(Gantry REQUIRED)\n"
                                           "gantry_add_plugin(plain SOURCES plain.c PROTOS plain.proto)\n";
  build(dir, "plain");
  ASSERT_FALSE(HasFatalFailure());
  const auto refused = cluster_->ctl({"plugin", "reload", "plain"});
  EXPECT_NE(refused.code, 0);
  EXPECT_TRUE(contains(refused.err,
                       "kind Website has the plural \"websites\", which is taken by "
                       "websites.demo.gantry.dev"))
      << refused.err;
  shell(dir,
        "sed -i 's/Website/Shelf/g; s/websites/shelves/; s/\"web\"/\"sh\"/; s/package demo.v1/package plain.v1/' "
        "plain.proto");
  build(dir, "plain");
  const auto loaded = cluster_->ctl({"plugin", "reload", "plain"});
  EXPECT_EQ(loaded.code, 0) << loaded.err;
  EXPECT_TRUE(contains(k({"api-resources", "--api-group=demo.gantry.dev", "-o", "name"}), "shelves.demo.gantry.dev"));
  EXPECT_EQ(k({"get", "shelves", "-o", "name"}), "");
  k({"get", "websites"});
}

// Last: the daemon is started anew.
TEST_F(PluginKinds, ObjectsWaitForTheirPlugin) {
  k({"create", "-f", "-"}, kShop);
  cluster_->stop();
  fs::remove(plugins() / "website.so");
  cluster_->start_daemon();
  ASSERT_TRUE(answers(*cluster_));
  // Not through kubectl's memory of what there is.
  const auto gone = cluster_->kubectl({"get", "--raw", "/apis/demo.gantry.dev/v1/websites"});
  EXPECT_NE(gone.code, 0);
  EXPECT_TRUE(contains(gone.err, "could not find the requested resource")) << gone.err;
  cluster_->stop();
  install(root_ / "website-1.so");
  std::ofstream(cluster_->config(), std::ios::app) << "[plugin.website]\nisolation = \"process\"\n";
  cluster_->start_daemon();
  ASSERT_TRUE(answers(*cluster_));
  EXPECT_EQ(cluster_->must({"get", "plugin", "website", "-o", "jsonpath={.status.state} {.status.isolation}"}),
            "Running Process");
  EXPECT_EQ(path("website/shop", "{.spec.title}"), "The shop");
  k({"patch", "website", "shop", "--type=merge", "-p", R"({"spec":{"title":"Apart"}})"});
  EXPECT_TRUE(eventually([&] { return contains(front(), "<h1>Apart</h1>"); }));
}

}  // namespace
}  // namespace gantry::e2e
