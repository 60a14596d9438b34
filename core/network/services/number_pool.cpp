#include "core/network/services/number_pool.hpp"

#include <algorithm>
#include <bit>

namespace gantry::network {

NumberPool::NumberPool(size_t size, size_t band)
    : size_(size), band_(std::min(band, size)), free_(size), taken_((size + kWord - 1) / kWord) {}

bool NumberPool::take(size_t number) {
  if (number >= size_) return false;
  uint64_t& word = taken_[number / kWord];
  const uint64_t bit = uint64_t{1} << (number % kWord);
  if ((word & bit) != 0) return false;
  word |= bit;
  --free_;
  return true;
}

void NumberPool::give_back(size_t number) {
  if (number >= size_) return;
  uint64_t& word = taken_[number / kWord];
  const uint64_t bit = uint64_t{1} << (number % kWord);
  if ((word & bit) == 0) return;
  word &= ~bit;
  ++free_;
}

std::optional<size_t> NumberPool::find(size_t from, size_t to) const {
  while (from < to) {
    const uint64_t open = ~taken_[from / kWord] >> (from % kWord);
    if (open != 0) {
      const size_t found = from + static_cast<size_t>(std::countr_zero(open));
      return found < to ? std::optional(found) : std::nullopt;
    }
    from += kWord - from % kWord;
  }
  return std::nullopt;
}

std::optional<size_t> NumberPool::find_round(size_t from, size_t to, uint64_t chance) const {
  if (from >= to) return std::nullopt;
  const size_t start = from + static_cast<size_t>(chance % (to - from));
  const auto found = find(start, to);
  return found ? found : find(from, start);
}

std::optional<size_t> NumberPool::pick(uint64_t chance) {
  if (free_ == 0) return std::nullopt;
  auto found = find_round(band_, size_, chance);
  if (!found) found = find_round(0, band_, chance);
  if (found) take(*found);
  return found;
}

}  // namespace gantry::network
