// Rounds at the test's command, against the real API server.
#include "core/node/usage/usage_reporter.hpp"

#include <gtest/gtest.h>

#include <mutex>

#include "core/node/agent_fixture.hpp"
#include "core/node/usage/usage_testing.hpp"
#include "k8s.io/metrics/pkg/apis/metrics/v1beta1/usage.pb.h"

namespace gantry::node {
namespace {

constexpr int64_t kSecond = 1'000'000'000;
const client::ResourceRef kPodUsage{"metrics.k8s.io", "v1beta1", "pods"},
    kNodeUsage{"metrics.k8s.io", "v1beta1", "nodes"};

class UsageReporterTest : public AgentTest {
 protected:
  void begin() {
    NodeOptions options;
    options.client = client_.get();
    options.node_name = "n1";
    options.log = [this](int32_t, std::string_view text) {
      const std::lock_guard lock(events_mutex_);
      log_ += std::string(text) + "\n";
    };
    parts_ = std::make_unique<NodeParts>(std::move(options), runtime_.client(), NetworkClients{network_.client()});
    parts_->clock = &clock_;
    reporter_ = std::make_unique<UsageReporter>(
        *parts_, UsageReporter::Hooks{[this](int64_t delay, std::function<void()> then) {
                                        const std::lock_guard lock(mutex_);
                                        EXPECT_EQ(delay, 15'000);
                                        next_ = std::move(then);
                                      },
                                      [this](const std::string& uid) {
                                        auto pod = std::make_shared<corev1::Pod>(make_pod("web"));
                                        (*pod->mutable_metadata()->mutable_labels())["app"] = "shop";
                                        return uid == "uid-web" ? pod : nullptr;
                                      }});
  }
  void TearDown() override {
    reporter_.reset();
    AgentTest::TearDown();
  }
  void round() {
    std::function<void()> next;
    {
      const std::lock_guard lock(mutex_);
      next.swap(next_);
    }
    ASSERT_TRUE(next);
    next();
  }
  std::optional<metricsv1beta1::PodMetrics> usage_of(const std::string& pod) {
    auto found =
        client::parse_object<metricsv1beta1::PodMetrics>(client_->call(client::get_request(kPodUsage, "default", pod)));
    return found ? std::optional(*found) : std::nullopt;
  }
  // Each round sees more time and use, until what is wanted is written.
  template <typename Check>
  bool rounds_until(Check check) {
    for (int i = 0; i < 2'000; ++i) {
      look_ += 10;
      runtime_.set_stats(
          stats({{"c1", "web", "main", look_ * kSecond, static_cast<uint64_t>(look_) * kSecond / 4, 64 << 20},
                 {"c2", "stranger", "main", look_ * kSecond, 0, 0}}));
      round();
      for (int wait = 0; wait < 10; ++wait) {
        if (check()) return true;
        std::this_thread::sleep_for(std::chrono::milliseconds(1));
      }
    }
    return false;
  }

  std::mutex mutex_;
  std::function<void()> next_;
  int64_t look_ = 0;
  std::unique_ptr<NodeParts> parts_;
  std::unique_ptr<UsageReporter> reporter_;
};

TEST_F(UsageReporterTest, WritesWhatPodsAndTheNodeUse) {
  begin();
  ASSERT_TRUE(rounds_until([&] { return usage_of("web").has_value(); }));
  const auto usage = *usage_of("web");
  EXPECT_EQ(usage.metadata().labels().at("app"), "shop");
  ASSERT_EQ(usage.containers_size(), 1);
  EXPECT_EQ(usage.containers(0).name(), "main");
  EXPECT_EQ(usage.containers(0).usage().at("cpu").string(), "250m");
  EXPECT_EQ(usage.containers(0).usage().at("memory").string(), "64Mi");
  EXPECT_EQ(usage.timestamp().seconds() % 10, 0);
  EXPECT_EQ(usage.window().duration() % (10 * kSecond), 0);
  // And again, over the one before; of a pod that the API has not, nothing.
  const auto first = usage.metadata().resource_version();
  ASSERT_TRUE(rounds_until([&] { return usage_of("web")->metadata().resource_version() != first; }));
  EXPECT_FALSE(usage_of("stranger"));
  ASSERT_TRUE(rounds_until([&] { return client_->call(client::get_request(kNodeUsage, "", "n1")).ok(); }));
  const auto node =
      client::parse_object<metricsv1beta1::NodeMetrics>(client_->call(client::get_request(kNodeUsage, "", "n1")));
  ASSERT_TRUE(node);
  EXPECT_EQ(node->metadata().labels().at("kubernetes.io/hostname"), "n1");
  EXPECT_TRUE(node->usage().contains("cpu") && node->usage().contains("memory"));
}

// The node's own use is known whatever the runtime can do.
TEST_F(UsageReporterTest, ARuntimeThatDoesNotKnowIsNoTrouble) {
  runtime_.forget_stats();
  begin();
  ASSERT_TRUE(rounds_until([&] { return client_->call(client::get_request(kNodeUsage, "", "n1")).ok(); }));
  EXPECT_FALSE(usage_of("web"));
  const std::lock_guard lock(events_mutex_);
  EXPECT_EQ(log_.find("not known"), std::string::npos) << log_;
}

}  // namespace
}  // namespace gantry::node
