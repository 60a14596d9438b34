// Database: SQL and its errors. See database.hpp.
#include "core/store/database.hpp"

#include <sqlite3.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <system_error>

namespace gantry::store {
namespace {

// Pages of 4 KiB. A checkpoint costs two fsyncs and holds up the writer, so it waits for a pause
// until the log is really long.
constexpr int kCheckpointIdle = 1000;
constexpr int kCheckpointBusy = 4000;
constexpr int64_t kLeastRoom = 256 << 10;

std::string errno_text(int error) { return std::generic_category().message(error); }

bool is_damage(int code) { return code == SQLITE_CORRUPT || code == SQLITE_NOTADB; }

int64_t sum_of(const Entry& entry, RowKind kind, Revision gap, std::string_view value) {
  return row_sum(entry.mod_revision, entry.create_revision, kind, entry.key, value, gap);
}

// Pages that these rows need at most when they are added at the table's end.
size_t pages_of(const std::vector<EventPtr>& events, Database::Final final) {
  constexpr size_t kPage = 4084, kRow = 64, kInterior = 8;
  size_t small = 0, pages = kInterior;
  for (const EventPtr& event : events) {
    const bool bare = event->type == EventType::kDelete && final == Database::Final::kOmit;
    const size_t bytes = kRow + event->entry->key.size() + (bare ? 0 : event->entry->value.size());
    if (bytes < kPage)
      small += bytes;
    else
      pages += bytes / kPage + 2;
  }
  return pages + 2 * small / kPage;
}

int64_t sum_of_meta(Revision compacted) { return row_sum(compacted, 0, RowKind::kPut, {}, {}); }
int64_t sum_of_reserved(Revision until) { return row_sum(until, 1, RowKind::kPut, {}, {}); }

}  // namespace

void Database::Finalize::operator()(sqlite3_stmt* statement) const { sqlite3_finalize(statement); }

Database::~Database() {
  for (Statement* s : {&begin_, &commit_, &rollback_, &insert_, &remove_, &set_compacted_, &set_reserved_}) {
    s->reset();
  }
  sqlite3_close(db_);
  if (file_ >= 0) ::close(file_);
}

Status Database::prepare() {
  const std::pair<const char*, Statement*> all[] = {{"BEGIN IMMEDIATE", &begin_},
                                                    {"COMMIT", &commit_},
                                                    {"ROLLBACK", &rollback_},
                                                    {"INSERT INTO versions VALUES(?,?,?,?,?,?)", &insert_},
                                                    {"DELETE FROM versions WHERE revision=?", &remove_},
                                                    {"UPDATE meta SET compacted=?, sum=? WHERE id=1", &set_compacted_},
                                                    {"REPLACE INTO meta VALUES(2, ?, ?)", &set_reserved_}};
  for (const auto& [sql, out] : all) {
    if (Status s = prepare(sql, *out); !s.ok()) return s;
  }
  return {};
}

Status Database::prepare(const char* sql, Statement& out) {
  sqlite3_stmt* raw = nullptr;
  if (sqlite3_prepare_v3(db_, sql, -1, SQLITE_PREPARE_PERSISTENT, &raw, nullptr) != SQLITE_OK) {
    return failure("read");
  }
  out.reset(raw);
  return {};
}

Status Database::execute(const char* sql, std::string_view doing) {
  if (sqlite3_exec(db_, sql, nullptr, nullptr, nullptr) == SQLITE_OK) return {};
  Status status = failure(doing);
  if (sqlite3_get_autocommit(db_) == 0) sqlite3_exec(db_, "ROLLBACK", nullptr, nullptr, nullptr);
  return status;
}

Expected<int64_t> Database::number(const char* sql) {
  Statement statement;
  if (Status s = prepare(sql, statement); !s.ok()) return s;
  const int rc = sqlite3_step(statement.get());
  if (rc == SQLITE_DONE) return damaged("a row is missing");
  if (rc != SQLITE_ROW) return failure("read");
  return static_cast<int64_t>(sqlite3_column_int64(statement.get(), 0));
}

Status Database::start_load() {
  auto compacted = number("SELECT compacted FROM meta WHERE id=1");
  if (!compacted.ok()) return compacted.error();
  compacted_ = *compacted;
  auto sum = number("SELECT sum FROM meta WHERE id=1");
  if (!sum.ok()) return sum.error();
  if (*sum != sum_of_meta(compacted_)) return damaged("the revision that its rows begin with is not what was written");
  auto reserved = number("SELECT coalesce(max(compacted), 0) FROM meta WHERE id=2");
  if (!reserved.ok()) return reserved.error();
  reserved_ = *reserved;
  sum = number("SELECT coalesce(max(sum), 0) FROM meta WHERE id=2");
  if (!sum.ok()) return sum.error();
  if (*sum != (reserved_ == 0 ? 0 : sum_of_reserved(reserved_))) {
    return damaged("the revision that had been given out is not what was written");
  }
  const auto expects = number("SELECT count(*) FROM meta WHERE id=3");
  if (!expects.ok()) return expects.error();
  expects_note_ = *expects > 0;
  auto pages = number("PRAGMA page_count");
  if (!pages.ok()) return pages.error();
  pages_ = static_cast<size_t>(*pages);
  return check_pages();
}

// Each page is used once, and all of it: else rows may be missing that nobody would miss.
Status Database::check_pages() {
  Statement check;
  if (Status s = prepare("PRAGMA quick_check(1)", check); !s.ok()) return s;
  if (sqlite3_step(check.get()) != SQLITE_ROW) return failure("read");
  const auto* text = reinterpret_cast<const char*>(sqlite3_column_text(check.get(), 0));
  const std::string result = text == nullptr ? "" : text;
  return result == "ok" ? Status() : damaged(result);
}

Row Database::read_row(sqlite3_stmt* scan) const {
  const auto bytes = [&](int column) {
    const auto* data = static_cast<const char*>(sqlite3_column_blob(scan, column));
    const auto size = static_cast<size_t>(sqlite3_column_bytes(scan, column));
    return size ? std::string(data, size) : std::string();
  };
  auto entry = std::make_shared<Entry>();
  entry->mod_revision = sqlite3_column_int64(scan, 0);
  entry->create_revision = sqlite3_column_int64(scan, 1);
  entry->key = bytes(3);
  entry->value = bytes(4);
  Row row;
  const int64_t what = sqlite3_column_int64(scan, 2);
  row.kind = static_cast<RowKind>(what % kRowKinds);
  row.gap = what / kRowKinds;
  row.damage = compare_sums(sqlite3_column_int64(scan, 5), sum_of(*entry, row.kind, row.gap, entry->value));
  row.entry = std::move(entry);
  return row;
}

Status Database::load(const RowFn& row) {
  Statement scan;
  if (Status s = prepare("SELECT revision, created, deleted, key, value, sum FROM versions ORDER BY revision", scan);
      !s.ok()) {
    return s;
  }
  int rc = SQLITE_ROW;
  while ((rc = sqlite3_step(scan.get())) == SQLITE_ROW) {
    last_row_ = sqlite3_column_int64(scan.get(), 0);
    if (!row(read_row(scan.get()))) {
      return damaged("revision " + std::to_string(sqlite3_column_int64(scan.get(), 0)) +
                     " does not follow what is before it");
    }
  }
  return rc == SQLITE_DONE ? Status() : failure("read");
}

void Database::loaded() { sqlite3_db_config(db_, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 0, nullptr); }

Status Database::empty_log() {
  pages_claimed_ = 0;  // a checkpoint cuts off what is behind the last page
  const int rc = sqlite3_wal_checkpoint_v2(db_, nullptr, SQLITE_CHECKPOINT_TRUNCATE, nullptr, nullptr);
  return rc == SQLITE_OK ? Status() : failure("move the log into");
}

Status Database::run(sqlite3_stmt* statement) {
  const int rc = sqlite3_step(statement);
  if (rc == SQLITE_DONE) {
    sqlite3_reset(statement);
    return {};
  }
  Status status = failure("write");
  sqlite3_reset(statement);
  return status;
}

Status Database::attempt(const std::function<Status()>& body) {
  Status status = run(begin_.get());
  if (status.ok()) status = body();
  if (status.ok()) status = run(commit_.get());
  sqlite3_clear_bindings(insert_.get());
  if (status.ok()) return status;
  const bool out_of_space = out_of_space_;
  if (sqlite3_get_autocommit(db_) == 0) (void)run(rollback_.get());
  out_of_space_ = out_of_space;
  return status;
}

Status Database::transaction(size_t pages, Space space, const std::function<Status()>& body) {
  for (bool last = false;; last = true) {
    Status status = reserve(pages, space == Space::kMayLack ? 0 : std::max(room_, kLeastRoom));
    if (status.ok() || space == Space::kMayLack) status = attempt(body);
    if (status.ok()) return status;
    // The log's content has its place in the file: moved there, it leaves the log's to this transaction.
    const bool out_of_space = out_of_space_;
    const bool log_was_there = log_bytes() > 0;
    const bool moved = empty_log().ok();
    out_of_space_ = out_of_space;
    if (last || !out_of_space || !log_was_there || !moved) return status;
  }
}

Status Database::write_event(const Event& event, Final final, Revision gap) {
  const Entry& entry = *event.entry;
  const bool deleted = event.type == EventType::kDelete;
  const bool bare = deleted && final == Final::kOmit;
  const RowKind kind = bare ? RowKind::kBareDelete : deleted ? RowKind::kDelete : RowKind::kPut;
  const std::string_view value = bare ? std::string_view("") : entry.value;
  sqlite3_stmt* s = insert_.get();
  sqlite3_bind_int64(s, 1, entry.mod_revision);
  sqlite3_bind_int64(s, 2, entry.create_revision);
  sqlite3_bind_int64(s, 3, static_cast<int64_t>(kind) + kRowKinds * gap);
  sqlite3_bind_blob64(s, 4, entry.key.data(), entry.key.size(), SQLITE_STATIC);
  sqlite3_bind_blob64(s, 5, value.data(), value.size(), SQLITE_STATIC);
  sqlite3_bind_int64(s, 6, sum_of(entry, kind, gap, value));
  return run(s);
}

// An earlier program would take rows with gaps for damage: it is to say that it is too old instead.
Status Database::allow_gaps() {
  if (version_ >= kVersionWithGaps) return {};
  const std::string sql = "PRAGMA user_version=" + std::to_string(kVersionWithGaps);
  return sqlite3_exec(db_, sql.c_str(), nullptr, nullptr, nullptr) == SQLITE_OK ? Status() : failure("write");
}

Status Database::write_reserved(Revision until) {
  if (Status status = allow_gaps(); !status.ok()) return status;
  sqlite3_bind_int64(set_reserved_.get(), 1, until);
  sqlite3_bind_int64(set_reserved_.get(), 2, sum_of_reserved(until));
  return run(set_reserved_.get());
}

Status Database::reserve_revisions(Revision until) {
  Status status = transaction(0, Space::kMayLack, [&] { return write_reserved(until); });
  if (status.ok()) version_ = kVersionWithGaps;
  return status;
}

Status Database::expect_note() {
  Status status = transaction(
      0, Space::kMayLack, [&] { return execute("REPLACE INTO meta VALUES(3, 1, 0)", "note that the note is there"); });
  expects_note_ = expects_note_ || status.ok();
  return status;
}

Status Database::set_compacted(Revision revision) {
  sqlite3_bind_int64(set_compacted_.get(), 1, revision);
  sqlite3_bind_int64(set_compacted_.get(), 2, sum_of_meta(revision));
  return run(set_compacted_.get());
}

Status Database::commit(const std::vector<EventPtr>& events, const std::vector<DeadRow>& dead, Final final,
                        Revision reserve) {
  const Space space = final == Final::kOmit || events.empty() ? Space::kMayLack : Space::kMustBeThere;
  Revision last = 0;
  bool gaps = reserve > 0;
  Status done = transaction(events.empty() ? 0 : pages_of(events, final), space, [&]() -> Status {
    last = std::max(last_row_, compacted_);
    for (const EventPtr& event : events) {
      const Revision at = event->entry->mod_revision, gap = at - last - 1;
      if (gap > 0) gaps = true;
      if (Status status = write_event(*event, final, gap); !status.ok()) return status;
      last = at;
    }
    for (const DeadRow& row : dead) {
      sqlite3_bind_int64(remove_.get(), 1, row.row);
      if (Status status = run(remove_.get()); !status.ok()) return status;
    }
    if (Status status = reserve > 0 ? write_reserved(reserve) : gaps ? allow_gaps() : Status(); !status.ok()) {
      return status;
    }
    // Never below a revision that a deleted row had: so no revision is given out twice.
    return dead.empty() ? Status() : set_compacted(dead.back().event);
  });
  if (!done.ok()) return done;
  last_row_ = last;
  if (gaps) version_ = kVersionWithGaps;
  if (!dead.empty()) compacted_ = dead.back().event;
  return done;
}

Status Database::repair(const std::vector<Revision>& rows, Revision compacted) {
  Status done = transaction(0, Space::kMayLack, [&]() -> Status {
    for (const Revision row : rows) {
      sqlite3_bind_int64(remove_.get(), 1, row);
      if (Status status = run(remove_.get()); !status.ok()) return status;
    }
    return set_compacted(compacted);
  });
  if (done.ok()) compacted_ = compacted;
  return done;
}

Status Database::write_filler(size_t bytes) {
  Statement insert;
  if (Status s = prepare("INSERT OR REPLACE INTO filler VALUES(1, zeroblob(?))", insert); !s.ok()) return s;
  sqlite3_bind_int64(insert.get(), 1, static_cast<int64_t>(bytes));
  const size_t pages = bytes == 0 ? 0 : bytes / 4084 + 8;
  const Space space = bytes == 0 ? Space::kMayLack : Space::kMustBeThere;
  return transaction(pages, space, [&] { return run(insert.get()); });
}

Status Database::try_write(size_t bytes) {
  if (Status status = write_filler(bytes); !status.ok()) return status;
  checkpoint();
  return write_filler(0);
}

bool Database::wants_checkpoint() const { return wal_frames_ >= kCheckpointIdle; }
bool Database::needs_checkpoint() const { return wal_frames_ >= kCheckpointBusy; }

void Database::checkpoint() {
  // A failure costs nothing but a longer log: every commit is in it.
  sqlite3_wal_checkpoint_v2(db_, nullptr, SQLITE_CHECKPOINT_PASSIVE, nullptr, nullptr);
  wal_frames_ = 0;
  pages_claimed_ = 0;
}

Status Database::failure(std::string_view doing) {
  const int code = sqlite3_extended_errcode(db_);
  out_of_space_ = (code & 0xff) == SQLITE_FULL || sqlite3_system_errno(db_) == EDQUOT;
  if (is_damage(code & 0xff)) return damaged(sqlite3_errmsg(db_));
  std::string message = "cannot " + std::string(doing) + " database " + path_.string() + ": ";
  // SQLite forgets ENOSPC and calls it FULL.
  const int error = (code & 0xff) == SQLITE_FULL ? ENOSPC : sqlite3_system_errno(db_);
  if (error != 0)
    message += errno_text(error) + " (" + sqlite3_errmsg(db_) + ")";
  else
    message += sqlite3_errmsg(db_);
  return Status::internal(std::move(message));
}

Status Database::damaged(std::string_view why) const {
  return Status::internal("database " + path_.string() + " is damaged: " + std::string(why) +
                          "; put a backup in its place, or, to start with an empty cluster, move it and its -wal file "
                          "away and create the empty file " +
                          path_.string() + ".accept-loss");
}

}  // namespace gantry::store
