// Database: SQL and its errors. See database.hpp.
#include "core/store/database.hpp"

#include <fcntl.h>
#include <sqlite3.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>

namespace gantry::store {
namespace {

constexpr int kSchemaVersion = 1;
constexpr int kApplicationId = 0x47416e74;  // "GAnt": tells our file from any other SQLite file
// Pages of 4 KiB. A checkpoint costs two fsyncs and holds up the writer, so it waits for a pause
// until the log is really long.
constexpr int kCheckpointIdle = 1000;
constexpr int kCheckpointBusy = 4000;

std::string errno_text(int error) { return std::generic_category().message(error); }

bool is_damage(int code) { return code == SQLITE_CORRUPT || code == SQLITE_NOTADB; }

// Secrets live here: SQLite would create the file readable by everyone.
Status create_private(const std::filesystem::path& path) {
  const int fd = open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (fd < 0) {
    return Status::internal("cannot open database " + path.string() + ": " + errno_text(errno));
  }
  close(fd);
  return {};
}

// A new file is only there after a power cut when its folder is on disk too.
void sync_folder(const std::filesystem::path& path) {
  const auto folder = path.has_parent_path() ? path.parent_path() : std::filesystem::path(".");
  const int fd = open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0) return;
  fsync(fd);
  close(fd);
}

}  // namespace

void Database::Finalize::operator()(sqlite3_stmt* statement) const { sqlite3_finalize(statement); }

Expected<std::unique_ptr<Database>> Database::open(const std::filesystem::path& path, bool durable) {
  if (Status s = create_private(path); !s.ok()) return s;
  std::unique_ptr<Database> db(new Database(path));
  const int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX;
  if (sqlite3_open_v2(path.c_str(), &db->db_, flags, nullptr) != SQLITE_OK) {
    return db->failure("open");
  }
  sqlite3_extended_result_codes(db->db_, 1);
  if (Status s = db->configure(); !s.ok()) return s;
  if (!durable) {
    if (Status s = db->execute("PRAGMA synchronous=OFF;", "open"); !s.ok()) return s;
  }
  if (Status s = db->create_or_check_schema(); !s.ok()) return s;
  if (Status s = db->prepare(); !s.ok()) return s;
  sync_folder(path);
  return db;
}

Database::~Database() {
  for (Statement* s : {&begin_, &commit_, &rollback_, &insert_, &remove_, &set_compacted_}) {
    s->reset();
  }
  sqlite3_close(db_);
}

Status Database::configure() {
  // Exclusive: the log's index is then heap memory, not a mapped file that a full disk turns into
  // SIGBUS. The cache is small because readers never come here.
  constexpr const char* kSettings =
      "PRAGMA locking_mode=EXCLUSIVE; PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL;"
      "PRAGMA wal_autocheckpoint=0; PRAGMA cache_size=-1024; PRAGMA mmap_size=0;"
      "PRAGMA temp_store=MEMORY;";
  if (Status s = execute(kSettings, "open"); !s.ok()) return s;
  sqlite3_wal_hook(
      db_,
      [](void* self, sqlite3*, const char*, int frames) {
        static_cast<Database*>(self)->wal_frames_ = frames;
        return SQLITE_OK;
      },
      this);
  return {};
}

Status Database::create_or_check_schema() {
  auto version = number("PRAGMA user_version");
  if (!version.ok()) return version.error();
  auto id = number("PRAGMA application_id");
  if (!id.ok()) return id.error();
  auto tables = number("SELECT count(*) FROM sqlite_master");
  if (!tables.ok()) return tables.error();
  if (*id == 0 && *version == 0 && *tables == 0) {
    const std::string sql =
        "BEGIN IMMEDIATE;"
        "CREATE TABLE versions(revision INTEGER PRIMARY KEY, created INTEGER NOT NULL,"
        " deleted INTEGER NOT NULL, key BLOB NOT NULL, value BLOB NOT NULL);"
        "CREATE TABLE meta(id INTEGER PRIMARY KEY, compacted INTEGER NOT NULL);"
        "INSERT INTO meta VALUES(1, 1);"
        "PRAGMA application_id=" +
        std::to_string(kApplicationId) +
        ";"
        "PRAGMA user_version=" +
        std::to_string(kSchemaVersion) + "; COMMIT;";
    return execute(sql.c_str(), "create the tables of");
  }
  if (*id != kApplicationId) {
    return Status::internal(path_.string() +
                            " is an SQLite database, but not one of Gantry's; move it "
                            "away, or use another data directory");
  }
  if (*version > kSchemaVersion) {
    return Status::internal("database " + path_.string() + " has schema version " + std::to_string(*version) +
                            ", newer than this program's " + std::to_string(kSchemaVersion) +
                            "; start the newer version of Gantry");
  }
  return {};
}

Status Database::prepare() {
  const std::pair<const char*, Statement*> all[] = {{"BEGIN IMMEDIATE", &begin_},
                                                    {"COMMIT", &commit_},
                                                    {"ROLLBACK", &rollback_},
                                                    {"INSERT INTO versions VALUES(?,?,?,?,?)", &insert_},
                                                    {"DELETE FROM versions WHERE revision=?", &remove_},
                                                    {"UPDATE meta SET compacted=? WHERE id=1", &set_compacted_}};
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
  auto pages = number("PRAGMA page_count");
  if (!pages.ok()) return pages.error();
  pages_ = static_cast<size_t>(*pages);
  return {};
}

Status Database::load(const RowFn& row) {
  Statement scan;
  if (Status s = prepare("SELECT revision, created, deleted, key, value FROM versions ORDER BY revision", scan);
      !s.ok()) {
    return s;
  }
  const auto text = [&](int column) {
    const auto* data = static_cast<const char*>(sqlite3_column_blob(scan.get(), column));
    const auto size = static_cast<size_t>(sqlite3_column_bytes(scan.get(), column));
    return size ? std::string(data, size) : std::string();
  };
  int rc = SQLITE_ROW;
  while ((rc = sqlite3_step(scan.get())) == SQLITE_ROW) {
    auto entry = std::make_shared<Entry>();
    entry->mod_revision = sqlite3_column_int64(scan.get(), 0);
    entry->create_revision = sqlite3_column_int64(scan.get(), 1);
    entry->key = text(3);
    entry->value = text(4);
    const Revision at = entry->mod_revision;
    if (!row(std::move(entry), sqlite3_column_int(scan.get(), 2) != 0)) {
      return damaged("revision " + std::to_string(at) + " does not follow what is before it");
    }
  }
  return rc == SQLITE_DONE ? Status() : failure("read");
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

Status Database::write_rows(const std::vector<EventPtr>& events, const std::vector<DeadRow>& dead) {
  for (const EventPtr& event : events) {
    const Entry& entry = *event->entry;
    sqlite3_stmt* s = insert_.get();
    sqlite3_bind_int64(s, 1, entry.mod_revision);
    sqlite3_bind_int64(s, 2, entry.create_revision);
    sqlite3_bind_int(s, 3, event->type == EventType::kDelete);
    sqlite3_bind_blob64(s, 4, entry.key.data(), entry.key.size(), SQLITE_STATIC);
    sqlite3_bind_blob64(s, 5, entry.value.data(), entry.value.size(), SQLITE_STATIC);
    if (Status status = run(s); !status.ok()) return status;
  }
  for (const DeadRow& row : dead) {
    sqlite3_bind_int64(remove_.get(), 1, row.row);
    if (Status status = run(remove_.get()); !status.ok()) return status;
  }
  if (dead.empty()) return {};
  // Never below a revision that a deleted row had: so no revision is given out twice.
  sqlite3_bind_int64(set_compacted_.get(), 1, dead.back().event);
  return run(set_compacted_.get());
}

Status Database::commit(const std::vector<EventPtr>& events, const std::vector<DeadRow>& dead) {
  Status status = run(begin_.get());
  if (status.ok()) status = write_rows(events, dead);
  if (status.ok()) status = run(commit_.get());
  sqlite3_clear_bindings(insert_.get());
  if (status.ok()) return status;
  if (sqlite3_get_autocommit(db_) == 0) (void)run(rollback_.get());
  // Committed pages that only the write-ahead log has may fit into the file, which frees the log.
  sqlite3_wal_checkpoint_v2(db_, nullptr, SQLITE_CHECKPOINT_TRUNCATE, nullptr, nullptr);
  return status;
}

bool Database::wants_checkpoint() const { return wal_frames_ >= kCheckpointIdle; }
bool Database::needs_checkpoint() const { return wal_frames_ >= kCheckpointBusy; }

void Database::checkpoint() {
  // A failure costs nothing but a longer log: every commit is in it.
  sqlite3_wal_checkpoint_v2(db_, nullptr, SQLITE_CHECKPOINT_PASSIVE, nullptr, nullptr);
  wal_frames_ = 0;
}

Status Database::failure(std::string_view doing) const {
  const int code = sqlite3_extended_errcode(db_);
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
                          "; put a backup in its place, or move it and its -wal file away to start "
                          "with an empty cluster");
}

}  // namespace gantry::store
