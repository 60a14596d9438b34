// Opens the SQLite implementation of the store.
#pragma once

#include <filesystem>
#include <memory>

#include "core/store/store.hpp"

namespace gantry::store {

struct SqliteOptions {
  std::filesystem::path path;          // the database file; its folder must exist
  int64_t history_entries = 100'000;   // log kept for watches and paged lists, at most
  int64_t history_bytes = 64 << 20;
  size_t max_queue = 16'384;           // writes waiting for the writer thread
  size_t max_batch = 1'024;            // writes in one transaction
};

// Locks the database (a second daemon is refused with a message naming the holder's pid), loads it into memory.
Expected<std::unique_ptr<Store>> open_sqlite(const SqliteOptions& options);

}  // namespace gantry::store
