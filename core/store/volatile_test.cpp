// What is kept in memory alone: seen like the rest, bounded, gone when its time is over, and without much of a past.
#include <numeric>

#include "core/store/volatile_testing.hpp"

namespace gantry::store {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

TEST_F(VolatileTest, IsWrittenReadAndWatchedLikeTheRest) {
  open();
  Recorder recorder, others;
  auto watch = store_->watch("/v/", 1, recorder.callback());
  auto other = store_->watch("/g/", 1, others.callback());
  ASSERT_TRUE(watch.ok() && other.ok());
  EXPECT_EQ(created("/v/n/a", "1"), 2);
  EXPECT_EQ(created("/g/r/n/x"), 3);
  EXPECT_EQ(updated("/v/n/a", "2"), 4);
  EXPECT_EQ(created("/v/n/b"), 5);
  const EntryPtr a = store_->get("/v/n/a");
  ASSERT_TRUE(a);
  EXPECT_EQ(a->value, value_at(4, "2"));
  EXPECT_EQ(a->create_revision, 2);
  EXPECT_EQ(create("/v/n/a").error().reason(), "AlreadyExists");
  EXPECT_EQ(update("/v/n/a", 2).error().reason(), "Conflict");
  EXPECT_EQ(update("/v/n/none").error().reason(), "NotFound");
  ASSERT_TRUE(remove("/v/n/b", 5).ok());
  EXPECT_EQ(keys("/v/"), "/v/n/a");
  EXPECT_EQ(keys("/"), "/g/r/n/x /v/n/a");
  EXPECT_EQ(store_->stats().entries, 2);
  EXPECT_EQ(store_->stats().volatile_entries, 1);
  EXPECT_EQ(store_->stats().volatile_writes, 4);
  EXPECT_EQ(store_->stats().writes, 1);
  ASSERT_TRUE(recorder.wait_count(4));
  EXPECT_THAT(recorder.revisions(), ElementsAre(2, 4, 5, 6));
  EXPECT_EQ(recorder.events()[1]->previous->value, value_at(2, "1"));
  EXPECT_EQ(recorder.events()[3]->type, EventType::kDelete);
  ASSERT_TRUE(others.wait_count(1));
  EXPECT_THAT(others.revisions(), ElementsAre(3));
}

TEST_F(VolatileTest, IsFoundByItsFields) {
  open();
  const auto index = std::make_shared<TagIndex>();
  store_->index("/v/", index);
  Recorder recorder;
  auto watch = store_->watch("/v/", 1, recorder.callback(), {index, "red"});
  ASSERT_TRUE(watch.ok());
  created("/v/n/a", "red");
  created("/v/n/b", "blue");
  updated("/v/n/b", "red");
  ASSERT_TRUE(remove("/v/n/a").ok());
  const auto found = store_->find("/v/", {index, "red"});
  ASSERT_TRUE(found);
  ASSERT_EQ(found->entries.size(), 1u);
  EXPECT_EQ(found->entries[0]->key, "/v/n/b");
  ASSERT_TRUE(recorder.wait_count(3));
  EXPECT_THAT(recorder.revisions(), ElementsAre(2, 4, 5));
}

TEST_F(VolatileTest, ThePastIsThereForAWhile) {
  options_.volatile_history_entries = 3;
  open();
  created("/v/n/a", "1");  // 2
  created("/g/r/n/x");     // 3
  updated("/v/n/a", "2");  // 4
  created("/v/n/b");       // 5
  EXPECT_EQ(keys("/v/", 3), "/v/n/a");
  EXPECT_EQ(store_->list("/v/", 3)->entries[0]->value, value_at(2, "1"));
  EXPECT_EQ(keys("/v/", 4), "/v/n/a");
  EXPECT_EQ(keys("/v/", 5, "/v/n/a"), "/v/n/b");
  EXPECT_EQ(keys("/", 3), "/g/r/n/x /v/n/a");
  Recorder all;
  auto watch = store_->watch("/", 2, all.callback());
  ASSERT_TRUE(watch.ok());
  ASSERT_TRUE(all.wait_count(3));
  EXPECT_THAT(all.revisions(), ElementsAre(3, 4, 5)) << "of both, in order";

  updated("/v/n/b");  // 6
  updated("/v/n/b");  // 7: forgets 4
  EXPECT_EQ(store_->compacted("/v/"), 4);
  EXPECT_EQ(store_->compacted("/g/"), 1);
  EXPECT_EQ(keys("/v/", 4), "/v/n/a");
  EXPECT_EQ(keys("/v/", 3), "Expired: The resourceVersion for the provided list is too old.");
  EXPECT_EQ(store_->watch("/v/", 3, all.callback()).error().message(), "too old resource version: 3 (4)");
  EXPECT_EQ(store_->watch("/", 3, all.callback()).error().code(), 410);
  // What is on disk has its own past.
  EXPECT_EQ(keys("/g/", 2), "");
  EXPECT_EQ(keys("/g/", 3), "/g/r/n/x");
  EXPECT_TRUE(store_->watch("/g/", 1, all.callback()).ok());
  store_->compact(5);
  EXPECT_EQ(store_->compacted("/v/"), 5);
  EXPECT_EQ(keys("/g/", 4), "/g/r/n/x");
}

TEST_F(VolatileTest, WaitsForNoDiskAndShowsNothingThatIsNotOnIt) {
  open();
  created("/v/n/a");    // 2, with the reservation
  created("/g/r/n/x");  // 3
  const auto look = [this] { return store_->get("/g/r/n/x")->value; };
  std::vector<Write> writes;
  writes.push_back(make_write(Write::Kind::kUpdate, "/g/r/n/x", 0, "new"));
  writes.push_back(make_write(Write::Kind::kUpdate, "/v/n/a", 2));
  writes.push_back(make_write(Write::Kind::kUpdate, "/v/n/a", 2));
  writes.push_back(make_write(Write::Kind::kCreate, "/v/n/b"));
  EXPECT_THAT(together(std::move(writes), look),
              ElementsAre("/v/n/a 4 " + value_at(3), "/v/n/a Conflict " + value_at(3), "/v/n/b 5 " + value_at(3),
                          "/g/r/n/x 6 " + value_at(6, "new")));
  EXPECT_EQ(store_->revision(), 6);
}

class LifeTest : public VolatileTest {
 protected:
  void SetUp() override {
    VolatileTest::SetUp();
    clock_.drive(options_);
    open();
    auto watch = store_->watch("/", 1, recorder_.callback());
    ASSERT_TRUE(watch.ok());
    watch_ = std::move(*watch);
  }
  void TearDown() override {
    watch_.reset();
    VolatileTest::TearDown();
  }
  // Those that were deleted, after so many events.
  std::string deleted(size_t events) {
    EXPECT_TRUE(recorder_.wait_count(events));
    std::string keys;
    for (const auto& event : recorder_.events()) {
      if (event->type == EventType::kDelete) keys += (keys.empty() ? "" : " ") + event->entry->key;
    }
    return keys;
  }
  HandClock clock_;
  Recorder recorder_;
  std::unique_ptr<Watch> watch_;
};

TEST_F(LifeTest, WhatNobodyWritesToIsDeleted) {
  using std::chrono::seconds;
  created("/v/n/a", "1");
  created("/g/r/n/x");
  clock_.advance(seconds(20));
  created("/v/n/b", "2");
  clock_.advance(seconds(39));
  EXPECT_EQ(keys("/v/"), "/v/n/a /v/n/b");
  clock_.advance(seconds(1));
  EXPECT_EQ(deleted(4), "/v/n/a");
  EXPECT_EQ(keys("/"), "/g/r/n/x /v/n/b");
  const auto gone = recorder_.events()[3];
  EXPECT_EQ(gone->entry->mod_revision, 5);
  EXPECT_EQ(gone->entry->value, value_at(5, "1")) << "its last state, with the deletion's revision";
  EXPECT_EQ(gone->previous->mod_revision, 2);
  EXPECT_EQ(store_->revision(), 5);
  clock_.advance(seconds(20));
  EXPECT_EQ(deleted(5), "/v/n/a /v/n/b");
  clock_.advance(std::chrono::hours(100));
  created("/g/r/n/y");
  EXPECT_EQ(keys("/"), "/g/r/n/x /g/r/n/y");
  EXPECT_EQ(store_->stats().volatile_entries, 0);
}

TEST_F(LifeTest, AWriteBeginsItsTimeAgain) {
  using std::chrono::seconds;
  created("/v/n/a");
  created("/v/n/b");
  clock_.advance(seconds(59));
  updated("/v/n/a");
  clock_.advance(seconds(1));
  EXPECT_EQ(deleted(4), "/v/n/b");
  clock_.advance(seconds(58));
  ASSERT_TRUE(remove("/v/n/a").ok());
  created("/v/n/a");
  clock_.advance(seconds(59));
  EXPECT_EQ(keys("/v/"), "/v/n/a");
  clock_.advance(seconds(1));
  EXPECT_EQ(deleted(7), "/v/n/b /v/n/a /v/n/a");
}

TEST_F(LifeTest, ManyGoInStepsAndOthersHaveTheirTurnBetween) {
  options_.max_batch = 10;
  open();
  auto watch = store_->watch("/", 1, recorder_.callback());
  ASSERT_TRUE(watch.ok());
  for (int i = 0; i < 95; ++i) created("/v/n/" + std::to_string(i));
  const int asked = clock_.asked();
  clock_.advance(kLife);
  ASSERT_TRUE(recorder_.wait_count(190));
  EXPECT_EQ(keys("/v/"), "");
  EXPECT_EQ(store_->stats().volatile_writes, 190);
  EXPECT_LE(clock_.asked() - asked, 12) << "called back for each step, not for each of them";
}

TEST_F(LifeTest, OtherBoundsHoldAtOnce) {
  created("/v/n/a");
  store_->set_volatile("/v/", {std::chrono::seconds(5), 1'000, 1 << 20});
  created("/g/r/n/x");  // by now the writer knows
  clock_.advance(std::chrono::seconds(5));
  EXPECT_EQ(deleted(3), "/v/n/a");
}

// With the system's clock, the way the daemon has it.
TEST_F(VolatileTest, TheWriterWakesByItself) {
  open();
  store_->set_volatile("/v/", {std::chrono::milliseconds(30), 1'000, 1 << 20});
  Recorder recorder;
  auto watch = store_->watch("/v/", 1, recorder.callback());
  ASSERT_TRUE(watch.ok());
  created("/v/n/a");
  ASSERT_TRUE(recorder.wait_count(2));
  EXPECT_EQ(recorder.events()[1]->type, EventType::kDelete);
  EXPECT_EQ(keys("/v/"), "");
}

TEST_F(LifeTest, AFullPrefixRefusesWhatIsNew) {
  store_->set_volatile("/v/", {kLife, 2, 1 << 20});
  created("/v/n/a");
  clock_.advance(std::chrono::seconds(15));
  created("/v/n/b");
  const auto refused = create("/v/n/c");
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().code(), 429);
  EXPECT_EQ(refused.error().message(), "at most 2 entries under \"/v/\" are kept in memory; please try again later");
  ASSERT_TRUE(refused.error().details().has_value());
  EXPECT_EQ(refused.error().details()->retry_after_seconds, 45) << "when the first goes by itself";
  updated("/v/n/a", "more");
  EXPECT_EQ(create("/v/n/a").error().reason(), "AlreadyExists");
  created("/g/r/n/x");
  ASSERT_TRUE(remove("/v/n/b").ok());
  created("/v/n/c");
  clock_.advance(kLife);
  EXPECT_EQ(deleted(8), "/v/n/b /v/n/a /v/n/c");
  created("/v/n/d");
}

TEST_F(LifeTest, BytesAreBoundedToo) {
  const auto size = static_cast<int64_t>(std::string("/v/n/a").size() + value_at(2).size());
  store_->set_volatile("/v/", {kLife, 1'000, 2 * size + 100});
  created("/v/n/a", std::string(100, 'x'));
  created("/v/n/b");
  EXPECT_THAT(create("/v/n/c").error().message(), HasSubstr("at most " + std::to_string(2 * size + 100) + " bytes"));
  EXPECT_EQ(update("/v/n/b", 0, "longer").error().code(), 429);
  updated("/v/n/a", "shorter");
  updated("/v/n/b", "longer");
  // Whatever leads to an object's end is let through.
  auto marked = make_write(Write::Kind::kUpdate, "/v/n/b", 0, std::string(200, 'x'));
  marked.removes = true;
  EXPECT_TRUE(wait_write(*store_, std::move(marked)).ok());
  EXPECT_EQ(create("/v/n/c").error().code(), 429);
  ASSERT_TRUE(remove("/v/n/b").ok());
  created("/v/n/c");
}

// Of writers of both kinds each revision reaches a watch of all once, whenever it began.
TEST_F(VolatileTest, NoGapAndNoDuplicateInAWatchOfAll) {
  open();
  constexpr int kWriters = 4, kEach = 50;
  created("/v/n/first");
  const Revision first = store_->revision();
  std::vector<std::thread> writers;
  for (int t = 0; t < kWriters; ++t) {
    writers.emplace_back([&, t] {
      for (int i = 0; i < kEach; ++i) {
        (void)created((t % 2 == 0 ? "/v/n/" : "/g/n/") + std::to_string(t) + "-" + std::to_string(i));
      }
    });
  }
  std::vector<Recorder> recorders(20);
  std::vector<Revision> starts;
  std::vector<std::unique_ptr<Watch>> watches;
  for (auto& recorder : recorders) {
    starts.push_back(store_->list("/")->revision);
    auto watch = store_->watch("/", starts.back(), recorder.callback());
    ASSERT_TRUE(watch.ok());
    watches.push_back(std::move(*watch));
    std::this_thread::yield();
  }
  for (auto& writer : writers) writer.join();
  const Revision last = first + kWriters * kEach;
  ASSERT_EQ(store_->revision(), last);
  for (size_t i = 0; i < recorders.size(); ++i) {
    ASSERT_TRUE(recorders[i].wait_progress(last));
    std::vector<Revision> expected(static_cast<size_t>(last - starts[i]));
    std::iota(expected.begin(), expected.end(), starts[i] + 1);
    EXPECT_EQ(recorders[i].revisions(), expected);
  }
}

}  // namespace
}  // namespace gantry::store
