// Opens the SQLite implementation of the store. [any-thread]
//
// Threads of an open store: one writer (SQLite, write callbacks) and one notifier (watch callbacks). A callback must
// not destroy the store. A watch may outlive the store; it then hears nothing more. Destroying a watch
// waits for a running callback of that watch, except on the notifier thread itself (so a callback may
// destroy any watch, its own too): hold no lock there that the callback takes.
#pragma once

#include <chrono>
#include <filesystem>
#include <functional>
#include <memory>
#include <string_view>

#include "core/store/store.hpp"

namespace gantry::simulation {
class Turns;
}
namespace gantry::limits {
class Notices;
}

namespace gantry::store {

struct SqliteOptions {
  std::filesystem::path path;         // the database file; its folder must exist
  int64_t history_entries = 100'000;  // log kept for watches and paged lists, at most
  int64_t history_bytes = 64 << 20;
  // The same for what is kept in memory alone.
  int64_t volatile_history_entries = 8'192;
  int64_t volatile_history_bytes = 8 << 20;
  // How many revisions are reserved at once for it: a process that dies leaves about so many unused at most.
  int64_t reserved_revisions = 65'536;
  // Writes that wait for the writer thread, or for the disk; one alone is always taken.
  size_t max_queue = 16'384;
  size_t max_queue_bytes = 64 << 20;
  // Writes in one transaction; the first is always taken.
  size_t max_batch = 1'024;
  size_t max_batch_bytes = 8 << 20;
  // History older than this is dropped where it holds more than an eighth of the entries or a 32nd of the bytes.
  std::chrono::seconds history_age{300};
  // A watch without events hears of the revision reached at least this often (a call with no events).
  std::chrono::milliseconds progress_interval{5'000};
  // Disk space kept back for removing objects when the disk is full, in "<path>.ballast"; on a small disk less. 0:
  // none.
  int64_t ballast_bytes = 4 << 20;
  // How often a store that can't write tries whether it can again.
  std::chrono::milliseconds probe_interval{5'000};
  // A file that only a folder in use has: beside it a missing database is a lost one, and refused.
  std::filesystem::path witness;
  // Lines about what was found at the opening; may be null.
  std::function<void(int32_t level, std::string_view text)> log;
  // By what the time to live of volatile entries is measured, and who calls back after a delay, from any thread but not
  // at once. Neither: the steady clock, and the writer waits by itself.
  std::function<std::chrono::steady_clock::time_point()> now;
  std::function<void(int64_t delay_ms, std::function<void()>)> schedule;
  // Under simulated time: its turns. A power cut then may cost the last writes, for nobody depends on them.
  simulation::Turns* turns = nullptr;
  limits::Notices* notices = nullptr;  // outlives the store; may be null
};

// Locks the database (a second daemon is refused with a message naming the holder's pid), loads it into memory. Refused
// when something of it is lost or damaged, with what to do; nothing is changed then.
Expected<std::unique_ptr<Store>> open_sqlite(const SqliteOptions& options);

}  // namespace gantry::store
