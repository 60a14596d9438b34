// Which of the numbers from 0 to size - 1 are taken: addresses of a Service range, node ports. Used by ServiceNumbers,
// under its lock. Not thread-safe.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

namespace gantry::network {

class NumberPool {
 public:
  // Numbers below `band` are picked only when no other is free: people ask for low ones by name (KEP-3070, KEP-3668).
  NumberPool(size_t size, size_t band);

  size_t size() const { return size_; }
  size_t free() const { return free_; }
  // False: somebody has it, or there is no such number.
  bool take(size_t number);
  // Nothing when nobody has it.
  void give_back(size_t number);
  // One that was free, and is taken now; `chance` says where the search begins. Nothing: all are taken.
  std::optional<size_t> pick(uint64_t chance);

 private:
  static constexpr size_t kWord = 64;
  // The first free one of [from, to).
  std::optional<size_t> find(size_t from, size_t to) const;
  // Searches [from, to) from a place that chance names, and all of it.
  std::optional<size_t> find_round(size_t from, size_t to, uint64_t chance) const;

  const size_t size_, band_;
  size_t free_;
  std::vector<uint64_t> taken_;  // one bit a number
};

}  // namespace gantry::network
