// Database: the store's file. One SQLite connection, one transaction per batch.
//
// Owned by the store; opened and loaded on the opener's thread, then used by the writer thread
// only. The file is one append-only table `versions`, a row for every kept version of an object,
// keyed by revision: a write puts its value on disk once. `meta.compacted` is C: rows up to C are
// the objects as they were at C, rows above C are the log. It has no hole that a row does not own up to: revisions of
// entries that are not on disk are counted by the next row (`deleted` is a RowKind and four times that number). They
// are given out up to a revision that is on disk before (`compacted` of meta's second row), so that none is given out
// twice. A row goes when the event that replaced it leaves the log. Each row has a checksum. Until loaded() nothing is
// moved out of the write-ahead log, so that who is refused finds it as it was.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "core/store/row_sum.hpp"
#include "core/store/store.hpp"

struct sqlite3;
struct sqlite3_stmt;

namespace gantry::store {

// Of the tables; from the first reservation of revisions on.
constexpr int kVersionWithGaps = 3;

// A row that no kept revision needs any more, and the event whose leaving the log made it so.
struct DeadRow {
  Revision event = 0;
  Revision row = 0;
};

struct Row {
  EntryPtr entry;
  RowKind kind = RowKind::kPut;
  Revision gap = 0;  // revisions before it that have no row
  Damage damage = Damage::kNone;
};

class Database {
 public:
  // Called for each row in revision order; false when the row can't follow what came before.
  using RowFn = std::function<bool(Row row)>;

  // durable = false: commits are handed to the system and not waited for. An empty database gets its tables, unless
  // `may_create` (null: yes) says why it must not be a new one.
  static Expected<std::unique_ptr<Database>> open(const std::filesystem::path& path, bool durable = true,
                                                  const std::function<Status()>& may_create = nullptr);
  ~Database();
  Database(const Database&) = delete;
  Database& operator=(const Database&) = delete;

  // First this, which finds what follows; then load.
  Status start_load();
  Revision compacted() const { return compacted_; }
  // Up to which revisions may have been given out without a row; 0: none ever was.
  Revision reserved() const { return reserved_; }
  // About how many rows there are.
  size_t pages() const { return pages_; }
  Status load(const RowFn& row);
  // Deletes these rows; `compacted` then is C.
  Status repair(const std::vector<Revision>& rows, Revision compacted);
  void loaded();
  // Moves all of the write-ahead log into the file, and nothing of it stays behind.
  Status empty_log();

  // Durable when it returns success; on an error nothing of it is kept. kOmit: without the final states of what is
  // deleted, which needs next to no space; whoever loads it later drops the history up to there.
  enum class Final { kKeep, kOmit };
  // `reserve`: as reserve_revisions, at the same time; 0: not.
  Status commit(const std::vector<EventPtr>& events, const std::vector<DeadRow>& dead, Final final = Final::kKeep,
                Revision reserve = 0);
  // The database has been told that what was reached is noted beside it: without that note it is not opened as if
  // nothing were missing.
  bool expects_note() const { return expects_note_; }
  Status expect_note();
  // From now on revisions up to there may be given out without a row.
  Status reserve_revisions(Revision until);
  // Writes that many bytes, and takes them back.
  Status try_write(size_t bytes);
  // Claims the file's place on the disk for all that is committed, and `pages` more, so that a checkpoint never needs
  // any; and leaves `room` free for the write-ahead log.
  Status reserve(size_t pages, int64_t room);
  // What each write leaves free; the larger of this and a least.
  void set_room(int64_t bytes);
  // The last failure was for want of space.
  bool out_of_space() const { return out_of_space_; }

  // The write-ahead log is long enough to be moved into the file at a pause; so long that it can't
  // wait.
  bool wants_checkpoint() const;
  bool needs_checkpoint() const;
  void checkpoint();

 private:
  struct Finalize {
    void operator()(sqlite3_stmt* statement) const;
  };
  using Statement = std::unique_ptr<sqlite3_stmt, Finalize>;

  explicit Database(std::filesystem::path path) : path_(std::move(path)) {}
  Status configure();
  Status create_or_check_schema(const std::function<Status()>& may_create);
  Status create_schema();
  Status upgrade_schema();
  Status prepare();
  Status prepare(const char* sql, Statement& out);
  Status execute(const char* sql, std::string_view doing);
  Expected<int64_t> number(const char* sql);
  Status check_pages();
  Row read_row(sqlite3_stmt* scan) const;
  Status run(sqlite3_stmt* statement);
  // All or nothing. `pages`: by which the file may grow.
  enum class Space { kMustBeThere, kMayLack };
  Status transaction(size_t pages, Space space, const std::function<Status()>& body);
  Status attempt(const std::function<Status()>& body);
  Status claim(int64_t end, int64_t room);
  int64_t log_bytes() const;
  Status write_event(const Event& event, Final final, Revision gap);
  Status write_reserved(Revision until);
  Status allow_gaps();
  Status set_compacted(Revision revision);
  Status write_filler(size_t bytes);
  // What SQLite last complained about, as a Status that names the file.
  Status failure(std::string_view doing);
  Status damaged(std::string_view why) const;

  std::filesystem::path path_;
  sqlite3* db_ = nullptr;
  Statement begin_, commit_, rollback_, insert_, remove_, set_compacted_, set_reserved_;
  Revision compacted_ = 1, reserved_ = 0;
  Revision last_row_ = 0;
  int version_ = 0;  // of the tables
  bool expects_note_ = false;
  size_t pages_ = 0;
  int wal_frames_ = 0;  // in the write-ahead log since the last checkpoint
  bool out_of_space_ = false;
  // Of the file; closed after SQLite's, whose locks would go with it. -1: nothing is claimed.
  int file_ = -1;
  // Pages: what the file has at most after what was written, and what it has a place for; 0: to be looked up.
  int64_t pages_bound_ = 0, pages_claimed_ = 0;
  int64_t room_ = 0;
};

}  // namespace gantry::store
