#include "core/store/consent.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>

#include "core/store/wal_check.hpp"
#include "gantry/abi/log.h"

namespace gantry::store {
namespace {

namespace fs = std::filesystem;

uintmax_t size_of(const fs::path& file) {
  std::error_code error;
  const auto size = fs::file_size(file, error);
  return error ? 0 : size;
}

fs::path wal_of(const fs::path& database) { return database.string() + "-wal"; }

// A name beside it that is free.
fs::path aside(const fs::path& file) {
  std::error_code error;
  for (int i = 1;; ++i) {
    fs::path name = file.string() + ".lost-" + std::to_string(i);
    if (!fs::exists(fs::symlink_status(name, error))) return name;
  }
}

Status put_aside(const fs::path& file, bool keep, Consent& consent) {
  const auto to = aside(file);
  std::error_code error;
  if (keep)
    fs::copy_file(file, to, error);
  else
    fs::rename(file, to, error);
  if (error)
    return Status::internal("cannot put " + file.string() + " aside as " + to.string() + ": " + error.message());
  consent.say(GANTRY_LOG_WARN, file.string() + " is kept as " + to.string());
  return {};
}

Status ask_for_new(const fs::path& database, const std::string& sign, Consent& consent) {
  return consent.ask("database " + database.string() + " is missing or empty, but " + sign,
                     "put it back, with its -wal file if it had one", "to start with an empty cluster");
}

}  // namespace

Consent::Consent(const fs::path& database, Log log) : file_(database.string() + ".accept-loss"), log_(std::move(log)) {
  std::error_code error;
  given_ = fs::exists(file_, error);
}

Status Consent::ask(const std::string& loss, const std::string& instead, const std::string& consequence) {
  if (!given_) {
    return Status::internal(loss + "; " + instead + ", or create the empty file " + file_.string() + " " + consequence);
  }
  used_ = true;
  say(GANTRY_LOG_WARN, loss + "; " + file_.string() + " allowed to go on without");
  return {};
}

void Consent::end() {
  if (!given_) return;
  std::error_code error;
  if (!fs::remove(file_, error) || error) {
    return say(GANTRY_LOG_ERROR, file_.string() + " cannot be removed and would allow the next loss, too: remove it");
  }
  if (!used_) say(GANTRY_LOG_INFO, file_.string() + " was not needed and is removed");
}

Status check_new(const fs::path& database, int64_t noted, const fs::path& witness, Consent& consent) {
  std::error_code error;
  const bool in_use = !witness.empty() && fs::exists(witness, error);
  if (noted <= 1 && !in_use) return {};
  return ask_for_new(database,
                     noted > 1 ? database.string() + ".lock says that it had reached revision " + std::to_string(noted)
                               : witness.string() + " says that this folder has been in use",
                     consent);
}

Status check_files(const fs::path& database, int64_t noted, const fs::path& witness, Consent& consent) {
  const auto wal = wal_of(database);
  if (size_of(database) == 0) {
    const bool has_log = size_of(wal) > 0;
    Status s = has_log && noted <= 1 ? ask_for_new(database, wal.string() + " has writes of it", consent)
                                     : check_new(database, noted, witness, consent);
    return s.ok() && has_log ? put_aside(wal, false, consent) : s;
  }
  auto found = check_wal(wal);
  if (!found.ok()) return std::move(found).error();
  if (!found->has_value()) return {};
  const WalBreak& at = **found;
  Status refused = consent.ask(wal.string() + " is damaged at byte " + std::to_string(at.offset) +
                                   ": what was acknowledged behind it (" + std::to_string(at.transactions) +
                                   " transactions or more) would be lost",
                               "put a backup of " + database.string() + " in its place and move the -wal file away",
                               "to go on with what was before it");
  return refused.ok() ? put_aside(wal, true, consent) : refused;
}

}  // namespace gantry::store
