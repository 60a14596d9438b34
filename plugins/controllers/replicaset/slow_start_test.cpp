#include "slow_start.hpp"

#include <gmock/gmock.h>

namespace gantry::replicaset {
namespace {

using testing::ElementsAre;

std::vector<size_t> batches(size_t count, size_t fails_in_batch = 0) {
  std::vector<size_t> seen;
  (void)slow_start(count, 1, [&](size_t n) {
    seen.push_back(n);
    std::vector<Status> answers(n);
    if (seen.size() == fails_in_batch) answers.back() = Status::forbidden("quota");
    return answers;
  });
  return seen;
}

TEST(SlowStart, Doubles) {
  EXPECT_THAT(batches(0), ElementsAre());
  EXPECT_THAT(batches(1), ElementsAre(1));
  EXPECT_THAT(batches(10), ElementsAre(1, 2, 4, 3));
  EXPECT_THAT(batches(15), ElementsAre(1, 2, 4, 8));
}

TEST(SlowStart, StopsAfterTheBatchThatFails) {
  EXPECT_THAT(batches(100, 1), ElementsAre(1));
  EXPECT_THAT(batches(100, 3), ElementsAre(1, 2, 4));
  const auto status = slow_start(3, 1, [](size_t n) { return std::vector<Status>(n, Status::forbidden("quota")); });
  EXPECT_EQ(status.message(), "quota");
}

}  // namespace
}  // namespace gantry::replicaset
