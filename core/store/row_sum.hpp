// What each row of the database carries to show that it is what was written. [any-thread]
#pragma once

#include <cstdint>
#include <string_view>

namespace gantry::store {

// What a row says of its object.
enum class RowKind : int {
  kPut = 0,
  kDelete = 1,
  kBareDelete = 2,  // written on a full disk: without the final state
};
constexpr int kRowKinds = 4;  // that there may be

// Which part of a row is not what was written. In a row with a damaged head nothing can be believed, not its key
// either.
enum class Damage { kNone, kValue, kHead };

// The CRC-32 of all but the value above that of the value: a damaged value still has a name.
// `gap`: of revisions before it that have no row.
int64_t row_sum(int64_t revision, int64_t created, RowKind kind, std::string_view key, std::string_view value,
                int64_t gap = 0);
Damage compare_sums(int64_t stored, int64_t computed);

}  // namespace gantry::store
