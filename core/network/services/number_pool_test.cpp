#include "core/network/services/number_pool.hpp"

#include <gtest/gtest.h>

#include <set>

namespace gantry::network {
namespace {

TEST(NumberPool, TakesEachOnce) {
  NumberPool pool(70, 0);
  EXPECT_TRUE(pool.take(0));
  EXPECT_FALSE(pool.take(0));
  EXPECT_TRUE(pool.take(69));
  EXPECT_FALSE(pool.take(70));
  EXPECT_EQ(pool.free(), 68u);
  pool.give_back(0);
  pool.give_back(0);
  pool.give_back(70);
  EXPECT_EQ(pool.free(), 69u);
  EXPECT_TRUE(pool.take(0));
}

TEST(NumberPool, PicksEveryNumberAndTheBandLast) {
  NumberPool pool(200, 66);
  std::set<size_t> seen;
  for (size_t i = 0; i < 134; ++i) {
    const auto picked = pool.pick(i * 7919);
    ASSERT_TRUE(picked);
    EXPECT_GE(*picked, 66u);
    EXPECT_TRUE(seen.insert(*picked).second);
  }
  for (size_t i = 0; i < 66; ++i) {
    const auto picked = pool.pick(i * 31);
    ASSERT_TRUE(picked);
    EXPECT_LT(*picked, 66u);
    EXPECT_TRUE(seen.insert(*picked).second);
  }
  EXPECT_FALSE(pool.pick(5));
  EXPECT_EQ(seen.size(), 200u);
}

TEST(NumberPool, ChanceNamesTheFirstPlace) {
  NumberPool pool(1000, 100);
  EXPECT_EQ(pool.pick(0), 100u);
  EXPECT_EQ(pool.pick(0), 101u);
  EXPECT_EQ(pool.pick(500), 600u);
  EXPECT_EQ(pool.pick(899), 999u);
  EXPECT_EQ(pool.pick(899), 102u);  // round the end
}

TEST(NumberPool, OfNothingHasNothing) {
  NumberPool pool(0, 16);
  EXPECT_FALSE(pool.pick(1));
  EXPECT_FALSE(pool.take(0));
}

}  // namespace
}  // namespace gantry::network
