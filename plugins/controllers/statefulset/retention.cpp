#include "retention.hpp"

#include <algorithm>

#include "gantry/ownership.hpp"

namespace gantry::statefulset {
namespace {

using metav1::OwnerReference;

constexpr char kPodApiVersion[] = "v1";
constexpr char kPodKind[] = "Pod";
constexpr char kDelete[] = "Delete";

bool deletes_when_deleted(const StatefulSet& set) {
  return set.spec().persistent_volume_claim_retention_policy().when_deleted() == kDelete;
}

bool names(const OwnerReference& reference, const metav1::ObjectMeta& meta, const char* api_version, const char* kind) {
  return reference.api_version() == api_version && reference.kind() == kind && reference.name() == meta.name();
}
bool names_set(const OwnerReference& reference, const StatefulSet& set) {
  return names(reference, set.metadata(), kApiVersion, kKind);
}
bool names_pod(const OwnerReference& reference, const metav1::ObjectMeta& pod) {
  return names(reference, pod, kPodApiVersion, kPodKind);
}

// The first reference to that name is what counts.
bool goes_with_former_set(const PersistentVolumeClaim& claim, const StatefulSet& set) {
  for (const auto& reference : claim.metadata().owner_references()) {
    if (names_set(reference, set)) return reference.uid() != set.metadata().uid();
  }
  return false;
}

bool owned_by(const PersistentVolumeClaim& claim, const std::string& uid) {
  return !uid.empty() && sdk::reference_to(claim.metadata(), uid) != nullptr;
}

// One that owns it, but was not made its manager.
bool has_mere_owner(const StatefulSet& set, const PersistentVolumeClaim& claim, const ClaimUser& user) {
  const auto& all = claim.metadata().owner_references();
  return std::any_of(all.begin(), all.end(), [&](const auto& reference) {
    const bool is_ours =
        reference.uid() == set.metadata().uid() || (!user.pod.uid().empty() && reference.uid() == user.pod.uid());
    return is_ours && !reference.controller();
  });
}

bool wants_set(const StatefulSet& set, const ClaimUser& user) {
  return deletes_when_deleted(set) && (user.wanted || !deletes_when_scaled(set));
}
bool wants_pod(const StatefulSet& set, const ClaimUser& user) { return deletes_when_scaled(set) && !user.wanted; }

}  // namespace

bool deletes_when_scaled(const StatefulSet& set) {
  return set.spec().persistent_volume_claim_retention_policy().when_scaled() == kDelete;
}

bool has_other_manager(const StatefulSet& set, const PersistentVolumeClaim& claim, const ClaimUser& user) {
  if (!deletes_when_scaled(set) && !deletes_when_deleted(set)) return false;
  const auto& all = claim.metadata().owner_references();
  return std::any_of(all.begin(), all.end(), [&](const auto& reference) {
    if (names_set(reference, set)) return reference.uid() != set.metadata().uid();
    if (names_pod(reference, user.pod)) return reference.uid() != user.pod.uid();
    return reference.controller();
  });
}

bool owners_match(const StatefulSet& set, const PersistentVolumeClaim& claim, const ClaimUser& user) {
  if (goes_with_former_set(claim, set) || goes_with_former_pod(claim, user.pod)) return true;
  const bool has_set = owned_by(claim, set.metadata().uid()), has_pod = owned_by(claim, user.pod.uid());
  if (has_other_manager(set, claim, user)) return !has_set && !has_pod;
  if (has_mere_owner(set, claim, user)) return false;
  return has_set == wants_set(set, user) && has_pod == wants_pod(set, user);
}

void set_owners(const StatefulSet& set, PersistentVolumeClaim& claim, const ClaimUser& user) {
  const bool others = has_other_manager(set, claim, user);
  auto& all = *claim.mutable_metadata()->mutable_owner_references();
  all.erase(std::remove_if(
                all.begin(), all.end(),
                [&](const auto& reference) { return names_set(reference, set) || names_pod(reference, user.pod); }),
            all.end());
  if (others) return;
  if (wants_pod(set, user)) *all.Add() = sdk::controller_reference(user.pod, kPodApiVersion, kPodKind);
  if (wants_set(set, user)) *all.Add() = sdk::controller_reference(set.metadata(), kApiVersion, kKind);
}

bool goes_with_former_pod(const PersistentVolumeClaim& claim, const metav1::ObjectMeta& pod) {
  for (const auto& reference : claim.metadata().owner_references()) {
    if (names_pod(reference, pod)) return reference.uid() != pod.uid();
  }
  return false;
}

}  // namespace gantry::statefulset
