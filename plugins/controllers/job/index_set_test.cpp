#include "index_set.hpp"

#include <gmock/gmock.h>

namespace gantry::job {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

TEST(IndexSet, IsWrittenAsUpstreamWritesIt) {
  EXPECT_EQ(IndexSet().text(), "");
  EXPECT_EQ(IndexSet::of({7}).text(), "7");
  EXPECT_EQ(IndexSet::of({4, 3}).text(), "3,4");
  EXPECT_EQ(IndexSet::of({5, 3, 4, 1, 7, 7}).text(), "1,3-5,7");
  EXPECT_EQ(IndexSet::of({0, 2, 1}).text(), "0-2");
}

TEST(IndexSet, IsReadWithinItsBound) {
  EXPECT_EQ(IndexSet::parse("1,3-5,7", 100).text(), "1,3-5,7");
  EXPECT_EQ(IndexSet::parse("1,3-5,7", 5).text(), "1,3,4");
  EXPECT_EQ(IndexSet::parse("0,1,2", 3).text(), "0-2");
  EXPECT_EQ(IndexSet::parse("3-5", 0).text(), "");
  EXPECT_EQ(IndexSet::parse("9,1-2", 10).text(), "1,2,9");
  EXPECT_EQ(IndexSet::parse("x,1-,-2,4-3,+5,6,,99999999999999999999", 10).text(), "6");
}

TEST(IndexSet, CountsAndFinds) {
  const auto set = IndexSet::parse("1,3-5,7", 100);
  EXPECT_EQ(set.size(), 5);
  for (const int64_t index : {1, 3, 4, 5, 7}) EXPECT_TRUE(set.has(index)) << index;
  for (const int64_t index : {0, 2, 6, 8, -1}) EXPECT_FALSE(set.has(index)) << index;
  EXPECT_EQ(set.count_common(IndexSet::parse("0-3,5-9", 100)), 4);
  EXPECT_EQ(IndexSet::parse("0-3,5-9", 100).count_common(set), 4);
  EXPECT_EQ(set.count_common({}), 0);
}

TEST(IndexSet, Grows) {
  auto set = IndexSet::parse("1,3-5", 100);
  set.add(IndexSet::of({2, 0, 9, 4}));
  EXPECT_EQ(set.text(), "0-5,9");
  set.add({});
  EXPECT_EQ(set.text(), "0-5,9");
  set.add(IndexSet::parse("0-20", 100));
  EXPECT_EQ(set.text(), "0-20");
}

TEST(IndexSet, KnowsWhatIsMissing) {
  const auto set = IndexSet::parse("0,2-3,6", 100);
  EXPECT_THAT(set.first_missing(3, 100), ElementsAre(1, 4, 5));
  EXPECT_THAT(set.first_missing(10, 8), ElementsAre(1, 4, 5, 7));
  EXPECT_THAT(set.first_missing(10, 5), ElementsAre(1, 4));
  EXPECT_THAT(set.first_missing(0, 100), IsEmpty());
  EXPECT_THAT(IndexSet().first_missing(2, 100), ElementsAre(0, 1));
  EXPECT_THAT(IndexSet::parse("0-9", 10).first_missing(5, 10), IsEmpty());
}

}  // namespace
}  // namespace gantry::job
