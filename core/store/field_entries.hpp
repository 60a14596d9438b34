// FieldEntries: the newest entries under a prefix, found by the value of a field.
//
// The value "" is nobody's: entries without one are many, and lists of them are few. Owned by Memory, under its lock.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "core/store/store.hpp"

namespace gantry::store {

class FieldEntries {
 public:
  FieldEntries(std::string_view prefix, std::shared_ptr<const FieldIndex> field)
      : prefix_(prefix), field_(std::move(field)) {}

  const std::string& prefix() const { return prefix_; }
  const FieldIndex& field() const { return *field_; }
  bool covers(const Entry& entry) const { return std::string_view(entry.key).starts_with(prefix_); }

  void add(const EntryPtr& entry);
  void remove(const Entry& entry);
  // Those with the value, by key, whose keys begin with `prefix` and come after `after`.
  std::vector<EntryPtr> find(std::string_view value, std::string_view prefix, std::string_view after) const;

 private:
  using Sorted = std::vector<EntryPtr>;  // by key; never empty
  const std::string prefix_;
  const std::shared_ptr<const FieldIndex> field_;
  std::unordered_map<std::string, Sorted> entries_;
};

}  // namespace gantry::store
