// A controller whose reconciles take too long, in a control plane: it is told of, and moved to a process of its own.
#include <unistd.h>

#include <fstream>
#include <thread>

#include "k8s.io/api/core/v1/config.pb.h"
#include "tests/integration/workloads.hpp"

namespace gantry::integration {
namespace {

struct Watchdog : Workloads {
  void SetUp() override {}  // each test starts with limits of its own
  void start_with(const plugin::WatchLimits& limits) {
    start({.plugins = {"slow", "replicaset"},
           .tables = {{"slow", {.file = std::filesystem::path(TEST_PLUGINS) / "slow.so", .watch = limits}}}});
  }
  void TearDown() override {
    if (plane) tell();  // or the queue would wait for its end for ever
    Workloads::TearDown();
  }
  void tell() { std::ofstream(plane->data_dir("slow") / "go") << "go"; }
  void make(const std::string& name) {
    corev1::ConfigMap map;
    map.mutable_metadata()->set_name(name);
    must(plane->create(map));
  }
  plugin::PluginInfo info(const std::string& name = "slow") { return plane->plugins().find_any(name)->info(); }
  // Lines of the log that contain the text; waits for the first.
  std::vector<std::string> logged(const std::string& text) {
    std::vector<std::string> found;
    for (int i = 0; i < 4'000 && found.empty(); ++i) {
      for (auto& line : plane->log(0)) {
        if (line.find(text) != std::string::npos) found.push_back(line);
      }
      if (found.empty()) std::this_thread::sleep_for(std::chrono::milliseconds(5));
    }
    return found;
  }
};

TEST_F(Watchdog, AReconcileThatHangsMovesThePluginOutAndTheOthersKeysGoOn) {
  start_with({.deadline_ms = 50, .strikes = 2, .isolate = true});
  std::filesystem::create_directories(plane->data_dir("slow"));
  make("slow-map");
  ASSERT_FALSE(logged("linger_until_told").empty()) << "its function is in the stack";
  ASSERT_FALSE(logged("plugin slow was reloaded").empty());
  EXPECT_TRUE(info().process);
  EXPECT_TRUE(info().moved);
  EXPECT_EQ(info().overdue_now, 1u) << "it still runs, in the old image";
  // The controller has one worker, which hangs; the new instance has one of its own.
  make("other");
  const auto other = logged("did other in ");
  ASSERT_FALSE(other.empty());
  EXPECT_EQ(other[0].find("in " + std::to_string(::getpid())), std::string::npos) << other[0];
  // The key that hung is the new one's as soon as the old one lets it go.
  must(plane->patch<corev1::ConfigMap>("slow-map", R"({"data":{"a":"b"}})"));
  tell();
  for (int i = 0; i < 4'000 && info().overdue_now > 0; ++i) std::this_thread::sleep_for(std::chrono::milliseconds(5));
  EXPECT_EQ(info().overdue_now, 0u);
  const auto by_old = logged("did slow-map in " + std::to_string(::getpid()));
  EXPECT_FALSE(by_old.empty());
  for (int i = 0; i < 4'000 && logged("did slow-map").size() < 2; ++i) {
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
  EXPECT_GE(logged("did slow-map").size(), 2u) << "its change came during the run";
  // It stays there, whoever reloads it, until the configuration says otherwise.
  ASSERT_TRUE(plane->reload("slow").ok());
  EXPECT_TRUE(info().process);
}

TEST_F(Watchdog, ReportOnlyReports) {
  start_with({.deadline_ms = 30, .strikes = 1, .isolate = false});
  std::filesystem::create_directories(plane->data_dir("slow"));
  make("slow-map");
  ASSERT_FALSE(logged("its deadline is").empty());
  must(plane->create(make_set("web", 3)));
  View<Pod> pods(*plane);
  EXPECT_TRUE(pods.wait([](const auto& all) { return all.size() == 3; })) << "others do not notice";
  tell();
  ASSERT_FALSE(logged("has ended, after").empty());
  EXPECT_FALSE(info().process);
  EXPECT_EQ(info("replicaset").overdue, 0u);
}

}  // namespace
}  // namespace gantry::integration
