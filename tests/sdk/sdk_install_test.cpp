// What a plugin author gets: the SDK is installed into a folder of its own, every example is built there, outside of
// this tree, and loaded by a real daemon.
#include <set>

#include "tests/sdk/installed_sdk.hpp"

namespace gantry::e2e {
namespace {

TEST_F(SdkInstall, TheVersionIsChecked) {
  const auto dir = root_ / "version";
  fs::create_directories(dir);
  const auto configure = [&](const std::string& arguments) {
    std::ofstream(dir / "CMakeLists.txt")
        << "cmake_minimum_required(VERSION 3.25)\nproject(v LANGUAGES C)\nfind_package(Gantry " << arguments
        << ")\nmessage(STATUS \"found ${Gantry_FOUND} abi ${GANTRY_ABI_MAJOR}\")\n";
    return shell(dir, "rm -rf b; cmake -S . -B b");
  };
  EXPECT_TRUE(contains(configure("").out, "found 1 abi 1"));
  EXPECT_TRUE(contains(configure(GANTRY_SDK_VERSION " REQUIRED").out, "found 1"));
  EXPECT_TRUE(contains(configure("99.0").out, "found 0"));
  const auto refused = configure("99.0 REQUIRED");
  EXPECT_NE(refused.code, 0);
  EXPECT_TRUE(contains(refused.err, "99.0")) << refused.err;
}

TEST_F(SdkInstall, WrongUseIsExplained) {
  const auto dir = root_ / "wrong";
  fs::create_directories(dir);
  const auto configure = [&](const std::string& languages, const std::string& line) {
    std::ofstream(dir / "CMakeLists.txt") << "cmake_minimum_required(VERSION 3.25)\nproject(v LANGUAGES " << languages
                                          << ")\nfind_package(Gantry REQUIRED)\n"
                                          << line << "\n";
    std::ofstream(dir / "a.c") << "int a;\n";
    const auto done = shell(dir, "rm -rf b; cmake -S . -B b");
    EXPECT_NE(done.code, 0) << line;
    return done.err;
  };
  EXPECT_TRUE(contains(configure("C", "gantry_add_plugin(Upper SOURCES a.c)"), "\"Upper\" is no name for a plugin"));
  EXPECT_TRUE(contains(configure("C", "gantry_add_plugin(a)"), "expected SOURCES"));
  EXPECT_TRUE(contains(configure("C", "gantry_add_plugin(a SOURCES a.cpp)"), "the project uses no C++"));
  EXPECT_TRUE(contains(configure("C", "gantry_add_plugin_test(t SOURCES a.c)"), "the testkit is C++"));
  EXPECT_TRUE(contains(configure("C CXX", "gantry_add_plugin_test(t PLUGIN b SOURCES a.c)"), "no plugin b"));
}

TEST_F(SdkInstall, NothingOfThisTreeIsNeeded) {
  const auto found = shell(sdk(), "grep -rlF '" GANTRY_SOURCE_DIR "' include lib/cmake lib/pkgconfig || true");
  EXPECT_EQ(found.out, "");
}

TEST_F(SdkInstall, AControllerIsSmall) {
  build(copy_of("config-mirror"), "config-mirror", kRelease);
  ASSERT_FALSE(HasFatalFailure());
  // What it has of Kubernetes' messages is what it uses: see sdk/CMakeLists.txt.
  EXPECT_LT(fs::file_size(plugins() / "config-mirror.so"), 300'000u);
  EXPECT_EQ(exports("config-mirror"), "gantry_plugin\n");
}

TEST_F(SdkInstall, ARuntimeAroundAnother) {
  build(copy_of("slow-runtime"), "slow-runtime");
  ASSERT_FALSE(HasFatalFailure());
  EXPECT_EQ(exports("slow-runtime"), "gantry_plugin\n");
}

TEST_F(SdkInstall, InPlainC) {
  build(copy_of("config-census"), "config-census", kRelease);
  ASSERT_FALSE(HasFatalFailure());
  EXPECT_LT(fs::file_size(plugins() / "config-census.so"), 20'000u);
  EXPECT_EQ(exports("config-census"), "gantry_plugin\n");
  const auto needed = shell(plugins(), "readelf -d config-census.so | grep NEEDED").out;
  EXPECT_FALSE(contains(needed, "protobuf") || contains(needed, "stdc++")) << needed;
  // Without CMake, too.
  const auto done = shell(root_ / "config-census",
                          "cc -std=c11 -Wall -Wextra -Wpedantic -Werror -O2 -shared -fPIC -fvisibility=hidden "
                          "$(pkg-config --cflags gantry-sdk) config_census.c -o by-hand.so");
  EXPECT_EQ(done.code, 0) << done.err;
}

// A controller that uses what is compiled in the library: by CMake, with a test, and by hand.
constexpr const char* kAlarm = R"(
#include "gantry/claims.hpp"
#include "gantry/controller.hpp"
#include "gantry/cron.hpp"
#include "gantry/scheduling/node_affinity.hpp"
#include "k8s.io/api/core/v1/config.pb.h"

using namespace gantry;

class Alarm : public sdk::Controller {
 public:
  using Controller::Controller;
  gantry::abi::ControllerSpec spec() const override { return watching<corev1::ConfigMap>("alarm"); }
  Expected<Result> reconcile(const Key& key) override {
    const auto clock = host().cached<corev1::ConfigMap>(key.ns, key.name);
    if (!clock) return Result{};
    const auto schedule = sdk::CronSchedule::parse(clock->data().at("schedule"));
    if (!schedule) return schedule.error();
    const auto zone = sdk::TimeZone::load("UTC");
    const int64_t now = host().now_unix_ns();
    const auto due = schedule->due(now - 3'600'000'000'000, now, *zone);
    if (!due) return due.error();
    if (due->latest_ns) host().event(*clock, "v1", "ConfigMap", "Normal", "Rings", std::to_string(due->starts));
    corev1::Node node;
    (*node.mutable_metadata()->mutable_labels())["zone"] = "a";
    corev1::PodSpec pod;
    (*pod.mutable_node_selector())["zone"] = key.name;
    return Result{sdk::pod_selects(pod, sdk::view_of(node)) ? 1000 : 0};
  }
};
GANTRY_CONTROLLER(Alarm, "alarm", "1.0.0", "me", "Rings by a schedule");
)";
constexpr const char* kAlarmTest = R"(
#include <gtest/gtest.h>
#include "gantry/testkit/controller_under_test.hpp"
#include "k8s.io/api/core/v1/config.pb.h"

TEST(Alarm, RingsByItsSchedule) {
  gantry::testkit::ScriptedHost host;
  gantry::corev1::ConfigMap clock;
  clock.mutable_metadata()->set_name("a");
  (*clock.mutable_data())["schedule"] = "*/15 * * * *";
  host.cache(clock);
  gantry::testkit::ControllerUnderTest controller(host);
  ASSERT_TRUE(controller.reconcile("", "a"));
  ASSERT_EQ(host.events.size(), 1u);
  EXPECT_EQ(host.events[0].message, "4");
}
)";

TEST_F(SdkInstall, TheLibraryIsLinked) {
  const auto dir = root_ / "alarm";
  fs::create_directories(dir);
  std::ofstream(dir / "alarm.cpp") << kAlarm;
  std::ofstream(dir / "alarm_test.cpp") << kAlarmTest;
  std::ofstream(dir / "CMakeLists.txt") << "cmake_minimum_required(VERSION 3.25)\nproject(alarm LANGUAGES C CXX)\n"
                                           "find_package(Gantry REQUIRED)\nenable_testing()\n"
                                           "gantry_add_plugin(alarm SOURCES alarm.cpp)\n"
                                           "gantry_add_plugin_test(alarm_test PLUGIN alarm SOURCES alarm_test.cpp)\n";
  build(dir, "alarm");
  ASSERT_FALSE(HasFatalFailure());
  EXPECT_EQ(exports("alarm"), "gantry_plugin\n");
  const auto verified = shell(plugins(), GANTRY_BIN_DIR "/gantryctl plugin verify alarm.so");
  EXPECT_EQ(verified.code, 0) << verified.out << verified.err;
  const auto done =
      shell(dir,
            "c++ -shared -fPIC -fvisibility=hidden -fno-gnu-unique -Wl,--gc-sections,--no-undefined "
            "-Wl,--exclude-libs,ALL -Wl,--version-script,$(pkg-config --variable=exportmap gantry-sdk-cxx) "
            "alarm.cpp $(pkg-config --cflags --libs gantry-sdk-cxx) -o by-hand.so && "
            "nm -D --defined-only by-hand.so | awk '{print $NF}'");
  EXPECT_EQ(done.code, 0) << done.err;
  EXPECT_EQ(done.out, "gantry_plugin\n");
}

TEST_F(SdkInstall, ANewProjectBuildsAsItsReadmeSays) {
  const auto made = shell(root_, GANTRY_BIN_DIR "/gantryctl plugin new controller new-one");
  ASSERT_EQ(made.code, 0) << made.err;
  EXPECT_EQ(made.out, "controller/new-one created in new-one; its README.md says how to build it\n");
  build(root_ / "new-one", "new-one");
}

// The other templates, each with its own test.
TEST_F(SdkInstall, ProjectsOfEveryKindBuild) {
  for (const std::string kind : {"kind", "network", "runtime"}) {
    const auto made = shell(root_, GANTRY_BIN_DIR "/gantryctl plugin new " + kind + " new-" + kind);
    ASSERT_EQ(made.code, 0) << made.err;
    build(root_ / ("new-" + kind), "new-" + kind);
    ASSERT_FALSE(HasFatalFailure()) << kind;
    EXPECT_EQ(exports("new-" + kind), "gantry_plugin\n");
    const auto verified = shell(plugins(), GANTRY_BIN_DIR "/gantryctl plugin verify new-" + kind + ".so");
    EXPECT_EQ(verified.code, 0) << verified.out << verified.err;
  }
}

// All of them in one daemon that serves the API and runs no containers.
TEST_F(SdkInstall, ADaemonRunsThem) {
  std::set<std::string> expected;
  for (const std::string name : {"config-mirror", "config-census"}) {
    if (!fs::exists(plugins() / (name + ".so"))) build(copy_of(name), name);
    ASSERT_FALSE(HasFatalFailure());
  }
  build(copy_of("loopback-network"), "loopback");
  ASSERT_FALSE(HasFatalFailure());
  if (has("cargo") && has("rustc")) {
    const auto dir = copy_of("rust-greeter");
    const auto done = shell(dir, "cargo build --release --offline && cp target/release/librust_greeter.so '" +
                                     plugins().string() + "/rust-greeter.so'");
    ASSERT_EQ(done.code, 0) << done.err;
    EXPECT_EQ(exports("rust-greeter"), "gantry_plugin\n");
  }
  for (const auto& file : fs::directory_iterator(plugins())) expected.insert(file.path().stem().string());

  Cluster cluster;
  auto config = read_file(cluster.config());
  config.replace(config.find("[daemon]\n"), 9, "[daemon]\nroles = [\"server\"]\n");
  std::ofstream(cluster.config()) << config << "[plugins]\ndirs = [\"" << plugins().string() << "\"]\n";
  cluster.start_daemon();
  ASSERT_TRUE(eventually([&] {
    return cluster.kubectl({"get", "namespace", "default"}).code == 0;
  })) << cluster.daemon_log();
  const auto list = cluster.ctl({"plugin", "list"}).out;
  for (const auto& name : expected) EXPECT_TRUE(contains(list, name)) << list;
  EXPECT_FALSE(contains(list, "Failed")) << list;
  cluster.must({"create", "configmap", "settings", "--from-literal=colour=red"});
  cluster.must({"label", "configmap", "settings", "mirror=yes"});
  cluster.must({"create", "namespace", "shop"});
  EXPECT_TRUE(eventually([&] {
    return cluster.jsonpath({"-n", "shop", "configmap", "settings"}, "{.data.colour}") == "red";
  }));
  EXPECT_TRUE(eventually([&] {
    return contains(cluster.kubectl({"get", "--raw", "/metrics"}).out, "config_census_config_maps");
  }));
  EXPECT_TRUE(contains(cluster.daemon_log(), "shop has 1 config maps")) << cluster.daemon_log();
  if (expected.contains("rust-greeter")) {
    EXPECT_TRUE(contains(cluster.daemon_log(), "hello from Rust, default/settings")) << cluster.daemon_log();
  }
  if (expected.contains("new-one")) {
    EXPECT_TRUE(eventually([&] {
      return cluster.jsonpath({"configmap", "settings"}, "{.metadata.annotations.new-one/entries}") == "1";
    }));
  }
  if (expected.contains("new-kind")) {
    cluster.apply("apiVersion: new-kind.example.com/v1\nkind: NewKind\nmetadata: {name: one}\nspec: {text: hello}\n");
    EXPECT_TRUE(eventually([&] { return cluster.jsonpath({"newkind", "one"}, "{.status.said}") == "hello"; }));
  }
  cluster.must({"delete", "configmap", "settings"});
  EXPECT_TRUE(eventually([&] { return cluster.kubectl({"-n", "shop", "get", "configmap", "settings"}).code != 0; }));
}

// A pod on the network that connects nothing: it has an address of its node's range, on its own loopback device.
TEST_F(SdkInstall, ANetworkBackendAttachesPods) {
  if (!fs::exists(plugins() / "loopback.so")) build(copy_of("loopback-network"), "loopback");
  ASSERT_FALSE(HasFatalFailure());
  Cluster cluster;
  auto config = read_file(cluster.config());
  config.replace(config.find("[network]\n"), 10, "[network]\nplugin = \"loopback\"\n");
  std::ofstream(cluster.config()) << config << "[plugins]\ndirs = [\"" GANTRY_BIN_DIR "/../lib/gantry/plugins\", \""
                                  << plugins().string() << "\"]\n";
  cluster.start();
  cluster.import_image();
  cluster.apply(
      std::string("apiVersion: v1\nkind: Pod\nmetadata: {name: alone}\nspec:\n  restartPolicy: Never\n  containers:\n"
                  "  - name: main\n    image: ") +
      Cluster::kImage + "\n    command: [\"/bin/sh\", \"-c\", \"ip -4 addr show dev lo; ip link\"]\n");
  ASSERT_TRUE(eventually([&] {
    return cluster.jsonpath({"pod", "alone"}, "{.status.phase}") == "Succeeded";
  })) << cluster.kubectl({"describe", "pod", "alone"}).out;
  const auto ip = cluster.jsonpath({"pod", "alone"}, "{.status.podIP}");
  const auto log = cluster.must({"logs", "alone"});
  EXPECT_TRUE(ip.rfind("10.", 0) == 0 && contains(log, ip + "/32")) << ip << "\n" << log;
  EXPECT_FALSE(contains(log, "eth0")) << log;
  cluster.must({"delete", "pod", "alone"});
}

}  // namespace
}  // namespace gantry::e2e
