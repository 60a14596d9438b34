#include "core/store/row_sum.hpp"

#include <zlib.h>

namespace gantry::store {
namespace {

uint64_t crc(std::string_view bytes, uint64_t before = 0) {
  if (bytes.empty()) return before;  // without a place it would begin anew
  return crc32_z(before, reinterpret_cast<const Bytef*>(bytes.data()), bytes.size());
}

}  // namespace

int64_t row_sum(int64_t revision, int64_t created, RowKind kind, std::string_view key, std::string_view value,
                int64_t gap) {
  const int64_t numbers[] = {revision, created, static_cast<int64_t>(kind) + kRowKinds * gap};
  const uint64_t head = crc(key, crc({reinterpret_cast<const char*>(numbers), sizeof numbers}));
  return static_cast<int64_t>(head << 32 | crc(value));
}

Damage compare_sums(int64_t stored, int64_t computed) {
  const auto differs = static_cast<uint64_t>(stored) ^ static_cast<uint64_t>(computed);
  if (differs >> 32 != 0) return Damage::kHead;
  return differs != 0 ? Damage::kValue : Damage::kNone;
}

}  // namespace gantry::store
