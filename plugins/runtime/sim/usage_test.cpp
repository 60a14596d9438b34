#include "usage.hpp"

#include <gmock/gmock.h>

#include "testing.hpp"

namespace gantry::sim {
namespace {

using testing::annotate;
using testing::kNow;
using testing::make_pod;

class UsageTest : public ::testing::Test {
 protected:
  UsageTest() {
    host_.now_ns = kNow;
    host_.api = [this](const abi::ApiRequest& request) -> testing::Host::Answer {
      if (request.verb() == abi::ApiRequest::UPDATE && !there_) return Status::not_found("not yet");
      there_ = true;
      return abi::ApiResponse();
    };
  }
  void follow(const corev1::Pod& pod) {
    const auto behaviour = behaviour_of(pod, {});
    HollowPod hollow(pod, behaviour, 1, kNow);
    hollow.advance(pod, behaviour, kNow);
    usage_.follow(pod, behaviour, hollow);
  }
  static corev1::Pod busy() {
    auto pod = make_pod();
    annotate(pod, "cpu-usage", "1.5");
    annotate(pod, "memory-usage", "64Mi");
    return pod;
  }
  k8s::io::metrics::pkg::apis::metrics::v1beta1::PodMetrics last() const {
    k8s::io::metrics::pkg::apis::metrics::v1beta1::PodMetrics out;
    out.ParseFromString(host_.requests.back().body());
    return out;
  }

  testing::Host host_;
  bool there_ = false;
  int begun_ = 0;
  UsagePlayer usage_{sdk::Host(&host_.host), [this] { ++begun_; }};
};

TEST_F(UsageTest, IsWhatTheAnnotationsSay) {
  follow(busy());
  follow(busy());
  EXPECT_EQ(begun_, 1);
  EXPECT_EQ(*usage_.play(), 15'000);
  ASSERT_EQ(host_.requests.size(), 2U);  // one that was not there, and made
  EXPECT_EQ(host_.requests[1].verb(), abi::ApiRequest::CREATE);
  EXPECT_EQ(host_.requests[1].group(), "metrics.k8s.io");
  const auto made = last();
  EXPECT_EQ(made.metadata().name(), "web");
  EXPECT_EQ(made.metadata().namespace_(), "shop");
  EXPECT_EQ(made.timestamp().seconds(), kNow / kSecond);
  ASSERT_GE(made.containers_size(), 1);
  EXPECT_EQ(made.containers(0).usage().at("cpu").string(), "1500m");
  EXPECT_EQ(made.containers(0).usage().at("memory").string(), "65536Ki");
  EXPECT_EQ(*usage_.play(), 15'000);
  EXPECT_EQ(host_.requests.size(), 3U);
}

TEST_F(UsageTest, NothingToPlayIsNoWork) {
  follow(make_pod());
  EXPECT_EQ(begun_, 0);
  EXPECT_EQ(*usage_.play(), 0);
  follow(busy());
  follow(make_pod());  // the annotations went
  EXPECT_EQ(*usage_.play(), 0);
  EXPECT_TRUE(host_.requests.empty());
  follow(busy());
  EXPECT_EQ(begun_, 2);
  usage_.forget("shop", "web");
  EXPECT_EQ(*usage_.play(), 0);
}

TEST_F(UsageTest, AnAnnotationThatCanNotBeReadCountsAsAbsent) {
  auto pod = make_pod();
  annotate(pod, "cpu-usage", "much");
  annotate(pod, "memory-usage", "-1Mi");
  follow(pod);
  EXPECT_EQ(begun_, 0);
}

TEST_F(UsageTest, AFailureIsTold) {
  host_.api = [](const abi::ApiRequest&) -> testing::Host::Answer { return Status::internal("no"); };
  follow(busy());
  EXPECT_FALSE(usage_.play());
}

}  // namespace
}  // namespace gantry::sim
