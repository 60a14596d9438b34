#include "verdict.hpp"

#include <algorithm>

namespace gantry::garbage_collector {
namespace {

template <typename Keep>
Meta filter_owners(Meta meta, Keep keep) {
  auto& owners = *meta.mutable_owner_references();
  owners.erase(std::remove_if(owners.begin(), owners.end(), [&](const auto& owner) { return !keep(owner.uid()); }),
               owners.end());
  return meta;
}

bool holds(const std::vector<std::string>& list, std::string_view uid) {
  return std::find(list.begin(), list.end(), uid) != list.end();
}

}  // namespace

Verdict judge(const Owners& owners, bool has_dependents) {
  if (!owners.solid.empty()) {
    return owners.dangling.empty() && owners.waiting.empty() ? Verdict::kKeep : Verdict::kDropReferences;
  }
  return !owners.waiting.empty() && has_dependents ? Verdict::kRemoveForeground : Verdict::kRemove;
}

std::string_view policy_of(const Meta& meta) {
  if (has_finalizer(meta, kOrphanFinalizer)) return "Orphan";
  return has_finalizer(meta, kForegroundFinalizer) ? "Foreground" : "Background";
}

Meta without_bad_owners(Meta meta, const Owners& owners) {
  return filter_owners(std::move(meta), [&](const std::string& uid) {
    return !holds(owners.dangling, uid) && !holds(owners.waiting, uid);
  });
}

Meta without_owner(Meta meta, std::string_view uid) {
  return filter_owners(std::move(meta), [&](const std::string& other) { return other != uid; });
}

Meta without_finalizer(Meta meta, std::string_view finalizer) {
  auto& list = *meta.mutable_finalizers();
  list.erase(std::remove(list.begin(), list.end(), finalizer), list.end());
  return meta;
}

Meta unblocked(Meta meta) {
  for (auto& owner : *meta.mutable_owner_references()) {
    if (owner.block_owner_deletion()) owner.set_block_owner_deletion(false);
  }
  return meta;
}

}  // namespace gantry::garbage_collector
