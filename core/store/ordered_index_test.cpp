// OrderedIndex against std::map, under random changes.
#include "core/store/ordered_index.hpp"

#include <gtest/gtest.h>

#include <map>
#include <random>

#include "core/files/testing.hpp"

namespace gantry::store {
namespace {

EntryPtr make_entry(const std::string& key) {
  auto entry = std::make_shared<Entry>();
  entry->key = key;
  return entry;
}

using Model = std::map<std::string, EntryPtr, std::less<>>;

// Everything from `from` on, by each of the ways to walk.
void expect_same(const OrderedIndex& index, const Model& model, const std::string& from) {
  std::vector<EntryPtr> expected, copied;
  for (auto it = model.lower_bound(from); it != model.end(); ++it) expected.push_back(it->second);
  const auto begin = index.lower_bound(from);
  ASSERT_EQ(index.distance(begin, index.end()), static_cast<int64_t>(expected.size()));
  ASSERT_EQ(index.copy(begin, expected.size(), copied), index.end());
  ASSERT_EQ(copied, expected);
  auto place = begin;
  for (const EntryPtr& entry : expected) {
    ASSERT_EQ(index.at(place), entry);
    place = index.next(place);
  }
  ASSERT_EQ(place, index.end());
  const size_t half = expected.size() / 2;
  copied.clear();
  const auto middle = index.copy(begin, half, copied);
  ASSERT_EQ(index.distance(begin, middle), static_cast<int64_t>(half));
  if (half > 0) {
    ASSERT_EQ(index.upper_bound(expected[half - 1]->key), middle);
  }
}

TEST(OrderedIndexTest, EmptyIndex) {
  OrderedIndex index;
  EXPECT_EQ(index.lower_bound("a"), index.end());
  EXPECT_EQ(index.find("a"), nullptr);
  EXPECT_EQ(index.distance(index.end(), index.end()), 0);
  index.erase("a");
  index.put(make_entry("a"));
  index.erase("a");
  EXPECT_EQ(index.size(), 0u);
  EXPECT_EQ(index.lower_bound(""), index.end());
}

TEST(OrderedIndexTest, BehavesAsAMap) {
  std::mt19937 random(7);
  OrderedIndex index;
  Model model;
  for (int phase = 0; phase < testing_support::scaled(6, 2); ++phase) {
    const bool grow = phase % 2 == 0;
    for (int i = 0; i < 3000; ++i) {
      const std::string key = std::to_string(random() % 4000);
      if (random() % 4 == 0 ? grow : !grow) {
        index.erase(key);
        model.erase(key);
      } else {
        const EntryPtr entry = make_entry(key);
        index.put(entry);
        model[key] = entry;
      }
    }
    ASSERT_EQ(index.size(), model.size());
    for (const char* from : {"", "1", "25", "3999", "7", "9999", "x"}) {
      expect_same(index, model, from);
    }
    for (int i = 0; i < 4000; ++i) {
      const std::string key = std::to_string(i);
      const auto it = model.find(key);
      ASSERT_EQ(index.find(key), it == model.end() ? nullptr : it->second);
    }
  }
}

TEST(OrderedIndexTest, AssignSorts) {
  std::vector<EntryPtr> entries;
  Model model;
  for (int i = 1000; i > 0; --i) {
    entries.push_back(make_entry(std::to_string(i)));
    model[std::to_string(i)] = entries.back();
  }
  OrderedIndex index;
  index.assign(entries);
  expect_same(index, model, "");
  index.put(make_entry("0"));
  EXPECT_EQ(index.at(index.lower_bound(""))->key, "0");
}

}  // namespace
}  // namespace gantry::store
