#include "memory.hpp"

#include <gtest/gtest.h>

namespace gantry::cronjob {
namespace {

const Memory::Key kKey{"shop", "nightly"};

TEST(CronMemory, AScheduleHoldsFromItsChangeOn) {
  Memory memory;
  EXPECT_EQ(memory.schedule_since(kKey, "a", "0 0 * * *", 100), INT64_MIN) << "nobody knows since when";
  EXPECT_EQ(memory.schedule_since(kKey, "a", "0 0 * * *", 200), INT64_MIN);
  EXPECT_EQ(memory.schedule_since(kKey, "a", "0 1 * * *", 300), 300);
  EXPECT_EQ(memory.schedule_since(kKey, "a", "0 1 * * *", 400), 300);
  EXPECT_EQ(memory.schedule_since(kKey, "b", "0 2 * * *", 500), INT64_MIN) << "another object of the name";
}

TEST(CronMemory, SaysOnce) {
  Memory memory;
  EXPECT_FALSE(memory.knows(kKey, "a", "x"));
  EXPECT_TRUE(memory.is_news(kKey, "a", "x"));
  EXPECT_FALSE(memory.is_news(kKey, "a", "x"));
  EXPECT_TRUE(memory.knows(kKey, "a", "x"));
  EXPECT_FALSE(memory.knows(kKey, "b", "x"));
  EXPECT_TRUE(memory.is_news(kKey, "a", "y"));
  EXPECT_TRUE(memory.is_news(kKey, "b", "x")) << "another object of the name";
}

TEST(CronMemory, KeepsNothingOfWhatIsGoneAndABoundedMuchOfTheRest) {
  Memory memory;
  memory.is_news(kKey, "a", "x");
  EXPECT_EQ(memory.size(), 1U);
  memory.forget(kKey);
  EXPECT_EQ(memory.size(), 0U);
  EXPECT_TRUE(memory.is_news(kKey, "a", "0"));
  for (int i = 1; i < 64; ++i) memory.is_news(kKey, "a", std::to_string(i));
  EXPECT_TRUE(memory.knows(kKey, "a", "0"));
  memory.is_news(kKey, "a", "64");
  EXPECT_FALSE(memory.knows(kKey, "a", "0"));
}

}  // namespace
}  // namespace gantry::cronjob
