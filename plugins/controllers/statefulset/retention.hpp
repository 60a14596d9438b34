// Who owns the claims of a StatefulSet's pods, by its persistentVolumeClaimRetentionPolicy: the garbage collector then
// deletes them with the set, or with the pod that a smaller set has no more room for. Pure, any thread.
#pragma once

#include "identity.hpp"

namespace gantry::statefulset {

// A pod that is there, or will be made: without a uid then.
struct ClaimUser {
  const metav1::ObjectMeta& pod;
  bool wanted = true;  // its number is one that the set has
};

bool deletes_when_scaled(const StatefulSet& set);

// Whether somebody else manages the claim, so that the policy can't be carried out.
bool has_other_manager(const StatefulSet& set, const PersistentVolumeClaim& claim, const ClaimUser& user);

// Whether its owners are as the policy wants them. Also true when a set or pod of before, of the same name, has it: it
// goes with that one.
bool owners_match(const StatefulSet& set, const PersistentVolumeClaim& claim, const ClaimUser& user);

// Makes them so.
void set_owners(const StatefulSet& set, PersistentVolumeClaim& claim, const ClaimUser& user);

// Whether the claim goes with a pod of this name that was there before: a new one waits for its end.
bool goes_with_former_pod(const PersistentVolumeClaim& claim, const metav1::ObjectMeta& pod);

}  // namespace gantry::statefulset
