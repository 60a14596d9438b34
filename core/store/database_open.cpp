// Database: opening, the tables, and their versions. See database.hpp.
#include <fcntl.h>
#include <sqlite3.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <system_error>

#include "core/store/database.hpp"

namespace gantry::store {
namespace {

constexpr int kVersion = 2;                 // of a new one
constexpr int kApplicationId = 0x47416e74;  // "GAnt": tells our file from any other SQLite file

// Secrets live here: SQLite would create the file readable by everyone, and give the files beside it the same mode.
Status make_private(const std::filesystem::path& path, bool create) {
  const int fd = open(path.c_str(), O_RDWR | (create ? O_CREAT : 0) | O_CLOEXEC, 0600);
  if (fd < 0) {
    if (!create && errno == ENOENT) return {};
    return Status::internal("cannot open database " + path.string() + ": " + std::generic_category().message(errno));
  }
  struct stat info {};
  const bool closed = fstat(fd, &info) == 0 && ((info.st_mode & 077) == 0 || fchmod(fd, 0600) == 0);
  const int error = errno;
  close(fd);
  if (closed) return {};
  return Status::internal("cannot keep others from reading " + path.string() + ": " +
                          std::generic_category().message(error));
}

// A new file is only there after a power cut when its folder is on disk too.
void sync_folder(const std::filesystem::path& path) {
  const auto folder = path.has_parent_path() ? path.parent_path() : std::filesystem::path(".");
  const int fd = open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0) return;
  fsync(fd);
  close(fd);
}

std::string_view blob(sqlite3_value* value) {
  const auto* data = static_cast<const char*>(sqlite3_value_blob(value));
  return {data, static_cast<size_t>(sqlite3_value_bytes(value))};
}

// row_sum(revision, created, kind, key, value), for the rows of version 1.
void sum_in_sql(sqlite3_context* context, int, sqlite3_value** values) {
  sqlite3_result_int64(context,
                       row_sum(sqlite3_value_int64(values[0]), sqlite3_value_int64(values[1]),
                               static_cast<RowKind>(sqlite3_value_int(values[2])), blob(values[3]), blob(values[4])));
}

}  // namespace

Expected<std::unique_ptr<Database>> Database::open(const std::filesystem::path& path, bool durable,
                                                   const std::function<Status()>& may_create) {
  if (Status s = make_private(path, true); !s.ok()) return s;
  for (const char* beside : {"-wal", "-shm", "-journal"}) {
    if (Status s = make_private(path.string() + beside, false); !s.ok()) return s;
  }
  std::unique_ptr<Database> db(new Database(path));
  const int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX;
  if (sqlite3_open_v2(path.c_str(), &db->db_, flags, nullptr) != SQLITE_OK) {
    return db->failure("open");
  }
  sqlite3_extended_result_codes(db->db_, 1);
  sqlite3_db_config(db->db_, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, nullptr);
  if (Status s = db->configure(); !s.ok()) return s;
  if (durable) {
    db->file_ = ::open(path.c_str(), O_RDWR | O_CLOEXEC);
  } else {
    if (Status s = db->execute("PRAGMA synchronous=OFF;", "open"); !s.ok()) return s;
  }
  if (Status s = db->create_or_check_schema(may_create); !s.ok()) return s;
  if (Status s = db->prepare(); !s.ok()) return s;
  sync_folder(path);
  return db;
}

Status Database::configure() {
  // Exclusive: the log's index is then heap memory, not a mapped file that a full disk turns into
  // SIGBUS. The cache is small because readers never come here. Fast: else to remove a row is to write all of it to the
  // log, which takes the most space where there is the least.
  constexpr const char* kSettings =
      "PRAGMA locking_mode=EXCLUSIVE; PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL;"
      "PRAGMA wal_autocheckpoint=0; PRAGMA cache_size=-1024; PRAGMA mmap_size=0;"
      "PRAGMA temp_store=MEMORY; PRAGMA secure_delete=FAST;";
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

Status Database::create_or_check_schema(const std::function<Status()>& may_create) {
  auto version = number("PRAGMA user_version");
  if (!version.ok()) return version.error();
  auto id = number("PRAGMA application_id");
  if (!id.ok()) return id.error();
  auto tables = number("SELECT count(*) FROM sqlite_master");
  if (!tables.ok()) return tables.error();
  if (*id == 0 && *version == 0 && *tables == 0) {
    const Status allowed = may_create ? may_create() : Status();
    version_ = kVersion;
    return allowed.ok() ? create_schema() : allowed;
  }
  if (*id != kApplicationId) {
    return Status::internal(path_.string() +
                            " is an SQLite database, but not one of Gantry's; move it "
                            "away, or use another data directory");
  }
  if (*version > kVersionWithGaps) {
    return Status::internal("database " + path_.string() + " has schema version " + std::to_string(*version) +
                            ", newer than this program's " + std::to_string(kVersionWithGaps) +
                            "; start the newer version of Gantry");
  }
  version_ = std::max(static_cast<int>(*version), kVersion);
  return *version < kVersion ? upgrade_schema() : Status();
}

Status Database::create_schema() {
  const std::string sql =
      "BEGIN IMMEDIATE;"
      "CREATE TABLE versions(revision INTEGER PRIMARY KEY, created INTEGER NOT NULL,"
      " deleted INTEGER NOT NULL, key BLOB NOT NULL, value BLOB NOT NULL, sum INTEGER NOT NULL);"
      "CREATE TABLE meta(id INTEGER PRIMARY KEY, compacted INTEGER NOT NULL, sum INTEGER NOT NULL);"
      "CREATE TABLE filler(id INTEGER PRIMARY KEY, bytes BLOB NOT NULL);"
      "INSERT INTO meta VALUES(1, 1, " +
      std::to_string(row_sum(1, 0, RowKind::kPut, {}, {})) +
      ");"
      "PRAGMA application_id=" +
      std::to_string(kApplicationId) +
      ";"
      "PRAGMA user_version=" +
      std::to_string(kVersion) + "; COMMIT;";
  return execute(sql.c_str(), "create the tables of");
}

// From version 1, whose rows had no checksum: what they are now is what they will be held to.
Status Database::upgrade_schema() {
  if (sqlite3_create_function(db_, "row_sum", 5, SQLITE_UTF8 | SQLITE_DETERMINISTIC, nullptr, sum_in_sql, nullptr,
                              nullptr) != SQLITE_OK) {
    return failure("upgrade");
  }
  const std::string sql =
      "BEGIN IMMEDIATE;"
      "ALTER TABLE versions ADD COLUMN sum INTEGER NOT NULL DEFAULT 0;"
      "UPDATE versions SET sum=row_sum(revision, created, deleted, key, value);"
      "ALTER TABLE meta ADD COLUMN sum INTEGER NOT NULL DEFAULT 0;"
      "UPDATE meta SET sum=row_sum(compacted, 0, 0, x'', x'');"
      "CREATE TABLE filler(id INTEGER PRIMARY KEY, bytes BLOB NOT NULL);"
      "PRAGMA user_version=" +
      std::to_string(kVersion) + "; COMMIT;";
  return execute(sql.c_str(), "upgrade");
}

}  // namespace gantry::store
