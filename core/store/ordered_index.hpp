// OrderedIndex: entries ordered by key, in sorted runs of pointers.
//
// A tree node per entry would cost four times the memory and a cache miss for each step of a list;
// a run is read straight through and its entries are fetched ahead. Used by Memory, under its lock.
#pragma once

#include <algorithm>
#include <iterator>
#include <string_view>
#include <vector>

#include "core/store/store.hpp"

namespace gantry::store {

class OrderedIndex {
 public:
  // A place in the order; valid until the next change.
  struct Place {
    size_t run = 0;
    size_t at = 0;
    bool operator==(const Place&) const = default;
  };

  size_t size() const { return size_; }
  Place end() const { return {runs_.size(), 0}; }
  const EntryPtr& at(Place place) const { return runs_[place.run][place.at]; }
  Place next(Place place) const { return ++place.at < runs_[place.run].size() ? place : Place{place.run + 1, 0}; }

  Place lower_bound(std::string_view key) const {
    return find_place([key](const EntryPtr& entry) { return entry->key < key; });
  }
  Place upper_bound(std::string_view key) const {
    return find_place([key](const EntryPtr& entry) { return entry->key <= key; });
  }
  EntryPtr find(std::string_view key) const {
    const Place place = lower_bound(key);
    return place != end() && at(place)->key == key ? at(place) : nullptr;
  }

  int64_t distance(Place from, Place to) const {
    if (from.run == to.run) return static_cast<int64_t>(to.at) - static_cast<int64_t>(from.at);
    size_t count = runs_[from.run].size() - from.at + to.at;
    for (size_t run = from.run + 1; run < to.run; ++run) count += runs_[run].size();
    return static_cast<int64_t>(count);
  }

  // Appends up to `count` entries from `place` on; returns the place behind them.
  Place copy(Place place, size_t count, std::vector<EntryPtr>& out) const {
    constexpr size_t kAhead = 8;
    while (count > 0 && place.run < runs_.size()) {
      const Run& run = runs_[place.run];
      const size_t stop = std::min(run.size(), place.at + count);
      count -= stop - place.at;
      for (; place.at < stop; ++place.at) {
        // The reference count, which the copy below changes, lies just before the entry.
        if (place.at + kAhead < run.size()) __builtin_prefetch(run[place.at + kAhead].get(), 1);
        out.push_back(run[place.at]);
      }
      if (place.at == run.size()) place = {place.run + 1, 0};
    }
    return place;
  }

  // Inserts, or replaces the version that has the same key.
  void put(const EntryPtr& entry) {
    if (runs_.empty()) runs_.emplace_back();
    Place place = lower_bound(entry->key);
    if (place != end() && at(place)->key == entry->key) {
      runs_[place.run][place.at] = entry;
      return;
    }
    // Rather the end of a run than the start of the next one: ascending keys then fill runs up.
    if (place.at == 0 && place.run > 0) place = {place.run - 1, runs_[place.run - 1].size()};
    Run& run = runs_[place.run];
    run.insert(run.begin() + static_cast<ptrdiff_t>(place.at), entry);
    ++size_;
    if (run.size() > kMaxRun) split(place.run);
  }

  void erase(std::string_view key) {
    const Place place = lower_bound(key);
    if (place == end() || at(place)->key != key) return;
    Run& run = runs_[place.run];
    run.erase(run.begin() + static_cast<ptrdiff_t>(place.at));
    --size_;
    if (run.empty()) runs_.erase(runs_.begin() + static_cast<ptrdiff_t>(place.run));
  }

  // Replaces everything; `entries` may come in any order.
  void assign(std::vector<EntryPtr> entries) {
    std::sort(entries.begin(), entries.end(), [](const EntryPtr& a, const EntryPtr& b) { return a->key < b->key; });
    runs_.clear();
    size_ = entries.size();
    for (size_t i = 0; i < size_; i += kFill) {
      const auto first = entries.begin() + static_cast<ptrdiff_t>(i);
      const auto last = entries.begin() + static_cast<ptrdiff_t>(std::min(i + kFill, size_));
      runs_.emplace_back(std::make_move_iterator(first), std::make_move_iterator(last));
    }
  }

 private:
  using Run = std::vector<EntryPtr>;  // never empty between calls
  static constexpr size_t kMaxRun = 256;
  static constexpr size_t kFill = 192;

  template <typename Before>
  Place find_place(Before before) const {
    // The first run whose last entry is not before the key holds the place.
    const auto run =
        std::partition_point(runs_.begin(), runs_.end(), [&](const Run& r) { return r.empty() || before(r.back()); });
    if (run == runs_.end()) return end();
    const auto at = std::partition_point(run->begin(), run->end(), before);
    return {static_cast<size_t>(run - runs_.begin()), static_cast<size_t>(at - run->begin())};
  }

  void split(size_t index) {
    Run& run = runs_[index];
    // At the very end keys are mostly ascending: leave the full run full.
    const size_t keep = index + 1 == runs_.size() ? kFill : kMaxRun / 2;
    const auto middle = run.begin() + static_cast<ptrdiff_t>(keep);
    Run upper(std::make_move_iterator(middle), std::make_move_iterator(run.end()));
    run.erase(middle, run.end());
    runs_.insert(runs_.begin() + static_cast<ptrdiff_t>(index) + 1, std::move(upper));
  }

  std::vector<Run> runs_;
  size_t size_ = 0;
};

}  // namespace gantry::store
