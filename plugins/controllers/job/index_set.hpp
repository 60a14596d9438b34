// Completion indexes as ordered intervals, as a Job's status writes them: "1,3-5,7". What it costs follows the number
// of intervals, not of indexes. Pure, any thread.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace gantry::job {

class IndexSet {
 public:
  struct Interval {
    int64_t first, last;
    bool operator==(const Interval&) const = default;
  };

  // What is not below `below` is left out, as is what can't be read.
  static IndexSet parse(std::string_view text, int64_t below);
  // In any order, with repetitions.
  static IndexSet of(std::vector<int64_t> indexes);

  // "3,4" rather than "3-4", as upstream.
  std::string text() const;
  int64_t size() const;
  bool empty() const { return intervals_.empty(); }
  bool has(int64_t index) const;
  void add(const IndexSet& other);
  // How many of `other`'s are here, too.
  int64_t count_common(const IndexSet& other) const;
  // The first `most` of 0 to `below` that are not here.
  std::vector<int64_t> first_missing(int64_t most, int64_t below) const;

  bool operator==(const IndexSet&) const = default;

 private:
  void append(Interval next);  // which begins at or after the last one's first

  std::vector<Interval> intervals_;
};

}  // namespace gantry::job
