// For tests of what is kept in memory alone: a store with a prefix that is volatile.
#pragma once

#include <sqlite3.h>

#include <thread>

#include "core/store/hand_clock.hpp"
#include "core/store/store_test.hpp"

namespace gantry::store {

inline int64_t number_in(const std::filesystem::path& database, const std::string& query) {
  sqlite3* db = nullptr;
  sqlite3_stmt* statement = nullptr;
  sqlite3_open(database.c_str(), &db);
  sqlite3_prepare_v2(db, query.c_str(), -1, &statement, nullptr);
  const int64_t number = sqlite3_step(statement) == SQLITE_ROW ? sqlite3_column_int64(statement, 0) : -1;
  sqlite3_finalize(statement);
  sqlite3_close(db);
  return number;
}

// Keys under "/v/" are volatile, others are not.
class VolatileTest : public StoreTest {
 protected:
  static constexpr std::chrono::seconds kLife{60};

  void TearDown() override {
    store_.reset();
    StoreTest::TearDown();
  }
  void open() {
    StoreTest::open();
    if (store_) store_->set_volatile("/v/", {kLife, 1'000, 1 << 20});
  }
  Revision created(const std::string& key, const std::string& tag = "") {
    auto result = create(key, tag);
    EXPECT_TRUE(result.ok()) << key << ": " << (result.ok() ? "" : result.error().message());
    return result.ok() ? (*result)->mod_revision : 0;
  }
  Revision updated(const std::string& key, const std::string& tag = "") {
    auto result = update(key, 0, tag);
    EXPECT_TRUE(result.ok()) << key << ": " << (result.ok() ? "" : result.error().message());
    return result.ok() ? (*result)->mod_revision : 0;
  }
  // Writes that the writer finds waiting all at once. Their answers in the order in which they came, each with what
  // `look` says at that moment.
  std::vector<std::string> together(std::vector<Write> writes, const std::function<std::string()>& look) {
    std::promise<void> begun, go;
    store_->write(make_write(Write::Kind::kUpdate, "/nobody"), [&](const Expected<EntryPtr>&) {
      begun.set_value();
      go.get_future().wait();
    });
    begun.get_future().wait();
    std::vector<std::string> answers;
    std::promise<void> all;
    const size_t count = writes.size();
    for (Write& write : writes) {
      const std::string key = write.key;
      store_->write(std::move(write), [&, key](const Expected<EntryPtr>& result) {
        answers.push_back(key + " " +
                          (result.ok() ? std::to_string((*result)->mod_revision) : result.error().reason()) + " " +
                          look());
        if (answers.size() == count) all.set_value();
      });
    }
    go.set_value();
    all.get_future().wait();
    return answers;
  }
};

class VolatileDiskTest : public VolatileTest {
 protected:
  void SetUp() override {
    VolatileTest::SetUp();
    options_.log = lines_.log();
    options_.ballast_bytes = 0;
  }
  void sql(const std::string& text) {
    store_.reset();
    sqlite3* db = nullptr;
    ASSERT_EQ(sqlite3_open(options_.path.c_str(), &db), SQLITE_OK);
    EXPECT_EQ(sqlite3_exec(db, text.c_str(), nullptr, nullptr, nullptr), SQLITE_OK) << sqlite3_errmsg(db);
    sqlite3_close(db);
  }
  // Of so many updates of "/v/n/a", how many went through.
  int update_often(int count) {
    std::atomic<int> left = count, well = 0;
    std::promise<void> all;
    for (int i = 0; i < count; ++i) {
      while (i - (count - left) > 1'000) std::this_thread::yield();
      store_->write(make_write(Write::Kind::kUpdate, "/v/n/a"), [&](const Expected<EntryPtr>& result) {
        if (result.ok()) ++well;
        if (--left == 0) all.set_value();
      });
    }
    all.get_future().wait();
    return well;
  }
  Lines lines_;
};

}  // namespace gantry::store
