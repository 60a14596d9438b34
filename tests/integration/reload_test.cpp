// Plugins exchanged while a control plane works: nothing is lost, nothing is done twice.
#include <atomic>
#include <fstream>
#include <thread>

#include "tests/integration/workloads.hpp"

namespace gantry::integration {
namespace {

using plugin::PluginPhase;

[[maybe_unused]] size_t images_of(const std::string& plugin) {
  std::ifstream maps("/proc/self/maps");
  std::set<std::string> found;
  for (std::string line; std::getline(maps, line);) {
    const auto at = line.find("/plugins/" + plugin + ".");
    if (at != std::string::npos) found.insert(line.substr(at));
  }
  return found.size();
}

struct Reload : Workloads {
  void SetUp() override { start({.plugins = {"deployment", "garbage-collector", "namespace", "replicaset"}}); }
  plugin::PluginInfo info(const std::string& name) { return plane->plugins().find_any(name)->info(); }
};

// Sets come and are scaled up and down while every controller is exchanged again and again.
TEST_F(Reload, UnderLoadEverySetHasItsPodsInTheEnd) {
  constexpr int kSets = 20, kRounds = 5;
  FakeNodes nodes(*plane);
  View<ReplicaSet> sets(*plane);
  View<Pod> pods(*plane);
  std::atomic<bool> done = false;
  uint64_t reloads = 0;
  std::thread reloader([&] {
    while (!done) {
      for (const char* name : {"replicaset", "garbage-collector", "namespace", "deployment"}) {
        const auto status = plane->reload(name);
        EXPECT_TRUE(status.ok()) << status.message();
        ++reloads;
      }
    }
  });
  for (int round = 0; round < kRounds; ++round) {
    for (int i = 0; i < kSets; ++i) {
      const auto name = "web-" + std::to_string(i);
      const int wanted = (i + round) % 4;
      if (round == 0) {
        must(plane->create(make_set(name, wanted)));
      } else {
        must(plane->patch<ReplicaSet>(name, R"({"spec":{"replicas":)" + std::to_string(wanted) + "}}"));
      }
    }
  }
  const bool right = sets.wait(
      [](const auto& all) {
        if (all.size() != kSets) return false;
        for (const auto& [name, set] : all) {
          if (set.status().available_replicas() != set.spec().replicas() ||
              set.status().replicas() != set.spec().replicas() ||
              set.status().observed_generation() != set.metadata().generation())
            return false;
        }
        return true;
      },
      120);
  done = true;
  reloader.join();
  ASSERT_TRUE(right);
  std::map<std::string, int> alive;
  for (const auto& pod : plane->list<Pod>()) {
    if (!pod.metadata().has_deletion_timestamp()) ++alive[sdk::controller_of(pod.metadata())->name()];
  }
  for (const auto& [name, set] : sets.objects()) EXPECT_EQ(alive[name], set.spec().replicas()) << name;
  EXPECT_GE(reloads, 8u);
  EXPECT_EQ(info("replicaset").reloads, reloads / 4);
#ifndef GANTRY_SANITIZED
  EXPECT_EQ(images_of("replicaset"), 1u);
#endif
}

// A reload in the midst of a scale-up makes no pod too many, at any moment.
TEST_F(Reload, NoPodTooMany) {
  std::atomic<size_t> most = 0;
  View<Pod> pods(*plane, [&](const Pods& all) { most = std::max(most.load(), all.size()); });
  must(plane->create(make_set("web", 200)));
  for (int i = 0; i < 10; ++i) ASSERT_TRUE(plane->reload("replicaset").ok());
  ASSERT_TRUE(pods.wait([](const Pods& all) { return all.size() == 200; }));
  for (int i = 0; i < 3; ++i) ASSERT_TRUE(plane->reload("replicaset").ok());
  EXPECT_EQ(most, 200u);
}

TEST_F(Reload, OffHoldsWorkBackAndOnCatchesUp) {
  FakeNodes nodes(*plane);
  View<ReplicaSet> sets(*plane);
  ASSERT_TRUE(plane->disable("replicaset").ok());
  EXPECT_EQ(info("replicaset").phase, PluginPhase::kDisabled);
  must(plane->create(make_set("web", 2)));
  must(plane->create(make_deployment("app", 1)));
  ASSERT_TRUE(sets.wait([](const auto& all) { return all.size() == 2; }));  // the deployment controller goes on
  EXPECT_TRUE(plane->list<Pod>().empty());
  ASSERT_TRUE(plane->reload("replicaset").ok());
  EXPECT_TRUE(sets.wait([](const auto& all) {
    for (const auto& [name, set] : all) {
      if (set.status().available_replicas() != set.spec().replicas()) return false;
    }
    return true;
  }));
}

}  // namespace
}  // namespace gantry::integration
