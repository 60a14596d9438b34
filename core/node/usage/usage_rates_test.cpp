#include "core/node/usage/usage_rates.hpp"

#include <gtest/gtest.h>

#include "core/node/usage/machine_counters.hpp"
#include "core/node/usage/usage_testing.hpp"

namespace gantry::node {
namespace {

constexpr int64_t kSecond = 1'000'000'000;

TEST(UsageRates, TwoLooksMakeARate) {
  UsageRates rates;
  EXPECT_TRUE(rates.pods(stats({{"c1", "web", "main", 10 * kSecond, 5'000'000'000, 1 << 20}})).empty());
  const auto pods = rates.pods(stats({{"c1", "web", "main", 20 * kSecond, 7'500'000'000, 2 << 20}}));
  ASSERT_EQ(pods.size(), 1U);
  EXPECT_EQ(pods[0].uid, "uid-web");
  EXPECT_EQ(pods[0].ns, "default");
  EXPECT_EQ(pods[0].name, "web");
  EXPECT_EQ(pods[0].at_ns, 20 * kSecond);
  EXPECT_EQ(pods[0].window_ns, 10 * kSecond);
  ASSERT_TRUE(pods[0].containers.contains("main"));
  EXPECT_EQ(pods[0].containers.at("main").nano_cores, 250'000'000U);
  EXPECT_EQ(pods[0].containers.at("main").memory_bytes, 2U << 20);
}

// Part of a pod would look like all of it.
TEST(UsageRates, APodWithANewContainerWaits) {
  UsageRates rates;
  rates.pods(stats({{"c1", "web", "main", 10 * kSecond, 0, 0}, {"d1", "db", "main", 10 * kSecond, 0, 0}}));
  const auto now = stats({{"c1", "web", "main", 20 * kSecond, 0, 0},
                          {"c2", "web", "side", 20 * kSecond, 0, 0},
                          {"d1", "db", "main", 20 * kSecond, 0, 0}});
  const auto pods = rates.pods(now);
  ASSERT_EQ(pods.size(), 1U);
  EXPECT_EQ(pods[0].name, "db");
  const auto later =
      rates.pods(stats({{"c1", "web", "main", 30 * kSecond, 0, 0}, {"c2", "web", "side", 31 * kSecond, 0, 0}}));
  ASSERT_EQ(later.size(), 1U);
  EXPECT_EQ(later[0].containers.size(), 2U);
  EXPECT_EQ(later[0].at_ns, 31 * kSecond);
  EXPECT_EQ(later[0].window_ns, 11 * kSecond);
}

TEST(UsageRates, ACounterThatFellOrAClockThatStoodBeginsAnew) {
  UsageRates rates;
  rates.pods(stats({{"c1", "web", "main", 10 * kSecond, 900, 0}}));
  EXPECT_TRUE(rates.pods(stats({{"c1", "web", "main", 20 * kSecond, 100, 0}})).empty());
  EXPECT_TRUE(rates.pods(stats({{"c1", "web", "main", 20 * kSecond, 200, 0}})).empty());
  EXPECT_EQ(rates.pods(stats({{"c1", "web", "main", 21 * kSecond, 200, 0}})).size(), 1U);
}

TEST(UsageRates, WhatWasAwayForALookIsNew) {
  UsageRates rates;
  rates.pods(stats({{"c1", "web", "main", 10 * kSecond, 0, 0}}));
  rates.pods(stats({}));
  EXPECT_TRUE(rates.pods(stats({{"c1", "web", "main", 30 * kSecond, 0, 0}})).empty());
}

TEST(UsageRates, ContainersOfNoPodAreNobodys) {
  UsageRates rates;
  auto stray = stats({{"c1", "web", "main", 10 * kSecond, 0, 0}});
  stray.mutable_stats(0)->mutable_attributes()->clear_labels();
  rates.pods(stray);
  EXPECT_TRUE(rates.pods(stray).empty());
}

TEST(UsageRates, TheMachine) {
  UsageRates rates;
  EXPECT_FALSE(rates.machine({10 * kSecond, 4'000'000'000, 77}));
  const auto usage = rates.machine({12 * kSecond, 7'000'000'000, 88});
  ASSERT_TRUE(usage);
  EXPECT_EQ(usage->usage.nano_cores, 1'500'000'000U);
  EXPECT_EQ(usage->usage.memory_bytes, 88U);
  EXPECT_EQ(usage->window_ns, 2 * kSecond);
}

TEST(MachineCounters, BusyIsAllButIdleAndWaiting) {
  EXPECT_EQ(busy_ns("cpu  100 20 30 4000 500 6 7 8 9 10\ncpu0 1 1 1 1\n", 100), 1'630'000'000U);
  EXPECT_EQ(busy_ns("cpu  100", 100), 1'000'000'000U);
  EXPECT_EQ(busy_ns("intr 5", 100), 0U);
  EXPECT_EQ(busy_ns("", 100), 0U);
}

TEST(MachineCounters, MemoryIsWhatCantBeTakenBackAtOnce) {
  EXPECT_EQ(working_set("MemTotal:  1000 kB\nMemFree:  300 kB\nInactive(anon): 50 kB\nInactive(file):  200 kB\n"),
            500U * 1024);
  EXPECT_EQ(working_set("MemTotal: 10 kB\nMemFree: 300 kB\n"), 0U);
  EXPECT_EQ(working_set(""), 0U);
}

}  // namespace
}  // namespace gantry::node
