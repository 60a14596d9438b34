// Database: the store's file. One SQLite connection, one transaction per batch.
//
// Owned by the store; opened and loaded on the opener's thread, then used by the writer thread
// only. The file is one append-only table `versions`, a row for every kept version of an object,
// keyed by revision: a write puts its value on disk once. `meta.compacted` is C: rows up to C are
// the objects as they were at C, rows above C are the log, without a hole. A row goes when the
// event that replaced it leaves the log.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "core/store/store.hpp"

struct sqlite3;
struct sqlite3_stmt;

namespace gantry::store {

// A row that no kept revision needs any more, and the event whose leaving the log made it so.
struct DeadRow {
  Revision event = 0;
  Revision row = 0;
};

class Database {
 public:
  // Called for each row in revision order; false when the row can't follow what came before.
  using RowFn = std::function<bool(EntryPtr entry, bool deleted)>;

  // durable = false: commits are handed to the system and not waited for.
  static Expected<std::unique_ptr<Database>> open(const std::filesystem::path& path, bool durable = true);
  ~Database();
  Database(const Database&) = delete;
  Database& operator=(const Database&) = delete;

  // First this, which finds what follows; then load.
  Status start_load();
  Revision compacted() const { return compacted_; }
  // About how many rows there are.
  size_t pages() const { return pages_; }
  Status load(const RowFn& row);

  // Durable when it returns success; on an error nothing of it is kept.
  Status commit(const std::vector<EventPtr>& events, const std::vector<DeadRow>& dead);

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
  Status create_or_check_schema();
  Status prepare();
  Status prepare(const char* sql, Statement& out);
  Status execute(const char* sql, std::string_view doing);
  Expected<int64_t> number(const char* sql);
  Status run(sqlite3_stmt* statement);
  Status write_rows(const std::vector<EventPtr>& events, const std::vector<DeadRow>& dead);
  // What SQLite last complained about, as a Status that names the file.
  Status failure(std::string_view doing) const;
  Status damaged(std::string_view why) const;

  std::filesystem::path path_;
  sqlite3* db_ = nullptr;
  Statement begin_, commit_, rollback_, insert_, remove_, set_compacted_;
  Revision compacted_ = 1;
  size_t pages_ = 0;
  int wal_frames_ = 0;  // in the write-ahead log since the last checkpoint
};

}  // namespace gantry::store
