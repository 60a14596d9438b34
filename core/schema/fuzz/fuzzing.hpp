// What fuzzers share: random inputs from a seed, how long to run, and the bounds that hold for each
// input whatever it is.
//
// A few seconds by default, for the tests. `--seconds N` goes on for longer, `--seed N` (or GANTRY_FUZZ_SEED) begins
// elsewhere, GANTRY_FUZZ_ROUNDS sets the number of rounds.
#pragma once

#include <gtest/gtest.h>
#include <time.h>

#include <cstdint>
#include <random>
#include <string>
#include <string_view>

#include "core/schema/schema.hpp"

namespace gantry::schema::fuzz {

uint64_t seed();

// The rounds of one test: at least `least` of them.
class Rounds {
 public:
  explicit Rounds(uint64_t least);
  bool next();
  uint64_t count() const { return count_; }

 private:
  uint64_t least_, count_ = 0;
  int64_t until_ns_;
};

// A piece of work: memory that lives at once, over what was there before it, at most 64 MiB and the input's size; and
// processor time far above what linear work takes and far below what quadratic work would: this thread's, or all's.
class Bounded {
 public:
  explicit Bounded(size_t input_bytes, clockid_t clock = CLOCK_THREAD_CPUTIME_ID);
  ~Bounded();  // a failure of the test, when a bound was passed
  Bounded(const Bounded&) = delete;
  Bounded& operator=(const Bounded&) = delete;
  size_t most_bytes() const;  // that lived at once until now, over what was there before

 private:
  size_t input_bytes_, before_;
  clockid_t clock_;
  int64_t began_ns_;
};

class Random {
 public:
  explicit Random(uint64_t seed) : random_(seed) {}
  size_t below(size_t limit) { return limit == 0 ? 0 : std::uniform_int_distribution<size_t>(0, limit - 1)(random_); }
  bool one_in(size_t n) { return below(n) == 0; }
  template <typename List>
  decltype(auto) pick(List& list) {
    return list[below(std::size(list))];
  }
  std::string mutated(std::string text);

 private:
  std::mt19937_64 random_;
};

// The deepest that documents may be, and text that says why not.
::testing::AssertionResult is_shallow(const Json& document);

std::string repeated(std::string_view text, size_t times);
// {"k0":VALUE,"k1":VALUE,...}
std::string members(size_t count, std::string_view value);

}  // namespace gantry::schema::fuzz
