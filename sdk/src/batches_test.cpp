#include "gantry/batches.hpp"

#include <gmock/gmock.h>

#include <utility>

namespace gantry::sdk {
namespace {

using testing::ElementsAre;

using Batch = std::pair<size_t, size_t>;

std::vector<Batch> batches(size_t count, size_t fails_in_batch = 0, size_t first = 1) {
  std::vector<Batch> seen;
  (void)slow_start(count, first, [&](size_t begin, size_t n) {
    seen.emplace_back(begin, n);
    std::vector<Status> answers(n);
    if (seen.size() == fails_in_batch) answers.back() = Status::forbidden("quota");
    return answers;
  });
  return seen;
}

TEST(SlowStart, Doubles) {
  EXPECT_THAT(batches(0), ElementsAre());
  EXPECT_THAT(batches(1), ElementsAre(Batch(0, 1)));
  EXPECT_THAT(batches(10), ElementsAre(Batch(0, 1), Batch(1, 2), Batch(3, 4), Batch(7, 3)));
  EXPECT_THAT(batches(15), ElementsAre(Batch(0, 1), Batch(1, 2), Batch(3, 4), Batch(7, 8)));
  EXPECT_THAT(batches(15, 0, 5), ElementsAre(Batch(0, 5), Batch(5, 10)));
  EXPECT_THAT(batches(3, 0, 9), ElementsAre(Batch(0, 3)));
  EXPECT_THAT(batches(3, 0, 0), ElementsAre(Batch(0, 1), Batch(1, 2)));
}

TEST(SlowStart, StopsAfterTheBatchThatFails) {
  EXPECT_THAT(batches(100, 1), ElementsAre(Batch(0, 1)));
  EXPECT_THAT(batches(100, 3), ElementsAre(Batch(0, 1), Batch(1, 2), Batch(3, 4)));
  const auto status =
      slow_start(3, 1, [](size_t, size_t n) { return std::vector<Status>(n, Status::forbidden("quota")); });
  EXPECT_EQ(status.message(), "quota");
}

}  // namespace
}  // namespace gantry::sdk
