// Lists: order, pages, the past, and its end.
#include <thread>

#include "core/store/store_test.hpp"

namespace gantry::store {
namespace {

using ListTest = StoreTest;

TEST_F(ListTest, OrderedAndOnlyThePrefix) {
  open();
  for (const char* key : {"/g/pods/b/x", "/g/pods/a/y", "/g/pods/a/x", "/g/podsx/a/x", "/g/po/a/x"}) {
    ASSERT_TRUE(create(key).ok());
  }
  EXPECT_EQ(keys("/g/pods/"), "/g/pods/a/x /g/pods/a/y /g/pods/b/x");
  EXPECT_EQ(keys("/g/pods/a/"), "/g/pods/a/x /g/pods/a/y");
  EXPECT_EQ(keys("/nothing/"), "");
  EXPECT_EQ(store_->list("/g/pods/")->revision, 6);
}

TEST_F(ListTest, Pages) {
  open();
  for (const char* name : {"a", "b", "c", "d", "e"}) {
    ASSERT_TRUE(create(std::string("/g/r/n/") + name).ok());
  }
  auto page = store_->list("/g/r/", 0, "", 2);
  ASSERT_TRUE(page.ok());
  EXPECT_TRUE(page->more);
  EXPECT_EQ(page->remaining, 3);
  ASSERT_EQ(page->entries.size(), 2u);
  const Revision at = page->revision;
  // The following pages show the same moment, whatever happens meanwhile.
  ASSERT_TRUE(remove("/g/r/n/c").ok());
  ASSERT_TRUE(create("/g/r/n/cc").ok());
  ASSERT_TRUE(update("/g/r/n/d", 0, "new").ok());
  page = store_->list("/g/r/", at, "/g/r/n/b", 2);
  ASSERT_TRUE(page.ok());
  EXPECT_EQ(keys("/g/r/", at, "/g/r/n/b", 2), "/g/r/n/c /g/r/n/d");
  EXPECT_EQ(page->entries[1]->value, value_at(5));
  EXPECT_TRUE(page->more);
  EXPECT_EQ(page->remaining, 1);
  EXPECT_EQ(page->revision, at);
  page = store_->list("/g/r/", at, "/g/r/n/d", 2);
  EXPECT_FALSE(page->more);
  EXPECT_EQ(page->remaining, 0);
  EXPECT_EQ(keys("/g/r/", at, "/g/r/n/d", 2), "/g/r/n/e");
  EXPECT_EQ(keys("/g/r/", 0, "/g/r/n/b"), "/g/r/n/cc /g/r/n/d /g/r/n/e");
  EXPECT_EQ(keys("/g/r/", 0, "/g/s/"), "");
  EXPECT_EQ(keys("/g/r/", 0, "/a"), "/g/r/n/a /g/r/n/b /g/r/n/cc /g/r/n/d /g/r/n/e");
}

TEST_F(ListTest, EveryKeptRevision) {
  open();
  std::vector<std::string> history = {keys("/g/")};  // at revision 1
  const auto note = [&] { history.push_back(keys("/g/")); };
  for (int i = 0; i < 60; ++i) {
    const std::string key = "/g/r/n/" + std::to_string(i * 7 % 10);
    if (store_->get(key))
      ASSERT_TRUE((i % 3 ? remove(key) : update(key)).ok());
    else
      ASSERT_TRUE(create(key).ok());
    note();
  }
  for (size_t i = 0; i < history.size(); ++i) {
    EXPECT_EQ(keys("/g/", static_cast<Revision>(i + 1)), history[i]) << i;
  }
}

TEST_F(ListTest, CompactedIsExpiredAndFutureIsTooLarge) {
  open();
  for (int i = 0; i < 5; ++i) ASSERT_TRUE(create("/g/r/n/" + std::to_string(i)).ok());
  store_->compact(4);
  EXPECT_EQ(store_->stats().compacted, 4);
  EXPECT_EQ(keys("/g/", 3), "Expired: The resourceVersion for the provided list is too old.");
  EXPECT_EQ(keys("/g/", 4), "/g/r/n/0 /g/r/n/1 /g/r/n/2");
  auto future = store_->list("/g/", 99);
  ASSERT_FALSE(future.ok());
  EXPECT_EQ(future.error().message(), "Too large resource version: 99, current: 6");
  store_->compact(1000);
  EXPECT_EQ(store_->stats().compacted, 6);
}

TEST_F(ListTest, HistoryIsBoundedByEntriesAndBytes) {
  options_.history_entries = 10;
  open();
  ASSERT_TRUE(create("/g/r/n/a").ok());
  for (int i = 0; i < 30; ++i) ASSERT_TRUE(update("/g/r/n/a").ok());
  EXPECT_EQ(store_->stats().compacted, store_->revision() - 10);
  options_.history_entries = 1000;
  options_.history_bytes = 5000;
  open();
  const std::string big(1000, 'x');
  for (int i = 0; i < 30; ++i) ASSERT_TRUE(update("/g/r/n/a", 0, big).ok());
  EXPECT_EQ(store_->stats().compacted, store_->revision() - 4);
}

TEST_F(ListTest, WhatWasDerivedCountsForHistory) {
  struct Large : Derived {
    size_t size() const override { return 1000; }
  };
  options_.history_bytes = 5000;
  open();
  ASSERT_TRUE(create("/g/r/n/a").ok());
  for (int i = 0; i < 30; ++i) {
    const auto entry = store_->get("/g/r/n/a");
    entry->derived[0] = new Large;
    ASSERT_TRUE(update("/g/r/n/a").ok());
    // Made when the version is history already: it must not be taken off what was never put on.
    entry->derived[1] = new Large;
  }
  EXPECT_EQ(store_->stats().compacted, store_->revision() - 4);
}

TEST_F(ListTest, OldHistoryGoesByItself) {
  options_.history_entries = 80;
  options_.history_age = std::chrono::seconds(0);
  open();
  ASSERT_TRUE(create("/g/r/n/a").ok());
  for (int i = 0; i < 30; ++i) ASSERT_TRUE(update("/g/r/n/a").ok());
  // An eighth of the limit stays, however old.
  ASSERT_TRUE(update("/g/r/n/a").ok());
  const Stats stats = store_->stats();
  EXPECT_GE(stats.compacted, stats.revision - 11);
  EXPECT_LE(stats.compacted, stats.revision - 10);
}

TEST_F(ListTest, ReadersSeeWholeBatchesWhileWritersWrite) {
  open();
  std::atomic<bool> stop = false;
  std::thread reader([&] {
    Revision last = 0;
    while (!stop) {
      auto all = store_->list("/g/");
      ASSERT_TRUE(all.ok());
      ASSERT_GE(all->revision, last);
      last = all->revision;
      for (const EntryPtr& entry : all->entries) ASSERT_LE(entry->mod_revision, last);
      ASSERT_EQ(all->entries.size(), static_cast<size_t>(last - 1));
    }
  });
  for (int i = 0; i < 300; ++i) ASSERT_TRUE(create("/g/r/n/" + std::to_string(i)).ok());
  stop = true;
  reader.join();
}

TEST_F(ListTest, FindsByAFieldWithoutALookAtTheOthers) {
  open();
  const auto index = std::make_shared<TagIndex>();
  for (int i = 0; i < 100; ++i) {
    ASSERT_TRUE(
        create("/g/r/n" + std::to_string(i % 2) + "/" + std::to_string(i), i == 7 ? "" : std::to_string(i % 10)).ok());
  }
  EXPECT_FALSE(store_->find("/g/r/", {index, "3"})) << "nobody has asked for it";
  store_->index("/g/r/", index);
  store_->index("/g/r/", index);
  EXPECT_FALSE(store_->find("/g/", {index, "3"}));
  EXPECT_FALSE(store_->find("/g/r/", {index, ""})) << "the list has them";
  const auto keys = [&](const std::string& value, const std::string& prefix = "/g/r/", const std::string& after = "") {
    std::vector<std::string> found;
    const int asked = index->asked;
    const auto result = store_->find(prefix, {index, value}, after);
    EXPECT_EQ(index->asked, asked);
    EXPECT_TRUE(result);
    EXPECT_EQ(result->revision, store_->revision());
    for (const auto& entry : result->entries) found.push_back(entry->key);
    return found;
  };
  EXPECT_EQ(keys("3").size(), 10u);
  EXPECT_EQ(keys("7").size(), 9u);
  EXPECT_THAT(keys("3", "/g/r/n1/", "/g/r/n1/73"), testing::ElementsAre("/g/r/n1/83", "/g/r/n1/93"));
  EXPECT_TRUE(keys("3", "/g/r/n0/").empty());
  EXPECT_TRUE(keys("other").empty());
  // Kept up to date.
  ASSERT_TRUE(update("/g/r/n1/83", 0, "4").ok());
  ASSERT_TRUE(update("/g/r/n1/93", 0, "3").ok());
  ASSERT_TRUE(remove("/g/r/n1/73").ok());
  ASSERT_TRUE(create("/g/r/n2/x", "3").ok());
  ASSERT_TRUE(create("/g/rr/n2/x", "3").ok());
  EXPECT_THAT(keys("3", "/g/r/", "/g/r/n1/63"), testing::ElementsAre("/g/r/n1/93", "/g/r/n2/x"));
  EXPECT_EQ(store_->find("/g/r/n1/93", {index, "3"})->entries.at(0), store_->get("/g/r/n1/93"));
  EXPECT_EQ(keys("4").size(), 11u);
}

}  // namespace
}  // namespace gantry::store
