// A disk that loses its power, is full, or fails: what was acknowledged stays, what was not is not seen.
#include <map>
#include <optional>

#include "core/store/forgetful_disk.hpp"
#include "core/store/store_test.hpp"

namespace gantry::store {
namespace {

class DiskTest : public StoreTest {
 protected:
  void SetUp() override {
    StoreTest::SetUp();
    options_.history_entries = 20;  // so that rows are deleted, too
    options_.ballast_bytes = 1 << 20;
    notices_ = lines_.notices();
    options_.notices = notices_.get();
    options_.log = lines_.log();
  }
  void TearDown() override {
    store_.reset();
    disk_.set_full(nullptr);
    StoreTest::TearDown();
  }
  bool ballast_is_there() const { return std::filesystem::file_size(beside(".ballast")) > 0; }

  Lines lines_;
  std::unique_ptr<limits::Notices> notices_;
  ForgetfulDisk disk_;
};

// The state that was acknowledged, and a write that may have come through without its answer.
class Story {
 public:
  explicit Story(ForgetfulDisk& disk) : disk_(disk) {}

  // One write after the other until the power goes; false then. `cut_after`: in the answer to this one.
  bool write(Store& store, int count, int cut_after = -1) {
    for (int i = 0; i < count; ++i) {
      const std::string key = "/g/r/n/" + std::to_string(10 + step_ % 7);
      const bool exists = state_.count(key) != 0;
      const auto kind = !exists ? Write::Kind::kCreate : step_ % 3 == 2 ? Write::Kind::kDelete : Write::Kind::kUpdate;
      auto write = make_write(kind, key, 0, std::string(static_cast<size_t>(1 + step_ * 997 % 9000), 'v'));
      const bool cuts = step_++ == cut_after;
      pending_ = key;
      std::promise<Expected<EntryPtr>> answered;
      store.write(std::move(write), [&](Expected<EntryPtr> result) {
        if (cuts) disk_.cut();
        answered.set_value(std::move(result));
      });
      auto result = answered.get_future().get();
      if (!result.ok()) return false;
      last_ = (*result)->mod_revision;
      pending_.clear();
      if (kind == Write::Kind::kDelete)
        state_.erase(key);
      else
        state_[key] = (*result)->value;
      if (cuts) return false;
    }
    return true;
  }

  void check(const Store& store) const {
    EXPECT_GE(store.revision(), last_);
    for (int i = 0; i < 7; ++i) {
      const std::string key = "/g/r/n/" + std::to_string(10 + i);
      const auto entry = store.get(key);
      const auto wanted = state_.find(key);
      if (key == pending_ && (!entry || entry->mod_revision > last_)) continue;
      EXPECT_EQ(entry ? entry->value : "", wanted == state_.end() ? "" : wanted->second) << key;
    }
  }

 private:
  ForgetfulDisk& disk_;
  std::map<std::string, std::string> state_;
  std::string pending_;
  Revision last_ = 0;
  int step_ = 0;
};

TEST_F(DiskTest, WhatIsAcknowledgedIsSynced) {
  for (int cut_after = 0; cut_after < 40; cut_after += testing_support::scaled(1, 5)) {
    Story story(disk_);
    options_.path = folder_ / (std::to_string(cut_after) + ".db");
    open();
    EXPECT_FALSE(story.write(*store_, 50, cut_after));
    store_.reset();
    disk_.restore();
    ASSERT_NO_FATAL_FAILURE(open());
    story.check(*store_);
  }
}

// Also in a checkpoint and in the first start; and what is left of unsynced writes is no damage.
TEST_F(DiskTest, PowerMayGoAtAnyMoment) {
  bool reached_the_end = false;
  for (uint32_t round = 0; !reached_the_end; round += testing_support::scaled(1U, 5U)) {
    ASSERT_LT(round, 2000u);
    Story story(disk_);
    options_.path = folder_ / (std::to_string(round) + ".db");
    disk_.cut_at(1 + static_cast<int>(round));
    reached_the_end = true;
    for (int life = 0; life < 3; ++life) {
      store_.reset();
      auto opened = open_sqlite(options_);
      if (!opened.ok()) break;
      store_ = std::move(*opened);
      if (!story.write(*store_, 12)) break;
    }
    store_.reset();
    reached_the_end = !disk_.is_cut();
    disk_.restore(round % 4 == 0 ? 0 : round);
    ASSERT_NO_FATAL_FAILURE(open());
    story.check(*store_);
    store_.reset();
    for (const char* suffix : {"", ".lock", ".ballast"}) std::filesystem::remove(beside(suffix));
  }
}

TEST_F(DiskTest, LeftoversOfAnUnsyncedTransactionAreNoDamage) {
  open();
  ASSERT_TRUE(create("/g/r/n/a").ok());
  // Many frames, of which those at the end may be on the disk and those at the beginning not.
  for (uint32_t seed = 1; seed < 40; seed += testing_support::scaled(1U, 3U)) {
    disk_.fail_syncs(true);
    EXPECT_FALSE(update("/g/r/n/a", 0, std::string(60'000, 'u')).ok());
    disk_.fail_syncs(false);
    ASSERT_TRUE(update("/g/r/n/a", 0, "after").ok());
    disk_.cut_at(3 + static_cast<int>(seed) % 20);
    (void)update("/g/r/n/a", 0, std::string(60'000, 'x'));
    disk_.cut();
    store_.reset();
    disk_.restore(seed);
    ASSERT_NO_FATAL_FAILURE(open());
  }
  EXPECT_TRUE(lines_.all().empty() || lines_.all().front().find("writes fail") != std::string::npos);
}

TEST_F(DiskTest, AFullDiskIsSaidAndStillLetsObjectsGo) {
  open();
  for (const char* name : {"a", "b", "c"}) {
    ASSERT_TRUE(create(std::string("/g/r/n/") + name, std::string(30'000, 'o')).ok());
  }
  EXPECT_TRUE(store_->health().ok());
  // As on a real one: what the ballast gives up is there.
  disk_.set_full([this] { return ballast_is_there(); });
  const auto refused = create("/g/r/n/d", std::string(30'000, 'o'));
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().code(), 500);
  EXPECT_EQ(store_->get("/g/r/n/d"), nullptr);
  EXPECT_EQ(store_->revision(), 4);
  EXPECT_NE(store_->health().message().find("No space left on device"), std::string::npos);
  EXPECT_TRUE(ballast_is_there()) << "not for writes that only add";
  ASSERT_TRUE(remove("/g/r/n/b").ok());
  auto last = make_write(Write::Kind::kUpdate, "/g/r/n/c", 0, std::string(30'000, 'p'));
  last.removes = true;
  ASSERT_TRUE(wait_write(*store_, std::move(last)).ok());
  EXPECT_FALSE(create("/g/r/n/d", std::string(400'000, 'o')).ok());
  EXPECT_FALSE(store_->health().ok());
  kill_here();
  disk_.set_full(nullptr);
  open();
  EXPECT_EQ(keys("/g/"), "/g/r/n/a /g/r/n/c");
  EXPECT_EQ(store_->revision(), 6);
  EXPECT_EQ(store_->get("/g/r/n/c")->value, value_at(6, std::string(30'000, 'p')));
  EXPECT_EQ(keys("/g/", 4).substr(0, 8), "Expired:") << "b's last state is nowhere";
  ASSERT_FALSE(lines_.all().empty());
  EXPECT_THAT(lines_.all().front(), testing::HasSubstr("writes fail"));
}

TEST_F(DiskTest, AMixedBatchOnAFullDiskLosesOnlyWhatAdds) {
  open();
  ASSERT_TRUE(create("/g/r/n/a").ok());
  std::promise<void> reached, go;
  store_->write(make_write(Write::Kind::kCreate, "/g/r/n/gate"), [&](const Expected<EntryPtr>&) {
    reached.set_value();
    go.get_future().wait();
  });
  reached.get_future().wait();
  disk_.set_full([this] { return ballast_is_there(); });
  std::vector<std::future<Expected<EntryPtr>>> answers;
  const auto queue = [&](Write write) {
    auto promise = std::make_shared<std::promise<Expected<EntryPtr>>>();
    answers.push_back(promise->get_future());
    store_->write(std::move(write), [promise](Expected<EntryPtr> r) { promise->set_value(std::move(r)); });
  };
  queue(make_write(Write::Kind::kCreate, "/g/r/n/b", 0, std::string(90'000, 'o')));
  queue(make_write(Write::Kind::kDelete, "/g/r/n/a", 0, "final"));
  queue(make_write(Write::Kind::kCreate, "/g/r/n/a"));  // rests on the one before
  queue(make_write(Write::Kind::kDelete, "/g/r/n/b"));  // never was
  go.set_value();
  EXPECT_EQ(answers[0].get().error().code(), 500);
  auto gone = answers[1].get();
  ASSERT_TRUE(gone.ok()) << gone.error().message();
  EXPECT_EQ((*gone)->value, value_at(4, "final"));
  EXPECT_EQ(answers[2].get().error().code(), 500);
  EXPECT_EQ(answers[3].get().error().code(), 404);
  EXPECT_EQ(keys("/g/"), "/g/r/n/gate");
}

TEST_F(DiskTest, RecoveryIsNoticedAtTheNextWrite) {
  open();
  disk_.set_full([] { return true; });
  EXPECT_FALSE(create("/g/r/n/a", std::string(50'000, 'o')).ok());
  EXPECT_FALSE(remove("/g/r/n/a").ok());
  disk_.set_full(nullptr);
  ASSERT_TRUE(create("/g/r/n/small").ok());
  EXPECT_FALSE(store_->health().ok()) << "what failed was larger";
  ASSERT_TRUE(create("/g/r/n/a", std::string(50'000, 'o')).ok());
  EXPECT_TRUE(store_->health().ok());
  EXPECT_EQ(lines_.all().size(), 2u);
  EXPECT_TRUE(lines_.wait_for("writes work again"));
}

TEST_F(DiskTest, RecoveryIsNoticedWhenNobodyWrites) {
  options_.probe_interval = std::chrono::milliseconds(5);
  open();
  disk_.set_full([] { return true; });
  EXPECT_FALSE(create("/g/r/n/a", std::string(50'000, 'o')).ok());
  EXPECT_FALSE(remove("/g/r/n/none").ok());
  const Revision before = store_->revision();
  disk_.set_full(nullptr);
  EXPECT_TRUE(lines_.wait_for("writes work again"));
  EXPECT_TRUE(store_->health().ok());
  EXPECT_EQ(store_->revision(), before) << "a trial is no write";
  open();
  EXPECT_EQ(store_->revision(), before);
}

TEST_F(DiskTest, AFailedSyncIsAFailedWrite) {
  open();
  ASSERT_TRUE(create("/g/r/n/a", "1").ok());
  disk_.fail_syncs(true);
  const auto refused = update("/g/r/n/a", 0, "2");
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().code(), 500);
  EXPECT_EQ(store_->get("/g/r/n/a")->value, value_at(2, "1"));
  EXPECT_FALSE(store_->health().ok());
  EXPECT_FALSE(remove("/g/r/n/a").ok()) << "the space kept back does not help";
  disk_.fail_syncs(false);
  ASSERT_TRUE(update("/g/r/n/a", 0, "3").ok());
  EXPECT_TRUE(store_->health().ok());
  open();
  EXPECT_EQ(store_->get("/g/r/n/a")->value, value_at(3, "3"));
}

}  // namespace
}  // namespace gantry::store
