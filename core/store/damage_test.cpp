// Damaged, lost and foreign state is noticed at the opening: said with what to do, and nothing is overwritten.
#include <sqlite3.h>
#include <sys/stat.h>

#include <map>

#include "core/store/file_lock.hpp"
#include "core/store/forgetful_disk.hpp"
#include "core/store/row_sum.hpp"
#include "core/store/store_test.hpp"
#include "core/store/wal_check.hpp"

namespace gantry::store {
namespace {

using testing::HasSubstr;

void sql(const std::filesystem::path& path, const std::string& text) {
  sqlite3* db = nullptr;
  ASSERT_EQ(sqlite3_open_v2(path.c_str(), &db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, "unix"), SQLITE_OK);
  char* error = nullptr;
  EXPECT_EQ(sqlite3_exec(db, text.c_str(), nullptr, nullptr, &error), SQLITE_OK) << error;
  sqlite3_close(db);
}

class DamageTest : public StoreTest {
 protected:
  void SetUp() override {
    StoreTest::SetUp();
    options_.log = lines_.log();
    options_.ballast_bytes = 0;
  }
  void damage(const std::string& set) {
    store_.reset();
    sql(options_.path, "UPDATE versions SET " + set);
  }
  void allow() { write_file(beside(".accept-loss"), ""); }
  // Every file of the folder that has something in it, and what: size and sum.
  std::map<std::string, std::pair<size_t, int64_t>> files() const {
    std::map<std::string, std::pair<size_t, int64_t>> all;
    for (const auto& file : std::filesystem::directory_iterator(options_.path.parent_path())) {
      if (!file.is_regular_file() || file.path().extension() == ".lock") continue;
      const auto bytes = read_file(file.path());
      if (!bytes.empty()) all[file.path()] = {bytes.size(), row_sum(0, 0, RowKind::kPut, {}, bytes)};
    }
    return all;
  }
  void fill(int count) {
    open();
    for (int i = 0; i < count; ++i)
      ASSERT_TRUE(create("/g/r/n/" + std::to_string(10 + i), std::string(3000, 'v')).ok());
  }

  Lines lines_;
};

TEST(RowSum, TellsEveryPartFromEveryOther) {
  const auto sum = row_sum(7, 3, RowKind::kPut, "key", "value");
  EXPECT_EQ(compare_sums(sum, sum), Damage::kNone);
  EXPECT_EQ(compare_sums(sum, row_sum(7, 3, RowKind::kPut, "key", "valuf")), Damage::kValue);
  EXPECT_EQ(compare_sums(sum, row_sum(7, 3, RowKind::kPut, "key", "")), Damage::kValue);
  EXPECT_EQ(compare_sums(sum, row_sum(8, 3, RowKind::kPut, "key", "value")), Damage::kHead);
  EXPECT_EQ(compare_sums(sum, row_sum(7, 2, RowKind::kPut, "key", "value")), Damage::kHead);
  EXPECT_EQ(compare_sums(sum, row_sum(7, 3, RowKind::kDelete, "key", "value")), Damage::kHead);
  EXPECT_EQ(compare_sums(sum, row_sum(7, 3, RowKind::kPut, "kez", "value")), Damage::kHead);
  EXPECT_EQ(compare_sums(sum, row_sum(7, 3, RowKind::kPut, "kez", "valuf")), Damage::kHead);
}

TEST_F(DamageTest, AnObjectThatIsNotWhatWasWrittenIsNamedAndRefused) {
  fill(3);
  damage("value=x'7b7d' WHERE key=CAST('/g/r/n/11' AS BLOB)");
  const auto before = files();
  const auto message = refusal();
  EXPECT_THAT(message, HasSubstr("\"/g/r/n/11\" of revision 3"));
  EXPECT_THAT(message, HasSubstr("backup"));
  EXPECT_THAT(message, HasSubstr(beside(".accept-loss").string()));
  EXPECT_EQ(files(), before);
}

TEST_F(DamageTest, WhenAllowedItIsLeftOutAndNothingElse) {
  fill(3);
  damage("value=x'7b7d' WHERE key=CAST('/g/r/n/11' AS BLOB)");
  allow();
  open();
  EXPECT_EQ(keys("/g/"), "/g/r/n/10 /g/r/n/12");
  EXPECT_EQ(store_->revision(), 4);
  EXPECT_EQ(store_->get("/g/r/n/12")->value, value_at(4, std::string(3000, 'v')));
  EXPECT_TRUE(lines_.wait_for("\"/g/r/n/11\" of revision 3"));
  EXPECT_FALSE(std::filesystem::exists(beside(".accept-loss"))) << "for one start";
  ASSERT_TRUE(create("/g/r/n/11", "again").ok());
  open();
  EXPECT_EQ(keys("/g/"), "/g/r/n/10 /g/r/n/11 /g/r/n/12");
  EXPECT_EQ(store_->revision(), 5);
}

TEST_F(DamageTest, ManyAreCounted) {
  fill(13);
  damage("value=x'00'");
  const auto message = refusal();
  EXPECT_THAT(message, HasSubstr("\"/g/r/n/19\" of revision 11 and 3 more"));
  EXPECT_THAT(message, testing::Not(HasSubstr("/g/r/n/20")));
}

TEST_F(DamageTest, ARowWithoutANameIsRefusedAndLeftOutWhenAllowed) {
  for (const char* set : {"key=x'2f01' WHERE revision=3", "created=9 WHERE revision=3", "deleted=1 WHERE revision=3",
                          "sum=sum+4294967296 WHERE revision=3", "revision=9 WHERE revision=4"}) {
    options_.path = folder_ / (std::string(set).substr(0, 3) + ".db");
    fill(3);
    damage(set);
    EXPECT_THAT(refusal(), HasSubstr("1 that can't be named")) << set;
    allow();
    open();
    EXPECT_EQ(store_->stats().entries, 2) << set;
    const Revision end = store_->revision();
    ASSERT_TRUE(create("/g/r/n/x").ok());
    open();
    EXPECT_EQ(store_->revision(), end + 1) << set;
    EXPECT_EQ(store_->stats().entries, 3) << set;
  }
}

TEST_F(DamageTest, WhatFollowedARowWithoutANameGoesWithIt) {
  fill(2);
  ASSERT_TRUE(remove("/g/r/n/10").ok());
  ASSERT_TRUE(create("/g/r/n/12").ok());
  damage("key=x'2f01' WHERE revision=2");
  EXPECT_THAT(refusal(), HasSubstr("1 that can't be named (the first at revision 2)"));
  allow();
  open();
  EXPECT_EQ(keys("/g/"), "/g/r/n/11 /g/r/n/12");
  open();
  EXPECT_EQ(store_->revision(), 5);
}

TEST_F(DamageTest, AHoleInTheHistoryIsRefused) {
  fill(3);
  store_.reset();
  sql(options_.path, "DELETE FROM versions WHERE revision=3");
  EXPECT_THAT(refusal(), HasSubstr("revision 4 does not follow"));
  allow();
  EXPECT_THAT(refusal(), HasSubstr("revision 4 does not follow")) << "there is no telling what else is missing";
}

TEST_F(DamageTest, DamagedHistoryCostsTheHistory) {
  fill(2);
  ASSERT_TRUE(update("/g/r/n/10", 0, "newer").ok());
  ASSERT_TRUE(remove("/g/r/n/11").ok());
  for (const char* row : {"2", "5"}) {  // a version before, and a final state
    damage(std::string("value=x'00' WHERE revision=") + row);
    open();
    EXPECT_EQ(store_->get("/g/r/n/10")->value, value_at(4, "newer"));
    EXPECT_EQ(keys("/g/"), "/g/r/n/10");
    EXPECT_EQ(keys("/g/", 4).substr(0, 8), "Expired:");
    EXPECT_TRUE(lines_.wait_for("was damaged in its history"));
  }
  const auto said = lines_.all().size();
  open();
  EXPECT_EQ(lines_.all().size(), said) << "mended";
  EXPECT_EQ(store_->revision(), 5);
}

TEST_F(DamageTest, WhatCanNotBeMendedNowIsRefusedUnlessItIsHistory) {
  ForgetfulDisk disk;
  fill(2);
  ASSERT_TRUE(update("/g/r/n/10", 0, "newer").ok());
  damage("value=x'00' WHERE revision=2");
  disk.set_full([] { return true; });
  open();
  EXPECT_EQ(keys("/g/"), "/g/r/n/10 /g/r/n/11");
  store_.reset();
  for (const char* set : {"value=x'00' WHERE revision=3", "created=1 WHERE revision=3"}) {
    disk.set_full(nullptr);
    damage(set);
    disk.set_full([] { return true; });
    allow();
    EXPECT_THAT(refusal(), HasSubstr("No space left on device")) << set;
    EXPECT_TRUE(std::filesystem::exists(beside(".accept-loss")));
  }
  disk.set_full(nullptr);
  open();
  EXPECT_EQ(keys("/g/"), "/g/r/n/10");
  store_.reset();
}

TEST_F(DamageTest, RowsThatAreNotThereAreMissed) {
  fill(40);
  store_->compact(store_->revision());
  store_.reset();
  auto bytes = read_file(options_.path);
  // The number of cells of every leaf: one less.
  int leaves = 0;
  for (size_t page = 4096; page < bytes.size(); page += 4096) {
    if (bytes[page] != 0x0d || bytes[page + 4] == 0) continue;
    --bytes[page + 4];
    ++leaves;
  }
  ASSERT_GT(leaves, 0);
  write_file(options_.path, bytes);
  EXPECT_THAT(refusal(), HasSubstr("is damaged"));
}

TEST_F(DamageTest, TheBeginningOfTheHistoryHasASumToo) {
  fill(2);
  store_.reset();
  sql(options_.path, "UPDATE meta SET compacted=2");
  EXPECT_THAT(refusal(), HasSubstr("is damaged"));
}

TEST_F(DamageTest, ADatabaseWithoutSumsIsUpgraded) {
  sql(options_.path,
      "PRAGMA journal_mode=WAL; CREATE TABLE versions(revision INTEGER PRIMARY KEY, created INTEGER NOT NULL,"
      " deleted INTEGER NOT NULL, key BLOB NOT NULL, value BLOB NOT NULL);"
      "CREATE TABLE meta(id INTEGER PRIMARY KEY, compacted INTEGER NOT NULL);"
      "INSERT INTO meta VALUES(1, 2); INSERT INTO versions VALUES(2, 2, 0, CAST('/g/r/n/a' AS BLOB), CAST('one' AS "
      "BLOB));"
      "INSERT INTO versions VALUES(3, 3, 0, CAST('/g/r/n/b' AS BLOB), zeroblob(9000));"
      "INSERT INTO versions VALUES(4, 2, 1, CAST('/g/r/n/a' AS BLOB), CAST('last' AS BLOB));"
      "PRAGMA application_id=1195470452; PRAGMA user_version=1;");
  open();
  EXPECT_EQ(keys("/g/"), "/g/r/n/b");
  EXPECT_EQ(keys("/g/", 3), "/g/r/n/a /g/r/n/b");
  EXPECT_EQ(store_->get("/g/r/n/b")->value, std::string(9000, '\0'));
  ASSERT_TRUE(create("/g/r/n/c").ok());
  EXPECT_EQ(store_->revision(), 5);
  damage("value=x'00' WHERE revision=3");
  EXPECT_THAT(refusal(), HasSubstr("\"/g/r/n/b\" of revision 3"));
}

TEST_F(DamageTest, AMissingDatabaseIsNoNewOne) {
  fill(3);
  kill_here();
  for (const char* content : {"none", "empty"}) {
    std::filesystem::remove(options_.path);
    if (std::string(content) == "empty") write_file(options_.path, "");
    const auto before = files();
    EXPECT_THAT(refusal(), HasSubstr("is missing or empty")) << content;
    EXPECT_THAT(refusal(), HasSubstr("reached revision 4"));
    EXPECT_EQ(files(), before);
  }
  std::filesystem::remove(beside(".lock"));
  EXPECT_THAT(refusal(), HasSubstr("-wal has writes of it"));
  const auto wal = read_file(beside("-wal"));
  allow();
  open();
  EXPECT_EQ(keys("/g/"), "");
  EXPECT_TRUE(read_file(beside("-wal.lost-1")) == wal);
  EXPECT_FALSE(std::filesystem::exists(beside(".accept-loss")));
}

TEST_F(DamageTest, AWitnessSaysThatTheFolderWasInUse) {
  options_.witness = folder_ / "ca.crt";
  open();  // a new folder: no witness yet
  write_file(options_.witness, "a certificate");
  open();
  store_.reset();
  std::filesystem::remove(beside(".lock"));
  std::filesystem::remove(options_.path);
  EXPECT_THAT(refusal(), HasSubstr(options_.witness.string()));
  EXPECT_FALSE(std::filesystem::exists(options_.path));
  // An SQLite database without tables is as empty.
  sql(options_.path, "PRAGMA journal_mode=WAL");
  EXPECT_THAT(refusal(), HasSubstr("is missing or empty"));
  allow();
  open();
  EXPECT_EQ(store_->revision(), 1);
}

TEST_F(DamageTest, RevisionsGoOnBehindWhatIsLost) {
  fill(3);
  kill_here();
  std::filesystem::remove(options_.path);
  allow();
  open();
  EXPECT_EQ(store_->revision(), 4);
  auto next = create("/g/r/n/new");
  ASSERT_TRUE(next.ok());
  EXPECT_EQ((*next)->mod_revision, 5);
  open();
  EXPECT_EQ(keys("/g/"), "/g/r/n/new");
}

TEST_F(DamageTest, AnOlderCopyIsNoticed) {
  fill(1);
  store_.reset();
  const auto older = read_file(options_.path);
  fill(0);
  ASSERT_TRUE(create("/g/r/n/later").ok());
  store_.reset();
  write_file(options_.path, older);
  EXPECT_THAT(refusal(), HasSubstr("ends at revision 2, but revision 3 had been acknowledged"));
  EXPECT_TRUE(read_file(options_.path) == older);
  allow();
  open();
  EXPECT_EQ(keys("/g/"), "/g/r/n/10");
  EXPECT_EQ(store_->revision(), 3);
  EXPECT_EQ(keys("/g/", 2).substr(0, 8), "Expired:");
  open();
  EXPECT_EQ(store_->revision(), 3);
}

TEST_F(DamageTest, WithoutItsNoteADatabaseIsNotTakenForWhole) {
  fill(3);
  store_.reset();  // all of it is in the database's own file
  fill(0);
  ASSERT_TRUE(create("/g/r/n/later").ok());
  kill_here();
  const auto note = read_file(beside(".lock"));
  auto digit = note;
  digit.replace(32, 1, "4");
  std::filesystem::remove(beside("-wal"));
  for (const auto& damaged : {std::string(), std::string("garbage"), std::string(62, '\0'), digit}) {
    write_file(beside(".lock"), damaged);
    EXPECT_THAT(refusal(), HasSubstr("state.db.lock, which holds the last revision that was acknowledged, is missing"));
    EXPECT_THAT(refusal(), HasSubstr("ends at revision 4,")) << "said again";
  }
  write_file(beside(".lock"), note);
  EXPECT_THAT(refusal(), HasSubstr("ends at revision 4, but revision 5 had been acknowledged"));
  std::filesystem::remove(beside(".lock"));
  EXPECT_THAT(refusal(), HasSubstr("is missing or damaged"));
  allow();
  open();
  EXPECT_EQ(keys("/g/"), "/g/r/n/10 /g/r/n/11 /g/r/n/12");
  EXPECT_EQ(store_->revision(), 1'000'004) << "behind whatever was lost";
  EXPECT_EQ(keys("/g/", 4).substr(0, 8), "Expired:");
  open();
  EXPECT_EQ(store_->revision(), 1'000'004);
}

// Of a release that did not expect it.
TEST_F(DamageTest, ADatabaseThatNeverExpectedItsNoteGoesOn) {
  fill(2);
  store_.reset();
  sql(options_.path, "DELETE FROM meta WHERE id=3");
  std::filesystem::remove(beside(".lock"));
  open();
  EXPECT_EQ(store_->revision(), 3);
  store_.reset();
  std::filesystem::remove(beside(".lock"));
  EXPECT_THAT(refusal(), HasSubstr("is missing or damaged"));
}

TEST_F(DamageTest, AllowingWithoutNeedIsForOneStart) {
  fill(1);
  allow();
  open();
  EXPECT_FALSE(std::filesystem::exists(beside(".accept-loss")));
  EXPECT_TRUE(lines_.wait_for("was not needed"));
}

TEST_F(DamageTest, FilesThatOthersCouldReadAreMadePrivate) {
  fill(1);
  kill_here();
  for (const char* suffix : {"", "-wal", ".lock"}) ASSERT_EQ(chmod(beside(suffix).c_str(), 0666), 0);
  options_.ballast_bytes = 1 << 20;
  write_file(beside(".ballast"), "");
  ASSERT_EQ(chmod(beside(".ballast").c_str(), 0644), 0);
  open();
  for (const char* suffix : {"", "-wal", ".lock", ".ballast"}) {
    struct stat info {};
    ASSERT_EQ(stat(beside(suffix).c_str(), &info), 0);
    EXPECT_EQ(info.st_mode & 07777, 0600u) << suffix;
  }
}

class WalTest : public DamageTest {
 protected:
  // A log as kill -9 leaves it, with a number of transactions.
  void SetUp() override {
    DamageTest::SetUp();
    fill(20);
    kill_here();
    wal_ = read_file(beside("-wal"));
    ASSERT_GT(wal_.size(), kFirst + 20 * kFrame);
  }
  void put(const std::string& wal) { write_file(beside("-wal"), wal); }
  // Of what the store itself noted only what a power cut may leave: only the log can tell.
  void forget_note() {
    auto lock = FileLock::take(options_.path);
    ASSERT_TRUE(lock.ok()) << lock.error().message();
    lock->note(1);
  }
  size_t frames() const { return (wal_.size() - kFirst) / kFrame; }

  static constexpr size_t kFirst = 32, kFrame = 24 + 4096;
  std::string wal_;
};

TEST_F(WalTest, AWholeLogIsReplayed) {
  forget_note();
  open();
  EXPECT_EQ(store_->stats().entries, 20);
  EXPECT_TRUE(lines_.all().empty());
}

TEST_F(WalTest, AFlippedByteAnywhereIsNoticed) {
  size_t ends = 0;
  for (size_t frame = frames() - 1; frame > 0 && ends < 2; --frame) {
    const auto size = wal_.substr(kFirst + frame * kFrame + 4, 4);
    ends = size == std::string(4, '\0') ? ends : ends + 1;
    // In the last transaction it may be what a power cut left.
    if (ends < 2) continue;
    const auto dense = testing_support::scaled<size_t>(3, 61);
    for (size_t at = 0; at < kFirst + (frame + 1) * kFrame; at += at < kFirst + 2 * kFrame ? dense : 1021) {
      auto wal = wal_;
      wal[at] = static_cast<char>(wal[at] ^ 0x10);
      put(wal);
      const auto found = check_wal(beside("-wal"));
      ASSERT_TRUE(found.ok());
      // SQLite reads none of these but for its own number of checkpoints.
      EXPECT_TRUE(found->has_value()) << at;
      if (found->has_value()) {
        EXPECT_EQ((*found)->offset, at < kFirst ? 0 : kFirst + (at - kFirst) / kFrame * kFrame) << at;
      }
    }
  }
  EXPECT_EQ(ends, 2u);
}

TEST_F(WalTest, ADamagedLogIsRefusedAndKept) {
  forget_note();
  auto wal = wal_;
  wal[kFirst + 12 * kFrame + 500] ^= 1;
  put(wal);
  const auto before = files();
  EXPECT_THAT(refusal(), HasSubstr("is damaged at byte " + std::to_string(kFirst + 12 * kFrame)));
  EXPECT_EQ(files(), before);
  allow();
  open();
  EXPECT_LT(store_->stats().entries, 20);
  EXPECT_GT(store_->stats().entries, 0);
  EXPECT_TRUE(read_file(beside("-wal.lost-1")) == wal);
  ASSERT_TRUE(create("/g/r/n/after").ok());
  const auto left = keys("/g/");
  kill_here();
  open();
  EXPECT_EQ(keys("/g/"), left) << "what is behind the break does not come back, nor is it refused again";
}

TEST_F(WalTest, WhatIsCutOffIsMissed) {
  for (const size_t size : {size_t{0}, size_t{10}, kFirst, kFirst + 5 * kFrame, wal_.size() - kFrame}) {
    put(wal_.substr(0, size));
    const auto before = files();
    EXPECT_THAT(refusal(), HasSubstr("revision 21")) << size;
    EXPECT_EQ(files(), before);
  }
  std::filesystem::remove(beside("-wal"));
  EXPECT_THAT(refusal(), HasSubstr("revision 21"));
}

TEST_F(WalTest, ATornTailIsNone) {
  forget_note();
  for (const size_t size : {size_t{0}, size_t{31}, kFirst + 7, kFirst + 5 * kFrame + 100, wal_.size() - 1}) {
    put(wal_.substr(0, size));
    EXPECT_FALSE(check_wal(beside("-wal"))->has_value()) << size;
  }
  put(wal_ + std::string(3 * kFrame, 'n'));
  EXPECT_FALSE(check_wal(beside("-wal"))->has_value());
  std::filesystem::remove(beside("-wal"));
  EXPECT_FALSE(check_wal(beside("-wal"))->has_value());
}

TEST_F(WalTest, FramesOfARoundBeforeAreNone) {
  open();
  store_.reset();
  open();
  // Through the whole log, into the file, and from its beginning again.
  for (int i = 0; i < 60; ++i) ASSERT_TRUE(update("/g/r/n/10", 0, std::string(100'000, 'u')).ok());
  for (int i = 0; i < 120; ++i) ASSERT_TRUE(update("/g/r/n/10", 0, std::string(200'000, 'u')).ok());
  for (int i = 0; i < 5; ++i) ASSERT_TRUE(update("/g/r/n/10", 0, "small").ok());
  EXPECT_FALSE(check_wal(beside("-wal"))->has_value());
  kill_here();
  open();
  EXPECT_EQ(store_->get("/g/r/n/10")->mod_revision, store_->revision());
  EXPECT_TRUE(lines_.all().empty());
}

}  // namespace
}  // namespace gantry::store
