// What is kept in memory alone beside a disk: nothing of it is there, and whatever becomes of process and disk, no
// revision is given out twice and nothing of the rest is lost, or taken for lost.
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <set>

#include "core/store/volatile_testing.hpp"

namespace gantry::store {
namespace {

using testing::HasSubstr;

TEST_F(VolatileDiskTest, NothingOfItIsOnDisk) {
  open();
  created("/g/r/n/x", "on the disk");
  for (int i = 0; i < 300; ++i) created("/v/secret/" + std::to_string(i), "usage of it");
  for (int i = 0; i < 300; ++i) updated("/v/secret/" + std::to_string(i), "usage of it");
  EXPECT_EQ(store_->stats().commits, 1) << "no transaction for any of them";
  for (const char* suffix : {"", "-wal"}) {
    const auto bytes = read_file(beside(suffix));
    EXPECT_EQ(bytes.find("secret"), std::string::npos) << suffix;
    EXPECT_EQ(bytes.find("usage of it"), std::string::npos) << suffix;
  }
  EXPECT_NE(read_file(beside("-wal")).find("on the disk"), std::string::npos);
  const auto log = std::filesystem::file_size(beside("-wal"));
  for (int i = 0; i < 300; ++i) updated("/v/secret/" + std::to_string(i), "usage of it");
  EXPECT_EQ(std::filesystem::file_size(beside("-wal")), log);
  store_.reset();
  EXPECT_EQ(number_in(options_.path, "SELECT count(*) FROM versions"), 1);
  open();
  EXPECT_EQ(keys("/"), "/g/r/n/x");
}

TEST_F(VolatileDiskTest, AStartBeginsBehindWhatWasToldBefore) {
  open();
  created("/g/r/n/x");                      // 2
  created("/v/n/a");                        // 3
  created("/g/r/n/y");                      // 4
  const Revision told = updated("/v/n/a");  // 5
  open();
  EXPECT_EQ(store_->revision(), told + 1) << "a clean stop wastes nothing";
  EXPECT_EQ(keys("/"), "/g/r/n/x /g/r/n/y");
  Recorder recorder;
  // Who knows of entries that are gone has to list anew; who just did need not.
  EXPECT_EQ(store_->watch("/v/", told, recorder.callback()).error().code(), 410);
  EXPECT_EQ(store_->watch("/", told, recorder.callback()).error().code(), 410);
  EXPECT_EQ(keys("/v/", told).substr(0, 8), "Expired:");
  EXPECT_TRUE(store_->watch("/v/", store_->list("/v/")->revision, recorder.callback()).ok());
  // What is on disk goes on where it was.
  auto watch = store_->watch("/g/", 2, recorder.callback());
  ASSERT_TRUE(watch.ok());
  EXPECT_EQ(keys("/g/", 3), "/g/r/n/x");
  EXPECT_EQ(created("/g/r/n/z"), told + 2);
  ASSERT_TRUE(recorder.wait_count(2));
  EXPECT_EQ(recorder.revisions(), (std::vector<Revision>{4, told + 2}));
  open();
  EXPECT_EQ(store_->revision(), told + 3);
  EXPECT_EQ(keys("/g/"), "/g/r/n/x /g/r/n/y /g/r/n/z");
}

TEST_F(VolatileDiskTest, AKillWastesSomeRevisionsAndNothingElse) {
  open();
  created("/g/r/n/x");
  created("/v/n/a");
  for (int i = 0; i < 10; ++i) updated("/v/n/a");
  created("/g/r/n/y");
  const Revision told = updated("/v/n/a");
  kill_here();
  open();
  const Revision begin = store_->revision();
  EXPECT_GT(begin, told);
  EXPECT_LT(begin, told + 70'000);
  EXPECT_EQ(keys("/"), "/g/r/n/x /g/r/n/y");
  Recorder recorder;
  // A list that was made between the last write on disk and the kill.
  auto watch = store_->watch("/g/", told, recorder.callback());
  ASSERT_TRUE(watch.ok());
  EXPECT_EQ(keys("/g/", told), "/g/r/n/x /g/r/n/y");
  EXPECT_EQ(created("/v/n/a"), begin + 1);
  EXPECT_EQ(created("/g/r/n/z"), begin + 2);
  ASSERT_TRUE(recorder.wait_count(1));
  EXPECT_EQ(recorder.revisions(), (std::vector<Revision>{begin + 2}));
  EXPECT_EQ(keys("/g/", begin + 3).substr(0, 8), "Timeout:");
  EXPECT_TRUE(lines_.all().empty()) << lines_.all().front();
}

TEST_F(VolatileDiskTest, RevisionsAreReservedAheadAndSeldom) {
  options_.reserved_revisions = 3'000;
  open();
  created("/v/n/a");
  const auto log = std::filesystem::file_size(beside("-wal"));
  EXPECT_EQ(update_often(4'500), 4'500) << "more than are reserved at once";
  const auto grown = std::filesystem::file_size(beside("-wal")) - log;
  EXPECT_GT(grown, 0u);
  EXPECT_LT(grown, 5u * 4'200) << "one or two transactions";
  const Revision told = store_->revision();
  kill_here();
  open();
  EXPECT_GT(store_->revision(), told);
  // Transactions that are made anyway take the reservation along.
  created("/v/n/a");
  const Revision begin = store_->revision();
  for (int i = 0; i < 10; ++i) created("/g/r/n/" + std::to_string(i));
  const Revision last = updated("/v/n/a");
  EXPECT_EQ(last, begin + 11);
}

// A child that writes both kinds without an end, and says what it was told.
[[noreturn]] void write_both_until_killed(const SqliteOptions& options, int out) {
  auto opened = open_sqlite(options);
  if (!opened.ok()) _exit(1);
  Store& store = **opened;
  store.set_volatile("/v/", {std::chrono::seconds(60), 1'000, 1 << 20});
  std::vector<std::thread> threads;
  for (int t = 0; t < 3; ++t) {
    threads.emplace_back([&, t] {
      const std::string key = (t == 0 ? "/g/n/" : "/v/n/") + std::to_string(t);
      for (;;) {
        const auto kind = store.get(key) ? Write::Kind::kUpdate : Write::Kind::kCreate;
        auto result = wait_write(store, make_write(kind, key, 0, std::string(500, 'p')));
        if (!result.ok()) _exit(2);
        const Revision told[] = {(*result)->mod_revision, t};
        if (write(out, told, sizeof told) != sizeof told) _exit(3);
      }
    });
  }
  for (auto& thread : threads) thread.join();
  _exit(4);
}

TEST_F(VolatileDiskTest, KillsGiveNoRevisionTwice) {
  Revision highest = 0, on_disk = 0;
  for (int round = 0; round < testing_support::scaled(12, 6); ++round) {
    int ends[2];
    ASSERT_EQ(pipe(ends), 0);
    const pid_t child = fork();
    if (child == 0) {
      close(ends[0]);
      write_both_until_killed(options_, ends[1]);
    }
    close(ends[1]);
    std::set<Revision> told;
    Revision report[2];
    bool killed = false;
    while (read(ends[0], report, sizeof report) == sizeof report) {
      EXPECT_TRUE(told.insert(report[0]).second) << report[0] << " was given out twice";
      if (report[1] == 0) on_disk = std::max(on_disk, report[0]);
      if (!killed && told.size() >= static_cast<size_t>(20 + 100 * round)) killed = kill(child, SIGKILL) == 0;
    }
    close(ends[0]);
    int status = 0;
    waitpid(child, &status, 0);
    ASSERT_TRUE(WIFSIGNALED(status)) << "child ended with " << status;
    EXPECT_GT(*told.begin(), highest) << "given out before the kill, too";
    highest = *told.rbegin();
    if (round % 3 != 2) continue;
    open();
    EXPECT_GT(store_->revision(), highest);
    ASSERT_TRUE(store_->get("/g/n/0"));
    EXPECT_GE(store_->get("/g/n/0")->mod_revision, on_disk);
    highest = store_->revision();
    store_.reset();
  }
}

TEST_F(VolatileDiskTest, ALostEndOfTheLogIsStillMissed) {
  open();
  created("/g/r/n/x");
  created("/v/n/a");
  kill_here();
  const auto earlier = read_file(beside("-wal"));
  open();
  const Revision lost = created("/g/r/n/lost");
  Revision told = created("/v/n/a");
  for (int i = 0; i < 20; ++i) told = updated("/v/n/a");
  kill_here();
  write_file(beside("-wal"), earlier);
  EXPECT_THAT(refusal(),
              HasSubstr("ends at revision 2, but revision " + std::to_string(lost) + " had been acknowledged"));
  write_file(beside(".accept-loss"), "");
  open();
  EXPECT_EQ(keys("/"), "/g/r/n/x");
  EXPECT_GT(store_->revision(), told) << "of what was not on disk, too";
}

TEST_F(VolatileDiskTest, ARowThatIsMissingBetweenThemIsStillMissed) {
  open();
  created("/g/r/n/x");  // 2
  created("/v/n/a");    // 3
  created("/g/r/n/y");  // 4
  updated("/v/n/a");    // 5
  created("/g/r/n/z");  // 6
  const auto whole = [&] {
    store_.reset();
    return read_file(options_.path);
  }();
  sql("DELETE FROM versions WHERE revision=4");
  EXPECT_THAT(refusal(), HasSubstr("revision 6 does not follow what is before it"));
  write_file(options_.path, whole);
  sql("UPDATE versions SET deleted=deleted+4 WHERE revision=6");
  EXPECT_THAT(refusal(), HasSubstr("1 that can't be named (the first at revision 6)"));
  write_file(options_.path, whole);
  sql("UPDATE meta SET compacted=compacted-1 WHERE id=2");
  EXPECT_THAT(refusal(), HasSubstr("the revision that had been given out is not what was written"));
  write_file(options_.path, whole);
  open();
  EXPECT_EQ(keys("/"), "/g/r/n/x /g/r/n/y /g/r/n/z");
}

TEST_F(VolatileDiskTest, OnlyADatabaseThatNeedsItIsOfTheNewVersion) {
  open();
  created("/g/r/n/x");
  store_.reset();
  EXPECT_EQ(number_in(options_.path, "PRAGMA user_version"), 2);
  open();
  created("/v/n/a");
  store_.reset();
  EXPECT_EQ(number_in(options_.path, "PRAGMA user_version"), 3);
  open();
  created("/g/r/n/y");
  open();
  EXPECT_EQ(keys("/"), "/g/r/n/x /g/r/n/y");
}

// The history's rows leave the disk as ever, with revisions between them that have none.
TEST_F(VolatileDiskTest, HistoryLeavesTheDisk) {
  options_.history_entries = 10;
  options_.volatile_history_entries = 5;
  open();
  created("/v/n/a");
  for (int i = 0; i < 200; ++i) {
    const std::string key = "/g/n/" + std::to_string(i);
    created(key);
    updated("/v/n/a");
    if (i % 2 == 0) {
      ASSERT_TRUE(remove(key).ok());
    }
  }
  const Revision last = store_->revision();
  kill_here();
  EXPECT_LT(number_in(options_.path, "SELECT count(*) FROM versions"), 300);
  open();
  EXPECT_GT(store_->revision(), last);
  EXPECT_EQ(store_->list("/g/")->entries.size(), 100u);
  EXPECT_EQ(keys("/v/"), "");
  // What is dropped after that start, too.
  for (int i = 0; i < 200; ++i) {
    created("/g/m/" + std::to_string(i));
    ASSERT_TRUE(remove("/g/m/" + std::to_string(i)).ok());
  }
  store_->compact(store_->revision());
  created("/g/m/x");
  store_.reset();
  EXPECT_LT(number_in(options_.path, "SELECT count(*) FROM versions"), 300);
  open();
  EXPECT_EQ(store_->list("/g/")->entries.size(), 101u);
}

TEST_F(VolatileDiskTest, WhatWasStoredBeforeStaysOnDisk) {
  StoreTest::open();
  created("/v/n/old", "1");  // 2
  open();
  updated("/v/n/old", "2");  // 3
  created("/v/n/new");       // 4
  EXPECT_EQ(store_->stats().volatile_entries, 1);
  ASSERT_TRUE(remove("/v/n/new").ok());  // 5
  EXPECT_EQ(keys("/v/", 4), "/v/n/new /v/n/old");
  kill_here();
  open();
  EXPECT_EQ(keys("/v/"), "/v/n/old");
  EXPECT_EQ(store_->get("/v/n/old")->value, value_at(3, "2"));
  ASSERT_TRUE(remove("/v/n/old").ok());
  const Revision again = created("/v/n/old");
  EXPECT_EQ(store_->stats().volatile_entries, 1);
  Recorder recorder;
  auto watch = store_->watch("/v/", again - 2, recorder.callback());
  ASSERT_TRUE(watch.ok());
  ASSERT_TRUE(recorder.wait_count(2));
  EXPECT_EQ(recorder.revisions(), (std::vector<Revision>{again - 1, again}));
  open();
  EXPECT_EQ(keys("/v/"), "");
}

}  // namespace
}  // namespace gantry::store
