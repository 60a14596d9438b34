// What becomes of an object, from what its owners are. Pure, any thread.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "objects.hpp"

namespace gantry::garbage_collector {

// An object's owners, by uid.
struct Owners {
  std::vector<std::string> solid;     // exist
  std::vector<std::string> dangling;  // do not
  std::vector<std::string> waiting;   // exist until their dependents are gone
};

enum class Verdict : uint8_t {
  kKeep,              // some owner exists, and every reference is good
  kDropReferences,    // some owner exists: the dangling and waiting references go
  kRemoveForeground,  // only waiting owners, and dependents of its own
  kRemove,            // as its finalizers say
};

Verdict judge(const Owners& owners, bool has_dependents);
// The propagation policy that an object's finalizers ask for.
std::string_view policy_of(const Meta& meta);
// `meta` without the references to dangling and waiting owners.
Meta without_bad_owners(Meta meta, const Owners& owners);
Meta without_owner(Meta meta, std::string_view uid);
Meta without_finalizer(Meta meta, std::string_view finalizer);
// `meta` with blockOwnerDeletion false in all references.
Meta unblocked(Meta meta);

}  // namespace gantry::garbage_collector
