#include "core/limits/account.hpp"

#include <gtest/gtest.h>

#include <thread>
#include <vector>

namespace gantry::limits {
namespace {

TEST(Account, TakesUpToItsLimitAndNotAByteMore) {
  Account account(100);
  EXPECT_TRUE(account.take(60));
  EXPECT_FALSE(account.take(41));
  EXPECT_EQ(account.used(), 60U);
  EXPECT_TRUE(account.take(40));
  EXPECT_FALSE(account.take(1));
  account.give(100);
  EXPECT_EQ(account.used(), 0U);
  EXPECT_EQ(account.peak(), 100U);
}

TEST(Account, RefusesMoreThanALimitWhateverItHolds) {
  Account account(100);
  EXPECT_FALSE(account.take(101));
  EXPECT_FALSE(account.take(SIZE_MAX));
  EXPECT_EQ(account.used(), 0U);
}

TEST(Account, WhatIsRefusedAboveIsNotChargedBelow) {
  auto total = std::make_shared<Account>(100);
  Account one(80, total), other(80, total);
  EXPECT_TRUE(one.take(70));
  EXPECT_FALSE(other.take(40));
  EXPECT_EQ(other.used(), 0U);
  EXPECT_EQ(total->used(), 70U);
  EXPECT_TRUE(other.take(30));
  EXPECT_EQ(total->used(), 100U);
  EXPECT_FALSE(other.admit(1));
  EXPECT_EQ(other.used(), 30U);
  one.give(70);
  EXPECT_EQ(total->used(), 30U);
}

TEST(Account, WhatFitsIsNotAboutWhatIsTaken) {
  auto total = std::make_shared<Account>(100);
  Account one(80, total), wide(200, total);
  EXPECT_TRUE(one.take(80));
  EXPECT_TRUE(one.fits(80));
  EXPECT_FALSE(one.fits(81));
  EXPECT_TRUE(wide.fits(100));
  EXPECT_FALSE(wide.fits(101)) << "above";
  EXPECT_EQ(one.least_limit(), 80U);
  EXPECT_EQ(wide.least_limit(), 100U) << "what is refused is told the limit that it passes first";
}

TEST(Account, AdmitsOnePieceOfAnySizeBelowTheLimit) {
  auto total = std::make_shared<Account>(100);
  Account account(1000, total);
  EXPECT_TRUE(account.take(99));
  EXPECT_TRUE(account.admit(500));
  EXPECT_FALSE(account.admit(1));
  account.give(499);
  EXPECT_FALSE(account.admit(1)) << "at the limit";
  account.give(1);
  EXPECT_TRUE(account.admit(1));
}

TEST(Account, OverWhereItWasAddedWithoutAsking) {
  auto total = std::make_shared<Account>(100);
  Account account(1000, total);
  account.add(100);
  EXPECT_FALSE(account.over());
  account.add(1);
  EXPECT_TRUE(account.over());
  EXPECT_EQ(total->peak(), 101U);
  account.give(1);
  EXPECT_FALSE(account.over());
}

TEST(Account, ChargesOfManyThreadsNeverPassTheLimitAndAllComeBack) {
  auto total = std::make_shared<Account>(1000);
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([total] {
      Account own(600, total);
      for (int i = 0; i < 20'000; ++i) {
        const size_t bytes = 1 + static_cast<size_t>(i) % 500;
        if (own.take(bytes)) own.give(bytes);
      }
      EXPECT_EQ(own.used(), 0U);
    });
  }
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(total->used(), 0U);
  EXPECT_LE(total->peak(), 1000U);
  EXPECT_GT(total->peak(), 0U);
}

TEST(Charge, GivesBackWhatItHolds) {
  auto account = std::make_shared<Account>(100);
  {
    Charge charge(account);
    EXPECT_TRUE(charge.resize(30));
    EXPECT_TRUE(charge.grow(50));
    EXPECT_FALSE(charge.grow(21));
    EXPECT_EQ(charge.bytes(), 80U);
    EXPECT_TRUE(charge.resize(10));
    EXPECT_EQ(account->used(), 10U);
    Charge moved(std::move(charge));
    EXPECT_EQ(account->used(), 10U);
    Charge other(account);
    EXPECT_TRUE(other.resize(5));
    other = std::move(moved);
    EXPECT_EQ(account->used(), 10U);
  }
  EXPECT_EQ(account->used(), 0U);
}

TEST(Charge, AdmitsAddsAndSplits) {
  auto account = std::make_shared<Account>(100);
  Charge charge(account);
  EXPECT_TRUE(charge.admit(150));
  EXPECT_FALSE(charge.admit(1));
  charge.add(50);
  EXPECT_EQ(charge.bytes(), 200U);
  {
    Charge part = charge.split(120);
    EXPECT_EQ(charge.bytes(), 80U);
    EXPECT_EQ(part.bytes(), 120U);
    EXPECT_EQ(account->used(), 200U);
  }
  EXPECT_EQ(account->used(), 80U);
  EXPECT_EQ(charge.split(1000).bytes(), 80U);
  EXPECT_EQ(account->used(), 0U);
}

TEST(Charge, WithoutAnAccountTakesAll) {
  Charge charge;
  EXPECT_TRUE(charge.resize(SIZE_MAX));
  EXPECT_EQ(charge.bytes(), SIZE_MAX);
}

}  // namespace
}  // namespace gantry::limits
