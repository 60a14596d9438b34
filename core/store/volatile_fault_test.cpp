// What is kept in memory alone while its disk loses its power, fails, and comes back.
#include "core/store/forgetful_disk.hpp"
#include "core/store/volatile_testing.hpp"

namespace gantry::store {
namespace {

class VolatileFaultTest : public VolatileDiskTest {
 protected:
  ForgetfulDisk disk_;
};

TEST_F(VolatileFaultTest, ThePowerMayGoAtAnyMoment) {
  bool reached_the_end = false;
  for (uint32_t round = 0; !reached_the_end; round += testing_support::scaled(1U, 5U)) {
    ASSERT_LT(round, 500u);
    options_.path = folder_ / (std::to_string(round) + ".db");
    disk_.cut_at(1 + static_cast<int>(round));
    Revision told = 0, on_disk = 0;
    for (int life = 0; life < 3 && !disk_.is_cut(); ++life) {
      store_.reset();
      auto opened = open_sqlite(options_);
      if (!opened.ok()) break;
      store_ = std::move(*opened);
      store_->set_volatile("/v/", {kLife, 1'000, 1 << 20});
      for (int i = 0; i < 6; ++i) {
        const std::string key = i % 3 == 1 ? "/g/x" : "/v/a";
        const auto kind = store_->get(key) ? Write::Kind::kUpdate : Write::Kind::kCreate;
        auto result = wait_write(*store_, make_write(kind, key, 0, std::string(3'000, 'p')));
        if (!result.ok()) break;
        EXPECT_GT((*result)->mod_revision, told);
        told = (*result)->mod_revision;
        if (key == "/g/x") on_disk = told;
      }
    }
    reached_the_end = !disk_.is_cut();
    store_.reset();
    disk_.restore(round % 4 == 0 ? 0 : round);
    ASSERT_NO_FATAL_FAILURE(open());
    EXPECT_GE(store_->revision(), told);
    const auto next = create("/v/a");
    ASSERT_TRUE(next.ok());
    EXPECT_GT((*next)->mod_revision, told) << round;
    const auto x = store_->get("/g/x");
    EXPECT_GE(x ? x->mod_revision : 0, on_disk);
    store_.reset();
    for (const char* suffix : {"", ".lock"}) std::filesystem::remove(beside(suffix));
  }
}

TEST_F(VolatileFaultTest, AFailingDiskStopsItOnlyWhenNoRevisionsAreLeft) {
  options_.probe_interval = std::chrono::milliseconds(20);
  open();
  created("/g/r/n/x");  // 2
  created("/v/n/a");    // 3
  disk_.fail_syncs(true);
  EXPECT_EQ(update("/g/r/n/x").error().code(), 500);
  EXPECT_EQ(updated("/v/n/a"), 4) << "the failed write used none";
  EXPECT_EQ(create("/g/r/n/y").error().code(), 500);
  EXPECT_EQ(updated("/v/n/a"), 5);
  EXPECT_FALSE(store_->health().ok());
  disk_.fail_syncs(false);
  EXPECT_EQ(created("/g/r/n/y"), 6);
  open();
  EXPECT_EQ(keys("/"), "/g/r/n/x /g/r/n/y");
  // The first of a life needs some.
  disk_.fail_syncs(true);
  const auto refused = create("/v/n/a");
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().code(), 500);
  EXPECT_EQ(store_->get("/v/n/a"), nullptr);
  EXPECT_FALSE(store_->health().ok());
  disk_.fail_syncs(false);
  EXPECT_GT(created("/v/n/a"), 7);
}

// Entries that are over stay until there are revisions for their deletion; the writer does not turn in circles.
TEST_F(VolatileFaultTest, WhatIsOverGoesWhenTheDiskIsBack) {
  options_.probe_interval = std::chrono::hours(1);
  options_.max_batch = 1;
  options_.reserved_revisions = 500;
  open();
  created("/v/n/older");
  created("/v/n/a");
  disk_.fail_syncs(true);
  EXPECT_LT(update_often(600), 510);
  EXPECT_FALSE(store_->health().ok());
  Recorder recorder;
  auto watch = store_->watch("/v/", store_->revision(), recorder.callback());
  ASSERT_TRUE(watch.ok());
  store_->set_volatile("/v/", {std::chrono::milliseconds(1), 1'000, 1 << 20});
  ASSERT_TRUE(recorder.wait_count(1)) << "with the last revision";
  EXPECT_EQ(recorder.events()[0]->entry->key, "/v/n/older");
  const int before = disk_.operations();
  EXPECT_EQ(create("/v/n/b").error().code(), 500);
  const int each = disk_.operations() - before + 10;
  for (int i = 0; i < 100; ++i) EXPECT_EQ(create("/v/n/b").error().code(), 500);
  EXPECT_LT(disk_.operations() - before, 110 * each);
  EXPECT_TRUE(store_->get("/v/n/a"));
  disk_.fail_syncs(false);
  created("/g/r/n/x");
  ASSERT_TRUE(recorder.wait_count(2));
  EXPECT_EQ(recorder.events()[1]->entry->key, "/v/n/a");
  EXPECT_EQ(keys("/"), "/g/r/n/x");
}

}  // namespace
}  // namespace gantry::store
