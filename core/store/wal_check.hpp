// What SQLite will not say of a write-ahead log: whether the place where it stops reading is a damage or just the end.
//
// SQLite reads a log up to the first frame whose checksum does not fit, takes that for the end, and overwrites what is
// behind. After a crash that is right: the last transaction was not yet on disk, in whole or in parts. But a frame that
// follows another transaction's end was only written once that end had been synced, so everything before it was whole.
// Such frames behind the break mean that acknowledged transactions would be lost. Blocks on the disk; no state.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <optional>

#include "gantry/status.hpp"

namespace gantry::store {

struct WalBreak {
  uint64_t offset = 0;      // of what does not fit: the header (0) or a frame
  size_t transactions = 0;  // whole ones behind it, at least
};

// Nothing: no log, or one that ends where SQLite stops. An error when it can't be read.
Expected<std::optional<WalBreak>> check_wal(const std::filesystem::path& wal);

}  // namespace gantry::store
