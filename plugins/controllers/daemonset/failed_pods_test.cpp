#include "failed_pods.hpp"

#include <gmock/gmock.h>

namespace gantry::daemonset {
namespace {

TEST(FailedPods, WaitTwiceAsLongEachTimeUpToAQuarterOfAnHour) {
  FailedPods failed;
  std::vector<int64_t> waits;
  int64_t now = 1'000'000;
  EXPECT_EQ(failed.wait_ms("a", now), 0) << "the first goes at once";
  for (int i = 0; i < 12; ++i) {
    waits.push_back(failed.wait_ms("a", now));
    now += waits.back();
    EXPECT_EQ(failed.wait_ms("a", now - 1), 1);
    EXPECT_EQ(failed.wait_ms("a", now), 0);
  }
  EXPECT_THAT(waits, ::testing::ElementsAre(1'000, 2'000, 4'000, 8'000, 16'000, 32'000, 64'000, 128'000, 256'000,
                                            512'000, 900'000, 900'000));
  EXPECT_EQ(failed.wait_ms("b", now), 0) << "each by itself";
}

TEST(FailedPods, AreForgottenAfterHalfAnHour) {
  FailedPods failed;
  int64_t now = 1'000'000;
  EXPECT_EQ(failed.wait_ms("a", now), 0);
  EXPECT_EQ(failed.wait_ms("a", now += 1'000), 0);
  EXPECT_EQ(failed.wait_ms("a", now), 2'000);
  EXPECT_EQ(failed.wait_ms("a", now += 1'800'001), 0);
  EXPECT_EQ(failed.wait_ms("a", now), 1'000) << "from the beginning";
  EXPECT_EQ(failed.wait_ms("b", now), 0);
  EXPECT_EQ(failed.known(), 2u);
  EXPECT_EQ(failed.wait_ms("c", now + 1'860'000), 0);
  EXPECT_EQ(failed.known(), 1u);
}

}  // namespace
}  // namespace gantry::daemonset
