// One controller takes another's place while the control plane works: nothing is lost, nothing is done twice.
#include "tests/integration/workloads.hpp"

namespace gantry::integration {
namespace {

using plugin::PluginPhase;

struct Handover : Workloads {
  void SetUp() override {
    start({.plugins = {"replicaset"},
           .tables = {{"replicaset-next",
                       {.file = std::filesystem::path(TEST_PLUGINS) / "replicaset-next.so", .replaces = "replicaset"}},
                      {"broken", {.file = "/nowhere/broken.so", .replaces = "replicaset"}}}});
  }
  PluginPhase phase(const std::string& name) { return plane->plugins().find_any(name)->info().phase; }
  // One that works on a key for longer than a change waits goes on; then it is tried again.
  Status replace() {
    Status done;
    for (int i = 0; i < 6; ++i) {
      done = plane->reload("replicaset-next");
      if (done.ok()) break;
    }
    return done;
  }
  static bool all_available(const View<ReplicaSet>::Objects& all) {
    for (const auto& [name, set] : all) {
      if (set.status().available_replicas() != set.spec().replicas() ||
          set.status().observed_generation() != set.metadata().generation())
        return false;
    }
    return true;
  }
};

TEST_F(Handover, InTheMidstOfAScaleUpNoPodIsMadeTwice) {
  std::atomic<size_t> most = 0;
  View<Pod> pods(*plane, [&](const Pods& all) { most = std::max(most.load(), all.size()); });
  must(plane->create(make_set("web", 200)));
  ASSERT_TRUE(pods.wait([](const Pods& all) { return all.size() > 20; }));
  const auto done = replace();
  ASSERT_TRUE(done.ok()) << done.message();
  EXPECT_EQ(phase("replicaset"), PluginPhase::kReplaced);
  EXPECT_EQ(phase("replicaset-next"), PluginPhase::kRunning);
  ASSERT_TRUE(pods.wait([](const Pods& all) { return all.size() == 200; }, 60));
  // The successor works on its own: what changes now is its affair.
  must(plane->patch<ReplicaSet>("web", R"({"spec":{"replicas":210}})"));
  ASSERT_TRUE(pods.wait([](const Pods& all) { return all.size() == 210; }, 60));
  EXPECT_EQ(most, 210u);
}

TEST_F(Handover, ThereAndBackUnderLoadLosesNoEvent) {
  constexpr int kSets = 12, kRounds = 4;
  FakeNodes nodes(*plane);
  View<ReplicaSet> sets(*plane);
  for (int round = 0; round < kRounds; ++round) {
    for (int i = 0; i < kSets; ++i) {
      const auto name = "web-" + std::to_string(i);
      const int wanted = (i + round) % 4;
      if (round == 0) {
        must(plane->create(make_set(name, wanted)));
      } else {
        must(plane->patch<ReplicaSet>(name, R"({"spec":{"replicas":)" + std::to_string(wanted) + "}}"));
      }
      if (i == kSets / 2 && round % 2 == 0) {
        const auto done = replace();
        ASSERT_TRUE(done.ok()) << done.message();
        EXPECT_FALSE(plane->reload("replicaset").ok()) << "it is replaced";
      } else if (i == kSets / 2) {
        ASSERT_TRUE(plane->disable("replicaset-next").ok());
        EXPECT_EQ(phase("replicaset"), PluginPhase::kDisabled);
        ASSERT_TRUE(plane->reload("replicaset").ok());
      }
    }
  }
  ASSERT_TRUE(sets.wait([](const auto& all) { return all.size() == kSets && all_available(all); }, 120));
  std::map<std::string, int> alive;
  for (const auto& pod : plane->list<Pod>()) {
    if (!pod.metadata().has_deletion_timestamp()) ++alive[sdk::controller_of(pod.metadata())->name()];
  }
  for (const auto& [name, set] : sets.objects()) EXPECT_EQ(alive[name], set.spec().replicas()) << name;
}

TEST_F(Handover, ASuccessorThatDoesNotLoadLeavesTheOldOneAtWork) {
  EXPECT_FALSE(plane->reload("broken").ok());
  EXPECT_EQ(phase("replicaset"), PluginPhase::kRunning);
  View<Pod> pods(*plane);
  must(plane->create(make_set("web", 3)));
  EXPECT_TRUE(pods.wait([](const Pods& all) { return all.size() == 3; }));
}

}  // namespace
}  // namespace gantry::integration
