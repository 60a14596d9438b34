// Rollouts as seen from a watch: what never may happen in between, and how they end.
#include <atomic>
#include <thread>

#include "tests/integration/workloads.hpp"

namespace gantry::integration {
namespace {

struct Rollouts : Workloads {
  void TearDown() override {
    pods.reset();
    sets.reset();
    deployments.reset();
    nodes.reset();
    plane.reset();
  }
  // The upper limit is one of sizes: a set's old pods may take their time to go while another's new ones come.
  void watch() {
    nodes = std::make_unique<FakeNodes>(*plane);
    deployments = std::make_unique<View<Deployment>>(*plane);
    sets = std::make_unique<View<ReplicaSet>>(*plane, [this](const View<ReplicaSet>::Objects& all) {
      int32_t sum = 0;
      for (const auto& [name, set] : all) sum += set.spec().replicas();
      most_wanted = std::max(most_wanted.load(), sum);
    });
    pods = std::make_unique<View<Pod>>(*plane, [this](const Pods& all) {
      if (armed) fewest_ready = std::min(fewest_ready.load(), count_ready(all));
      bool first = false, second = false;
      for (const auto& [name, pod] : all) {
        first = first || image_of(pod) == "web:1";
        second = second || image_of(pod) == "web:2";
      }
      if (first && second) mixed = true;
    });
  }
  void arm() {
    fewest_ready = 1'000;
    most_wanted = 0;
    armed = true;
  }
  static Deployment rolling(int32_t replicas, const std::string& surge, const std::string& unavailable) {
    auto deployment = make_deployment("web", replicas);
    auto& strategy = *deployment.mutable_spec()->mutable_strategy();
    strategy.set_type("RollingUpdate");
    const auto set = [](k8s::io::apimachinery::pkg::util::intstr::IntOrString& value, const std::string& text) {
      value.set_type(text.back() == '%' ? 1 : 0);
      if (text.back() == '%') {
        value.set_str_val(text);
      } else {
        value.set_int_val(std::stoi(text));
      }
    };
    set(*strategy.mutable_rolling_update()->mutable_max_surge(), surge);
    set(*strategy.mutable_rolling_update()->mutable_max_unavailable(), unavailable);
    return deployment;
  }
  bool wait_condition(const std::string& type, const std::string& start, int64_t seconds = 30) {
    return deployments->wait(
        [&](const auto& all) {
          const auto it = all.find("web");
          return it != all.end() && condition_text(it->second, type).rfind(start, 0) == 0;
        },
        seconds);
  }
  std::unique_ptr<FakeNodes> nodes;
  std::unique_ptr<View<Deployment>> deployments;
  std::unique_ptr<View<ReplicaSet>> sets;
  std::unique_ptr<View<Pod>> pods;
  std::atomic<int32_t> most_wanted = 0, fewest_ready = 1'000;
  std::atomic<bool> mixed = false, armed = false;
};

struct Bounds {
  const char* surge;
  const char* unavailable;
  int32_t most, fewest;
};

struct RollingBounds : Rollouts, testing::WithParamInterface<Bounds> {};

TEST_P(RollingBounds, AreKeptAtEveryMoment) {
  watch();
  must(plane->create(rolling(8, GetParam().surge, GetParam().unavailable)));
  wait_rolled_out(*deployments, "web");
  arm();
  must(plane->patch<Deployment>("web", image_patch("web:2")));
  wait_rolled_out(*deployments, "web");
  ASSERT_TRUE(pods->wait([](const Pods& all) {
    return all.size() == 8 &&
           std::all_of(all.begin(), all.end(), [](const auto& item) { return image_of(item.second) == "web:2"; });
  }));
  EXPECT_LE(most_wanted, GetParam().most);
  EXPECT_GE(fewest_ready, GetParam().fewest);
}

INSTANTIATE_TEST_SUITE_P(Limits, RollingBounds,
                         testing::Values(Bounds{"25%", "25%", 10, 6}, Bounds{"1", "0", 9, 8}, Bounds{"0", "1", 8, 7},
                                         Bounds{"100%", "0%", 16, 8}, Bounds{"0", "5%", 8, 7}),
                         [](const auto& given) { return "Case" + std::to_string(given.index); });

TEST_F(Rollouts, RecreateNeverRunsBothVersions) {
  watch();
  auto deployment = make_deployment("web", 4);
  deployment.mutable_spec()->mutable_strategy()->set_type("Recreate");
  must(plane->create(deployment));
  wait_rolled_out(*deployments, "web");
  nodes->let_pods_end(false);
  must(plane->patch<Deployment>("web", image_patch("web:2")));
  ASSERT_TRUE(pods->wait([](const Pods& all) { return count_active(all) == 0; }));
  EXPECT_EQ(pods->ever(), 4u);  // the old ones still run: nothing new yet
  nodes->let_pods_end(true);
  wait_rolled_out(*deployments, "web");
  ASSERT_TRUE(pods->wait([](const Pods& all) { return count_ready(all) == 4; }));
  EXPECT_EQ(pods->ever(), 8u);
  EXPECT_FALSE(mixed);
}

// A version that never becomes ready: the old pods stay, the deadline is reported, and going back heals it.
TEST_F(Rollouts, AFailedVersionStopsAtTheLimitsAndReportsTheDeadline) {
  watch();
  nodes->set_policy([](const Pod& pod) { return image_of(pod) == "web:2" ? Fate::kRunning : Fate::kReady; });
  auto deployment = rolling(4, "1", "1");
  deployment.mutable_spec()->set_progress_deadline_seconds(2);
  must(plane->create(deployment));
  wait_rolled_out(*deployments, "web");
  arm();
  must(plane->patch<Deployment>("web", image_patch("web:2")));
  ASSERT_TRUE(wait_condition("Progressing", "False ProgressDeadlineExceeded: ReplicaSet \"web-"));
  EXPECT_EQ(condition_text(*deployments->get("web"), "Available"),
            "True MinimumReplicasAvailable: Deployment has minimum availability.");
  EXPECT_GE(fewest_ready, 3);
  EXPECT_LE(most_wanted, 5);
  must(plane->patch<Deployment>("web", image_patch("web:1")));
  wait_rolled_out(*deployments, "web");
  ASSERT_TRUE(wait_condition("Progressing", "True NewReplicaSetAvailable"));
}

TEST_F(Rollouts, ScaledInTheMiddleBothVersionsGrowInProportion) {
  watch();
  nodes->set_policy([](const Pod& pod) { return image_of(pod) == "web:2" ? Fate::kPending : Fate::kReady; });
  must(plane->create(rolling(10, "30%", "20%")));
  wait_rolled_out(*deployments, "web");
  must(plane->patch<Deployment>("web", image_patch("web:2")));
  const auto counts = [](const Pods& all, const char* image) {
    return std::count_if(all.begin(), all.end(), [&](const auto& item) {
      return sdk::is_active(item.second) && image_of(item.second) == image;
    });
  };
  ASSERT_TRUE(pods->wait([&](const Pods& all) { return counts(all, "web:1") == 8 && counts(all, "web:2") == 5; }));
  must(plane->patch<Deployment>("web", size_patch(20)));
  // 26 in all: 13 more, of which 8 parts in 13 go to the old version.
  ASSERT_TRUE(pods->wait([&](const Pods& all) { return counts(all, "web:1") == 16 && counts(all, "web:2") == 10; }));
  nodes->set_policy(nullptr);
  wait_rolled_out(*deployments, "web");
}

TEST_F(Rollouts, ChangedAgainInTheMiddleItGoesStraightToTheLast) {
  watch();
  must(plane->create(rolling(6, "2", "1")));
  wait_rolled_out(*deployments, "web");
  for (int version = 2; version <= 6; ++version) {
    must(plane->patch<Deployment>("web", image_patch("web:" + std::to_string(version))));
    ASSERT_TRUE(deployments->wait(
        [version](const auto& all) { return all.at("web").status().observed_generation() >= version; }));
  }
  wait_rolled_out(*deployments, "web");
  ASSERT_TRUE(pods->wait([](const Pods& all) {
    return all.size() == 6 &&
           std::all_of(all.begin(), all.end(), [](const auto& item) { return image_of(item.second) == "web:6"; });
  }));
  EXPECT_LE(most_wanted, 8);
}

// Several writers at the same object, as users and autoscalers are: conflicts are retried until all is as the last one
// said.
TEST_F(Rollouts, ConcurrentWritersDoNotConfuseIt) {
  watch();
  must(plane->create(rolling(4, "50%", "25%")));
  wait_rolled_out(*deployments, "web");
  std::vector<std::thread> writers;
  for (int writer = 0; writer < 3; ++writer) {
    writers.emplace_back([this, writer] {
      for (int i = 0; i < 15; ++i) {
        (void)plane->patch<Deployment>(
            "web", writer == 0   ? size_patch(2 + i % 5)
                   : writer == 1 ? image_patch("web:" + std::to_string(1 + i % 3))
                                 : R"({"metadata":{"annotations":{"n":")" + std::to_string(i) + R"("}}})");
      }
    });
  }
  for (auto& writer : writers) writer.join();
  must(plane->patch<Deployment>("web", image_patch("web:9")));
  must(plane->patch<Deployment>("web", size_patch(5)));
  wait_rolled_out(*deployments, "web");
  ASSERT_TRUE(pods->wait([](const Pods& all) {
    return all.size() == 5 &&
           std::all_of(all.begin(), all.end(), [](const auto& item) { return image_of(item.second) == "web:9"; });
  }));
}

TEST_F(Rollouts, ControllersThatRestartInTheMiddleFinishIt) {
  watch();
  nodes->set_policy([](const Pod& pod) { return image_of(pod) == "web:2" ? Fate::kPending : Fate::kReady; });
  must(plane->create(rolling(6, "2", "1")));
  wait_rolled_out(*deployments, "web");
  arm();
  must(plane->patch<Deployment>("web", image_patch("web:2")));
  ASSERT_TRUE(pods->wait([](const Pods& all) { return count_active(all) == 8; }));
  plane->stop_controllers();
  nodes->set_policy(nullptr);
  ASSERT_TRUE(plane->restart_controllers().ok());
  wait_rolled_out(*deployments, "web");
  EXPECT_LE(most_wanted, 8);
  EXPECT_GE(fewest_ready, 5);
}

}  // namespace
}  // namespace gantry::integration
