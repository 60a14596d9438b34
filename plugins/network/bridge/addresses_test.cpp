#include "addresses.hpp"

#include <gtest/gtest.h>
#include <unistd.h>

#include <fstream>
#include <thread>
#include <vector>

namespace gantry::bridge {
namespace {

namespace fs = std::filesystem;

struct AddressPoolTest : testing::Test {
  void SetUp() override {
    dir = fs::temp_directory_path() / ("gantry-addr-" + std::to_string(getpid()) + "-" +
                                       testing::UnitTest::GetInstance()->current_test_info()->name());
  }
  void TearDown() override { fs::remove_all(dir); }
  std::unique_ptr<AddressPool> open(const char* cidr = "10.9.0.0/24") {
    auto pool = AddressPool::open(dir, *Range::parse(cidr));
    EXPECT_TRUE(pool.ok());
    return std::move(*pool);
  }
  fs::path dir;
};

TEST_F(AddressPoolTest, GivesEachSandboxOneAddress) {
  auto pool = open();
  EXPECT_EQ(address_text(pool->gateway()), "10.9.0.1");
  EXPECT_EQ(address_text(*pool->acquire("a")), "10.9.0.2");
  EXPECT_EQ(address_text(*pool->acquire("b")), "10.9.0.3");
  EXPECT_EQ(address_text(*pool->acquire("a")), "10.9.0.2");
  EXPECT_FALSE(pool->acquire("").ok());
}

TEST_F(AddressPoolTest, SurvivesARestartAndRestsFreedAddresses) {
  {
    auto pool = open();
    (void)pool->acquire("a");
    (void)pool->acquire("b");
    EXPECT_TRUE(pool->release("a").ok());
    EXPECT_TRUE(pool->release("a").ok());
  }
  auto pool = open();
  EXPECT_EQ(address_text(pool->find("b")), "10.9.0.3");
  EXPECT_EQ(address_text(*pool->acquire("c")), "10.9.0.4");
}

TEST_F(AddressPoolTest, UsesTheWholeRangeThenSaysSo) {
  auto pool = open("10.9.0.0/29");
  std::set<uint32_t> all;
  for (int i = 0; i < 5; ++i) all.insert(*pool->acquire("s" + std::to_string(i)));
  EXPECT_EQ(all.size(), 5u);
  EXPECT_FALSE(all.contains(pool->gateway()));
  const auto none = pool->acquire("one-more");
  ASSERT_FALSE(none.ok());
  EXPECT_NE(none.error().message().find("no free address in 10.9.0.0/29"), std::string::npos);
  EXPECT_TRUE(pool->release("s3").ok());
  EXPECT_TRUE(pool->acquire("one-more").ok());
}

TEST_F(AddressPoolTest, ACrashBetweenCreateAndWriteLeavesNothing) {
  fs::create_directories(dir);
  std::ofstream(dir / "10.9.0.2");
  auto pool = open();
  EXPECT_EQ(address_text(*pool->acquire("a")), "10.9.0.2");
}

TEST_F(AddressPoolTest, KeepsOnlyTheLiving) {
  auto pool = open();
  for (const char* name : {"a", "b", "c"}) (void)pool->acquire(name);
  EXPECT_EQ(*pool->keep_only({"b"}), (std::set<std::string>{"a", "c"}));
  EXPECT_NE(pool->find("b"), 0u);
  EXPECT_EQ(pool->find("a"), 0u);
}

TEST_F(AddressPoolTest, NeverHandsOutAnAddressTwiceToManyThreads) {
  auto pool = open();
  std::vector<std::thread> threads;
  std::mutex mutex;
  std::set<uint32_t> all;
  for (int t = 0; t < 8; ++t) {
    threads.emplace_back([&, t] {
      for (int i = 0; i < 20; ++i) {
        const auto address = *pool->acquire(std::to_string(t) + "-" + std::to_string(i));
        const std::lock_guard lock(mutex);
        EXPECT_TRUE(all.insert(address).second);
      }
    });
  }
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(all.size(), 160u);
}

TEST(Range, ParsesAndRefuses) {
  EXPECT_EQ(address_text(Range::parse("10.42.3.77/24")->base), "10.42.3.0");
  for (const char* bad : {"", "10.0.0.0", "10.0.0.0/31", "10.0.0.0/x", "fd00::/64", "10.0.0/24"}) {
    EXPECT_FALSE(Range::parse(bad).ok()) << bad;
  }
}

}  // namespace
}  // namespace gantry::bridge
