// Watches: which events, from where, in which order, and how they end.
#include <atomic>
#include <numeric>
#include <thread>

#include "core/store/store_test.hpp"

namespace gantry::store {
namespace {

class WatchTest : public StoreTest {
 protected:
  std::unique_ptr<Watch> watch(const std::string& prefix, Revision from, WatchCallback callback) {
    auto result = store_->watch(prefix, from, std::move(callback));
    EXPECT_TRUE(result.ok());
    return result.ok() ? std::move(*result) : nullptr;
  }
};

TEST_F(WatchTest, DeliversChangesWithWhatWasBefore) {
  open();
  Recorder recorder;
  auto w = watch("/g/r/", store_->revision(), recorder.callback());
  ASSERT_TRUE(create("/g/r/n/a", "1").ok());
  ASSERT_TRUE(create("/g/other/n/a").ok());
  ASSERT_TRUE(update("/g/r/n/a", 0, "2").ok());
  ASSERT_TRUE(remove("/g/r/n/a").ok());
  ASSERT_TRUE(recorder.wait_count(3));
  const auto events = recorder.events();
  ASSERT_EQ(events.size(), 3u);
  EXPECT_EQ(events[0]->type, EventType::kPut);
  EXPECT_EQ(events[0]->previous, nullptr);
  EXPECT_EQ(events[1]->previous, events[0]->entry);
  EXPECT_EQ(events[2]->type, EventType::kDelete);
  EXPECT_EQ(events[2]->entry->value, value_at(5));
  EXPECT_EQ(events[2]->previous, events[1]->entry);
}

TEST_F(WatchTest, PrefixesOfEveryShape) {
  open();
  const std::vector<std::string> prefixes = {"",          "/",          "/g/",      "/g/r/", "/g/r/n/", "/g/r/n/a",
                                             "/g/r/n/ab", "/g/r/n/abc", "/g/r/nn/", "/g/r",  "/h/"};
  std::vector<Recorder> recorders(prefixes.size());
  std::vector<std::unique_ptr<Watch>> watches;
  for (size_t i = 0; i < prefixes.size(); ++i) {
    watches.push_back(watch(prefixes[i], 1, recorders[i].callback()));
  }
  EXPECT_EQ(store_->stats().watchers, 11);
  const std::vector<std::string> written = {"/g/r/n/a", "/g/r/n/ab", "/g/r/nn/a", "/g/rr/n/a", "/h/r//x"};
  for (const auto& key : written) ASSERT_TRUE(create(key).ok());
  for (size_t i = 0; i < prefixes.size(); ++i) {
    size_t expected = 0;
    for (const auto& key : written) expected += key.starts_with(prefixes[i]);
    ASSERT_TRUE(recorders[i].wait_count(expected)) << prefixes[i];
  }
  watches.clear();
  EXPECT_EQ(store_->stats().watchers, 0);
  for (size_t i = 0; i < prefixes.size(); ++i) {
    for (const auto& e : recorders[i].events()) EXPECT_TRUE(e->entry->key.starts_with(prefixes[i]));
  }
  EXPECT_EQ(recorders[0].events().size(), written.size());
  EXPECT_EQ(recorders[7].events().size(), 0u);
}

TEST_F(WatchTest, ReplaysFromAnOlderRevisionThenLive) {
  open();
  for (int i = 0; i < 5; ++i) ASSERT_TRUE(create("/g/r/n/" + std::to_string(i)).ok());
  Recorder recorder;
  auto w = watch("/g/r/", 3, recorder.callback());
  ASSERT_TRUE(create("/g/r/n/x").ok());
  ASSERT_TRUE(recorder.wait_count(4));
  EXPECT_EQ(recorder.revisions(), (std::vector<Revision>{4, 5, 6, 7}));
}

TEST_F(WatchTest, FutureRevisionWaitsForIt) {
  open();
  Recorder recorder;
  auto w = watch("/g/r/", 3, recorder.callback());
  for (int i = 0; i < 4; ++i) ASSERT_TRUE(create("/g/r/n/" + std::to_string(i)).ok());
  ASSERT_TRUE(recorder.wait_count(2));
  EXPECT_EQ(recorder.revisions(), (std::vector<Revision>{4, 5}));
}

TEST_F(WatchTest, CompactedIsExpired) {
  open();
  for (int i = 0; i < 5; ++i) ASSERT_TRUE(create("/g/r/n/" + std::to_string(i)).ok());
  store_->compact(4);
  Recorder recorder;
  auto result = store_->watch("/g/r/", 3, recorder.callback());
  ASSERT_FALSE(result.ok());
  EXPECT_EQ(result.error().code(), 410);
  EXPECT_EQ(result.error().reason(), "Expired");
  EXPECT_EQ(result.error().message(), "too old resource version: 3 (4)");
  EXPECT_TRUE(store_->watch("/g/r/", 4, recorder.callback()).ok());
}

TEST_F(WatchTest, QuietWatchHearsOfProgress) {
  options_.progress_interval = std::chrono::milliseconds(1);
  open();
  Recorder recorder;
  auto w = watch("/g/quiet/", 1, recorder.callback());
  ASSERT_TRUE(create("/g/r/n/a").ok());
  EXPECT_TRUE(recorder.wait_progress(2));
  EXPECT_TRUE(recorder.events().empty());
}

// Watches that start while writers write, from whatever revision a list just showed.
TEST_F(WatchTest, NoGapAndNoDuplicateUnderConcurrentWriters) {
  open();
  constexpr int kWriters = 4, kEach = 60, kWatches = 30;
  std::vector<std::thread> writers;
  for (int t = 0; t < kWriters; ++t) {
    writers.emplace_back([&, t] {
      for (int i = 0; i < kEach; ++i) {
        const std::string name = std::to_string(t) + "-" + std::to_string(i);
        ASSERT_TRUE(create("/g/r/n/" + name).ok());
      }
    });
  }
  std::vector<Recorder> recorders(kWatches);
  std::vector<Revision> starts;
  std::vector<std::unique_ptr<Watch>> watches;
  for (auto& recorder : recorders) {
    starts.push_back(store_->list("/g/r/")->revision);
    watches.push_back(watch("/g/r/", starts.back(), recorder.callback()));
    std::this_thread::yield();
  }
  for (auto& writer : writers) writer.join();
  const Revision last = 1 + kWriters * kEach;
  ASSERT_EQ(store_->revision(), last);
  for (size_t i = 0; i < kWatches; ++i) {
    ASSERT_TRUE(recorders[i].wait_progress(last));
    std::vector<Revision> expected(static_cast<size_t>(last - starts[i]));
    std::iota(expected.begin(), expected.end(), starts[i] + 1);
    EXPECT_EQ(recorders[i].revisions(), expected);
  }
}

TEST_F(WatchTest, DestroyedInItsOwnCallback) {
  open();
  std::unique_ptr<Watch> own;
  std::promise<void> assigned, gone;
  auto ready = assigned.get_future().share();
  std::atomic<int> calls = 0;
  own = watch("/g/r/", 1, [&, ready](const EventPtr*, size_t count, Revision) {
    if (count == 0) return;  // the empty replay
    ready.wait();
    ++calls;
    own.reset();
    gone.set_value();
  });
  assigned.set_value();
  ASSERT_TRUE(create("/g/r/n/a").ok());
  gone.get_future().wait();
  Recorder recorder;
  auto other = watch("/g/r/", 2, recorder.callback());
  ASSERT_TRUE(create("/g/r/n/b").ok());
  ASSERT_TRUE(recorder.wait_count(1));
  EXPECT_EQ(calls, 1);
}

TEST_F(WatchTest, NoCallbackRunsAfterDestruction) {
  open();
  std::atomic<bool> stop = false;
  std::thread writer([&] {
    for (int i = 0; !stop; ++i) ASSERT_TRUE(create("/g/r/n/" + std::to_string(i)).ok());
  });
  for (int i = 0; i < 200; ++i) {
    auto alive = std::make_unique<std::atomic<bool>>(true);
    std::atomic<bool> violated = false;
    auto w = watch(i % 2 ? "/g/r/" : "/g/r/n/" + std::to_string(i), 1,
                   [flag = alive.get(), &violated](const EventPtr*, size_t, Revision) {
                     if (!*flag) violated = true;
                   });
    w.reset();
    *alive = false;
    alive.reset();  // address sanitizer would see a late call
    EXPECT_FALSE(violated);
  }
  stop = true;
  writer.join();
}

TEST_F(WatchTest, OutlivesTheStore) {
  open();
  Recorder recorder;
  auto w = watch("/g/r/", 1, recorder.callback());
  ASSERT_TRUE(create("/g/r/n/a").ok());
  store_.reset();
  EXPECT_EQ(recorder.revisions(), (std::vector<Revision>{2}));
  w.reset();
}

class KeyedWatchTest : public WatchTest {
 protected:
  std::unique_ptr<Watch> watch_tag(const std::string& prefix, const std::string& tag, Recorder& recorder) {
    auto result = store_->watch(prefix, store_->revision(), recorder.callback(), {index_, tag});
    EXPECT_TRUE(result.ok());
    return std::move(*result);
  }
  const std::shared_ptr<TagIndex> index_ = std::make_shared<TagIndex>();
};

TEST_F(KeyedWatchTest, OnlyChangesToAndFromTheValueAreTold) {
  options_.progress_interval = std::chrono::milliseconds(1);
  open();
  Recorder one, two, all;
  auto w1 = watch_tag("/g/r/", "1", one);
  auto w2 = watch_tag("/g/r/n/", "2", two);
  auto w3 = watch("/g/r/", store_->revision(), all.callback());
  ASSERT_TRUE(create("/g/r/n/a", "1").ok());      // 2
  ASSERT_TRUE(create("/g/r/n/b", "2").ok());      // 3
  ASSERT_TRUE(create("/g/r/n/c", "3").ok());      // 4
  ASSERT_TRUE(update("/g/r/n/a", 0, "1").ok());   // 5
  ASSERT_TRUE(update("/g/r/n/a", 0, "2").ok());   // 6: to both
  ASSERT_TRUE(remove("/g/r/n/b").ok());           // 7
  ASSERT_TRUE(create("/g/r/m/a", "2").ok());      // 8
  ASSERT_TRUE(create("/g/other/n/a", "1").ok());  // 9
  ASSERT_TRUE(all.wait_count(7));
  ASSERT_TRUE(one.wait_progress(9));
  ASSERT_TRUE(two.wait_progress(9));
  EXPECT_THAT(one.revisions(), testing::ElementsAre(2, 5, 6));
  EXPECT_THAT(two.revisions(), testing::ElementsAre(3, 6, 7));
}

TEST_F(KeyedWatchTest, ManyWatchersOfOtherValuesCostNothing) {
  open();
  std::vector<Recorder> others(100);
  std::vector<std::unique_ptr<Watch>> watches;
  for (size_t i = 0; i < others.size(); ++i) watches.push_back(watch_tag("/g/r/", std::to_string(i), others[i]));
  const int asked = index_->asked;
  ASSERT_TRUE(create("/g/r/n/a", "7").ok());
  ASSERT_TRUE(others[7].wait_count(1));
  EXPECT_EQ(index_->asked - asked, 1) << "its value is looked at once, whoever watches";
  EXPECT_EQ(store_->stats().watchers, 100);
  for (size_t i = 0; i < others.size(); ++i) EXPECT_EQ(others[i].events().size(), i == 7 ? 1u : 0u);
  watches.clear();
  EXPECT_EQ(store_->stats().watchers, 0);
  ASSERT_TRUE(create("/g/r/n/b", "7").ok());
  Recorder last;
  auto w = watch("/g/r/", 2, last.callback());
  ASSERT_TRUE(last.wait_count(1));
  EXPECT_EQ(index_->asked - asked, 1) << "nobody wants it by value any more";
}

}  // namespace
}  // namespace gantry::store
