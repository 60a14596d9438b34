// FieldEntries: see field_entries.hpp.
#include "core/store/field_entries.hpp"

#include <algorithm>

namespace gantry::store {
namespace {

bool before(const EntryPtr& entry, std::string_view key) { return entry->key < key; }

}  // namespace

void FieldEntries::add(const EntryPtr& entry) {
  const auto value = field_->value(*entry);
  if (value.empty()) return;
  auto& sorted = entries_[std::string(value)];
  const auto at = std::lower_bound(sorted.begin(), sorted.end(), std::string_view(entry->key), before);
  if (at != sorted.end() && (*at)->key == entry->key) {
    *at = entry;
  } else {
    sorted.insert(at, entry);
  }
}

void FieldEntries::remove(const Entry& entry) {
  const auto found = entries_.find(std::string(field_->value(entry)));
  if (found == entries_.end()) return;
  auto& sorted = found->second;
  const auto at = std::lower_bound(sorted.begin(), sorted.end(), std::string_view(entry.key), before);
  if (at == sorted.end() || (*at)->key != entry.key) return;
  sorted.erase(at);
  if (sorted.empty()) entries_.erase(found);
}

std::vector<EntryPtr> FieldEntries::find(std::string_view value, std::string_view prefix,
                                         std::string_view after) const {
  const auto found = entries_.find(std::string(value));
  if (found == entries_.end()) return {};
  const auto& sorted = found->second;
  auto at = std::lower_bound(sorted.begin(), sorted.end(), std::max(prefix, after), before);
  std::vector<EntryPtr> entries;
  for (; at != sorted.end() && std::string_view((*at)->key).starts_with(prefix); ++at) {
    if ((*at)->key != after) entries.push_back(*at);
  }
  return entries;
}

}  // namespace gantry::store
