// What the disk keeps: reopening, kill -9, a full disk, damage, a second opener.
#include <signal.h>
#include <sqlite3.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <fstream>
#include <map>
#include <thread>

#include "core/store/store_test.hpp"

namespace gantry::store {
namespace {

using DurabilityTest = StoreTest;

TEST_F(DurabilityTest, ReopeningKeepsObjectsRevisionsAndHistory) {
  open();
  ASSERT_TRUE(create("/g/r/n/a", "1").ok());
  ASSERT_TRUE(create("/g/r/n/b").ok());
  ASSERT_TRUE(update("/g/r/n/a", 0, "2").ok());
  ASSERT_TRUE(remove("/g/r/n/b").ok());
  open();
  EXPECT_EQ(store_->revision(), 5);
  const EntryPtr a = store_->get("/g/r/n/a");
  ASSERT_TRUE(a);
  EXPECT_EQ(a->value, value_at(4, "2"));
  EXPECT_EQ(a->create_revision, 2);
  EXPECT_EQ(a->mod_revision, 4);
  EXPECT_EQ(keys("/g/", 3), "/g/r/n/a /g/r/n/b");
  Recorder recorder;
  auto w = store_->watch("/g/", 2, recorder.callback());
  ASSERT_TRUE(w.ok());
  ASSERT_TRUE(recorder.wait_count(3));
  const auto events = recorder.events();
  EXPECT_EQ(events[1]->previous->value, value_at(2, "1"));
  EXPECT_EQ(events[2]->type, EventType::kDelete);
  EXPECT_EQ(events[2]->previous->mod_revision, 3);
  ASSERT_TRUE(create("/g/r/n/c").ok());
  EXPECT_EQ(store_->revision(), 6);
}

int64_t rows(const std::filesystem::path& path) {
  sqlite3* db = nullptr;
  sqlite3_stmt* statement = nullptr;
  sqlite3_open(path.c_str(), &db);
  sqlite3_prepare_v2(db, "SELECT count(*) FROM versions", -1, &statement, nullptr);
  const int64_t count = sqlite3_step(statement) == SQLITE_ROW ? sqlite3_column_int64(statement, 0) : -1;
  sqlite3_finalize(statement);
  sqlite3_close(db);
  return count;
}

TEST_F(DurabilityTest, DroppedHistoryLeavesTheDiskAndRevisionsAreNotReused) {
  options_.history_entries = 10;
  open();
  for (int i = 0; i < 200; ++i) {
    const std::string key = "/g/r/n/" + std::to_string(i);
    ASSERT_TRUE(create(key).ok());
    ASSERT_TRUE(remove(key).ok());
  }
  const Revision last = store_->revision();
  store_->compact(last);
  open();
  EXPECT_EQ(store_->revision(), last);
  EXPECT_EQ(keys("/g/"), "");
  // One more write takes what the compaction above left.
  store_->compact(last);
  ASSERT_TRUE(create("/g/r/n/x").ok());
  store_.reset();
  EXPECT_LT(rows(options_.path), 70);
  open();
  EXPECT_EQ(store_->revision(), last + 1);
  EXPECT_EQ(keys("/g/"), "/g/r/n/x");
}

TEST_F(DurabilityTest, SecondOpenerIsRefused) {
  open();
  auto second = open_sqlite(options_);
  ASSERT_FALSE(second.ok());
  EXPECT_NE(second.error().message().find("in use by process " + std::to_string(getpid())), std::string::npos)
      << second.error().message();
  EXPECT_NE(second.error().message().find(options_.path.string()), std::string::npos);
  ASSERT_TRUE(create("/g/r/n/a").ok());
  open();  // closes the first: then it is free
}

TEST_F(DurabilityTest, FilesArePrivate) {
  open();
  ASSERT_TRUE(create("/g/r/n/a").ok());
  for (const auto& file : std::filesystem::directory_iterator(folder_)) {
    struct stat info {};
    ASSERT_EQ(stat(file.path().c_str(), &info), 0);
    EXPECT_EQ(info.st_mode & 077, 0u) << file.path();
  }
}

TEST_F(DurabilityTest, NotADatabase) {
  std::ofstream(options_.path) << std::string(8192, 'x');
  auto result = open_sqlite(options_);
  ASSERT_FALSE(result.ok());
  EXPECT_NE(result.error().message().find(options_.path.string() + " is damaged"), std::string::npos)
      << result.error().message();
  EXPECT_NE(result.error().message().find("backup"), std::string::npos);
}

TEST_F(DurabilityTest, DamagedPages) {
  open();
  for (int i = 0; i < 100; ++i) {
    ASSERT_TRUE(create("/g/r/n/" + std::to_string(i), std::string(1000, 'v')).ok());
  }
  store_.reset();
  {
    std::fstream file(options_.path, std::ios::in | std::ios::out | std::ios::binary);
    for (int page = 3; page < 12; ++page) {
      file.seekp(page * 4096);
      file << std::string(64, '\xee');
    }
  }
  auto result = open_sqlite(options_);
  ASSERT_FALSE(result.ok());
  EXPECT_NE(result.error().message().find("is damaged"), std::string::npos) << result.error().message();
}

TEST_F(DurabilityTest, NewerSchemaAndForeignDatabasesAreRefused) {
  open();
  store_.reset();
  sqlite3* db = nullptr;
  ASSERT_EQ(sqlite3_open(options_.path.c_str(), &db), SQLITE_OK);
  sqlite3_exec(db, "PRAGMA user_version=99", nullptr, nullptr, nullptr);
  sqlite3_close(db);
  auto result = open_sqlite(options_);
  ASSERT_FALSE(result.ok());
  EXPECT_NE(result.error().message().find("newer"), std::string::npos) << result.error().message();

  options_.path = folder_ / "foreign.db";
  ASSERT_EQ(sqlite3_open(options_.path.c_str(), &db), SQLITE_OK);
  sqlite3_exec(db, "CREATE TABLE t(a)", nullptr, nullptr, nullptr);
  sqlite3_close(db);
  result = open_sqlite(options_);
  ASSERT_FALSE(result.ok());
  EXPECT_NE(result.error().message().find("not one of Gantry's"), std::string::npos);
}

TEST_F(DurabilityTest, MissingFolderIsNamed) {
  options_.path = folder_ / "none" / "state.db";
  auto result = open_sqlite(options_);
  ASSERT_FALSE(result.ok());
  EXPECT_NE(result.error().message().find("none/state.db"), std::string::npos);
  EXPECT_NE(result.error().message().find("No such file or directory"), std::string::npos);
}

// What a child reports before it is killed: a write it was told is durable.
struct Acknowledged {
  Revision revision = 0;
  int32_t slot = 0;
  int32_t deleted = 0;
};

// Two digits each, so that no key is a prefix of another one.
std::string slot_key(int32_t slot) { return "/g/r/n/" + std::to_string(10 + slot); }

// Writes without an end, from four threads over keys of their own.
[[noreturn]] void write_until_killed(const SqliteOptions& options, int out) {
  auto opened = open_sqlite(options);
  if (!opened.ok()) _exit(1);
  Store& store = **opened;
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&, t] {
      for (int32_t i = 0;; ++i) {
        const int32_t slot = t * 10 + i % 10;
        const std::string key = slot_key(slot);
        const bool exists = store.get(key) != nullptr;
        const bool removes = exists && i % 7 == 0;
        const auto kind = removes ? Write::Kind::kDelete : exists ? Write::Kind::kUpdate : Write::Kind::kCreate;
        auto result = wait_write(store, make_write(kind, key, 0, std::string(4'000, 'p')));
        if (!result.ok()) _exit(2);
        const Acknowledged report{(*result)->mod_revision, slot, removes};
        if (write(out, &report, sizeof report) != sizeof report) _exit(3);
      }
    });
  }
  for (auto& thread : threads) thread.join();
  _exit(4);
}

// Reads reports until `enough`, kills the child, and reads what it still had said.
std::map<Revision, Acknowledged> run_and_kill(const SqliteOptions& options, size_t enough) {
  std::map<Revision, Acknowledged> reports;
  int ends[2];
  if (pipe(ends) != 0) return reports;
  const pid_t child = fork();
  if (child == 0) {
    close(ends[0]);
    write_until_killed(options, ends[1]);
  }
  close(ends[1]);
  Acknowledged report;
  bool killed = false;
  while (read(ends[0], &report, sizeof report) == sizeof report) {
    EXPECT_TRUE(reports.emplace(report.revision, report).second) << "revision given out twice";
    if (!killed && reports.size() >= enough) {
      kill(child, SIGKILL);
      killed = true;
    }
  }
  close(ends[0]);
  int status = 0;
  waitpid(child, &status, 0);
  EXPECT_TRUE(WIFSIGNALED(status)) << "child ended with " << status;
  return reports;
}

TEST_F(DurabilityTest, KillNeverLosesAnAcknowledgedWriteNorReusesARevision) {
  options_.history_entries = 50;  // so that rows are deleted all the time, too
  Revision last = 1;
  for (int round = 0; round < testing_support::scaled(20, 7); ++round) {
    // Some rounds are long enough for a checkpoint. The second child finds what the first one's
    // death left.
    const auto enough = static_cast<size_t>(round % 7 == 6 ? 3'000 : 20 + round * 13);
    auto reports = run_and_kill(options_, enough);
    ASSERT_FALSE(reports.empty());
    const Revision first_end = reports.rbegin()->first;
    auto more = run_and_kill(options_, 30);
    ASSERT_FALSE(more.empty());
    EXPECT_GT(more.begin()->first, first_end) << "revision reused after a kill";
    reports.merge(more);
    EXPECT_GT(reports.begin()->first, last) << "revision reused after a restart";
    open();
    EXPECT_GE(store_->revision(), reports.rbegin()->first);
    std::map<int32_t, Acknowledged> newest;
    for (const auto& [revision, report] : reports) newest[report.slot] = report;
    for (const auto& [slot, report] : newest) {
      // One further write of the slot may be on disk without its answer having come through.
      const EntryPtr entry = store_->get(slot_key(slot));
      if (entry && entry->mod_revision > report.revision) continue;
      if (!entry && !report.deleted) {
        auto before = store_->list(slot_key(slot), report.revision);
        ASSERT_TRUE(!before.ok() || before->entries.size() == 1) << "lost " << report.revision;
        ASSERT_GT(store_->revision(), report.revision);
        continue;
      }
      EXPECT_EQ(entry == nullptr, report.deleted != 0) << slot;
      if (entry) {
        EXPECT_EQ(entry->mod_revision, report.revision);
      }
    }
    last = store_->revision();
    store_.reset();
  }
}

class FullDiskTest : public StoreTest {
 protected:
  void SetUp() override {
    StoreTest::SetUp();
    mounted_ = folder_ / "small";
    std::filesystem::create_directory(mounted_);
    if (mount("tmpfs", mounted_.c_str(), "tmpfs", 0, "size=2m") != 0) {
      GTEST_SKIP() << "cannot mount a small tmpfs here";
    }
    options_.path = mounted_ / "state.db";
  }
  void TearDown() override {
    store_.reset();
    umount2(mounted_.c_str(), MNT_DETACH);
    StoreTest::TearDown();
  }
  std::filesystem::path mounted_;
};

TEST_F(FullDiskTest, FailsClearlyAndWorksAgainWhenThereIsSpace) {
  open();
  const auto filler = mounted_ / "filler";
  std::ofstream(filler) << std::string(1 << 20, 'f');
  const std::string big(20'000, 'b');
  Status error;
  int written = 0;
  while (error.ok()) {
    ASSERT_LT(written, 1000);
    auto result = create("/g/r/n/" + std::to_string(written), big);
    if (result.ok())
      ++written;
    else
      error = result.error();
  }
  EXPECT_EQ(error.code(), 500);
  EXPECT_EQ(error.reason(), "InternalError");
  EXPECT_NE(error.message().find(options_.path.string()), std::string::npos) << error.message();
  EXPECT_NE(error.message().find("No space left on device"), std::string::npos) << error.message();
  const std::string failed = "/g/r/n/" + std::to_string(written);
  EXPECT_EQ(store_->get(failed), nullptr);
  EXPECT_EQ(store_->stats().entries, written);
  EXPECT_EQ(store_->revision(), 1 + written);
  std::filesystem::remove(filler);
  auto again = create(failed, big);
  ASSERT_TRUE(again.ok()) << again.error().message();
  EXPECT_EQ((*again)->mod_revision, 2 + written);
  open();
  EXPECT_EQ(store_->revision(), 2 + written);
  EXPECT_EQ(store_->stats().entries, written + 1);
}

}  // namespace
}  // namespace gantry::store
