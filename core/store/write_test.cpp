// Writes: compare-and-set, revisions, group commit, bounds.
#include <algorithm>
#include <thread>

#include "core/store/store_test.hpp"

namespace gantry::store {
namespace {

using WriteTest = StoreTest;

TEST_F(WriteTest, AssignsRevisionsInOrderAndInsertsThem) {
  open();
  EXPECT_EQ(store_->revision(), 1);
  auto a = create("/core/pods/ns/a", "x");
  ASSERT_TRUE(a.ok());
  EXPECT_EQ((*a)->mod_revision, 2);
  EXPECT_EQ((*a)->create_revision, 2);
  EXPECT_EQ((*a)->value, value_at(2, "x"));
  EXPECT_EQ(store_->get("/core/pods/ns/a"), *a);
  auto b = update("/core/pods/ns/a", 2, "y");
  ASSERT_TRUE(b.ok());
  EXPECT_EQ((*b)->mod_revision, 3);
  EXPECT_EQ((*b)->create_revision, 2);
  auto c = remove("/core/pods/ns/a", 3);
  ASSERT_TRUE(c.ok());
  EXPECT_EQ((*c)->mod_revision, 4);
  EXPECT_EQ((*c)->create_revision, 2);
  EXPECT_EQ((*c)->value, value_at(4));
  EXPECT_EQ(store_->get("/core/pods/ns/a"), nullptr);
  EXPECT_EQ(store_->revision(), 4);
}

TEST_F(WriteTest, ValueWithoutPlaceIsTakenAsItIs) {
  open();
  Write write{Write::Kind::kCreate, "/g/r/n/a", "plain"};
  auto result = wait_write(*store_, std::move(write));
  ASSERT_TRUE(result.ok());
  EXPECT_EQ((*result)->value, "plain");
}

TEST_F(WriteTest, RefusalsNameTheKeyAndChangeNothing) {
  open();
  ASSERT_TRUE(create("/g/r/n/a").ok());
  auto exists = create("/g/r/n/a");
  ASSERT_FALSE(exists.ok());
  EXPECT_EQ(exists.error().reason(), "AlreadyExists");
  EXPECT_EQ(exists.error().message(), "key \"/g/r/n/a\" already exists");
  auto conflict = update("/g/r/n/a", 7);
  ASSERT_FALSE(conflict.ok());
  EXPECT_EQ(conflict.error().reason(), "Conflict");
  EXPECT_EQ(conflict.error().message(), "key \"/g/r/n/a\" is at revision 2, not at 7");
  auto missing = update("/g/r/n/b");
  ASSERT_FALSE(missing.ok());
  EXPECT_EQ(missing.error().reason(), "NotFound");
  EXPECT_EQ(remove("/g/r/n/a", 1).error().reason(), "Conflict");
  EXPECT_EQ(remove("/g/r/n/b").error().reason(), "NotFound");
  EXPECT_EQ(store_->revision(), 2);
  EXPECT_EQ(store_->stats().commits, 1);
}

// Holds the writer in a callback, so that everything queued meanwhile is one batch.
class Gate {
 public:
  WriteCallback callback() {
    return [this](const Expected<EntryPtr>&) {
      reached_.set_value();
      open_.get_future().wait();
    };
  }
  void reached() { reached_.get_future().wait(); }
  void open() { open_.set_value(); }

 private:
  std::promise<void> reached_, open_;
};

TEST_F(WriteTest, ABatchIsOneCommitAndSeesItsOwnWrites) {
  open();
  Gate gate;
  store_->write(make_write(Write::Kind::kCreate, "/g/r/n/gate"), gate.callback());
  gate.reached();
  std::vector<std::string> answers(7);
  std::promise<void> last;
  const auto note = [&](size_t i) {
    return [&answers, i, &last](const Expected<EntryPtr>& result) {
      answers[i] = result.ok() ? std::to_string((*result)->mod_revision) : result.error().reason();
      if (i == 6) last.set_value();
    };
  };
  using Kind = Write::Kind;
  store_->write(make_write(Kind::kCreate, "/g/r/n/a"), note(0));
  store_->write(make_write(Kind::kCreate, "/g/r/n/a"), note(1));
  store_->write(make_write(Kind::kUpdate, "/g/r/n/a", 3), note(2));
  store_->write(make_write(Kind::kUpdate, "/g/r/n/a", 3), note(3));
  store_->write(make_write(Kind::kDelete, "/g/r/n/a", 4), note(4));
  store_->write(make_write(Kind::kUpdate, "/g/r/n/a"), note(5));
  store_->write(make_write(Kind::kCreate, "/g/r/n/a"), note(6));
  gate.open();
  last.get_future().wait();
  const std::vector<std::string> expected = {"3", "AlreadyExists", "4", "Conflict", "5", "NotFound", "6"};
  EXPECT_EQ(answers, expected);
  EXPECT_EQ(store_->stats().commits, 2);
  EXPECT_EQ(store_->stats().writes, 5);
}

TEST_F(WriteTest, QueueIsBounded) {
  options_.max_queue = 4;
  open();
  Gate gate;
  store_->write(make_write(Write::Kind::kCreate, "/g/r/n/gate"), gate.callback());
  gate.reached();
  std::vector<std::future<Expected<EntryPtr>>> futures;
  for (int i = 0; i < 5; ++i) {
    auto promise = std::make_shared<std::promise<Expected<EntryPtr>>>();
    futures.push_back(promise->get_future());
    store_->write(make_write(Write::Kind::kCreate, "/g/r/n/" + std::to_string(i)),
                  [promise](Expected<EntryPtr> r) { promise->set_value(std::move(r)); });
  }
  auto refused = futures[4].get();
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().code(), 429);
  EXPECT_EQ(refused.error().reason(), "TooManyRequests");
  gate.open();
  for (int i = 0; i < 4; ++i) EXPECT_TRUE(futures[static_cast<size_t>(i)].get().ok());
}

TEST_F(WriteTest, QueueIsBoundedInBytesWithWhatTheWriterIsAt) {
  options_.max_queue_bytes = 100'000;
  open();
  Gate gate;
  const std::string big(40'000, 'b');
  store_->write(make_write(Write::Kind::kCreate, "/g/r/n/gate", 0, big), gate.callback());
  gate.reached();
  const auto one = std::make_shared<std::promise<bool>>(), two = std::make_shared<std::promise<bool>>();
  store_->write(make_write(Write::Kind::kCreate, "/g/r/n/1", 0, big),
                [one](const Expected<EntryPtr>& r) { one->set_value(r.ok()); });
  int32_t code = 0;
  store_->write(make_write(Write::Kind::kCreate, "/g/r/n/2", 0, big),
                [&](const Expected<EntryPtr>& r) { code = r.error().code(); });
  EXPECT_EQ(code, 429);
  store_->write(make_write(Write::Kind::kCreate, "/g/r/n/3"),
                [two](const Expected<EntryPtr>& r) { two->set_value(r.ok()); });
  gate.open();
  EXPECT_TRUE(one->get_future().get());
  EXPECT_TRUE(two->get_future().get());
  open();
  EXPECT_TRUE(create("/g/r/n/4", std::string(300'000, 'b')).ok()) << "one that is larger than all is taken alone";
  open();
  for (int i = 5; i < 15; ++i) EXPECT_TRUE(create("/g/r/n/" + std::to_string(i), big).ok()) << "given back";
}

TEST_F(WriteTest, ABatchIsBoundedInBytes) {
  options_.max_batch_bytes = 100'000;
  open();
  Gate gate;
  store_->write(make_write(Write::Kind::kCreate, "/g/r/n/gate"), gate.callback());
  gate.reached();
  std::promise<void> last;
  for (int i = 0; i < 5; ++i) {
    store_->write(make_write(Write::Kind::kCreate, "/g/r/n/" + std::to_string(i), 0, std::string(40'000, 'b')),
                  [&, i](const Expected<EntryPtr>&) {
                    if (i == 4) last.set_value();
                  });
  }
  gate.open();
  last.get_future().wait();
  EXPECT_EQ(store_->stats().commits, 1 + 3);
}

TEST_F(WriteTest, ManyWritersShareCommitsAndIncrementsAreNotLost) {
  open();
  ASSERT_TRUE(create("/g/r/n/counter", "0").ok());
  constexpr int kThreads = 8, kEach = 25;
  std::vector<std::thread> threads;
  for (int t = 0; t < kThreads; ++t) {
    threads.emplace_back([&] {
      for (int i = 0; i < kEach;) {
        const EntryPtr now = store_->get("/g/r/n/counter");
        const size_t at = now->value.rfind(":\"") + 2;
        const int count = std::stoi(now->value.substr(at));
        auto result = update("/g/r/n/counter", now->mod_revision, std::to_string(count + 1));
        if (result.ok())
          ++i;
        else
          ASSERT_EQ(result.error().reason(), "Conflict");
      }
    });
  }
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(store_->get("/g/r/n/counter")->value, value_at(2 + kThreads * kEach, std::to_string(kThreads * kEach)));
}

TEST_F(WriteTest, ConcurrentCreatesCommitInGroups) {
  open();
  constexpr int kThreads = 16, kEach = 40;
  std::vector<std::thread> threads;
  for (int t = 0; t < kThreads; ++t) {
    threads.emplace_back([&, t] {
      for (int i = 0; i < kEach; ++i) {
        ASSERT_TRUE(create("/g/r/n/" + std::to_string(t) + "-" + std::to_string(i)).ok());
      }
    });
  }
  for (auto& thread : threads) thread.join();
  const Stats stats = store_->stats();
  EXPECT_EQ(stats.writes, kThreads * kEach);
  EXPECT_EQ(stats.entries, kThreads * kEach);
  EXPECT_EQ(stats.revision, 1 + kThreads * kEach);
  EXPECT_LT(stats.commits, stats.writes);
}

TEST_F(WriteTest, DestructionAnswersEveryQueuedWrite) {
  open();
  std::atomic<int> answered = 0;
  for (int i = 0; i < 100; ++i) {
    store_->write(make_write(Write::Kind::kCreate, "/g/r/n/" + std::to_string(i)),
                  [&](const Expected<EntryPtr>& r) { answered += r.ok(); });
  }
  store_.reset();
  EXPECT_EQ(answered, 100);
}

}  // namespace
}  // namespace gantry::store
