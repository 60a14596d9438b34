#include "claims.hpp"

#include <algorithm>
#include <utility>

namespace gantry::statefulset {
namespace {

metav1::ObjectMeta pod_meta(const StatefulSet& set, int64_t ordinal) {
  metav1::ObjectMeta meta;
  meta.set_name(pod_name(set, ordinal));
  return meta;
}

}  // namespace

const std::optional<PersistentVolumeClaim>& Claims::find(const std::string& name) {
  const auto [it, fresh] = seen_.try_emplace(name);
  if (fresh) it->second = host_.cached<PersistentVolumeClaim>(set_.metadata().namespace_(), name);
  return it->second;
}

std::vector<Status> Claims::make(const std::vector<int64_t>& ordinals) {
  std::vector<Status> outcomes(ordinals.size());
  if (none()) return outcomes;
  Writes writes(host_, set_);
  std::vector<size_t> of;
  for (size_t i = 0; i < ordinals.size(); ++i) {
    const auto pod = pod_meta(set_, ordinals[i]);
    for (const auto& from : set_.spec().volume_claim_templates()) {
      const auto name = claim_name(set_, from, ordinals[i]);
      if (const auto& found = find(name)) {
        const bool goes = found->metadata().has_deletion_timestamp();
        if (goes && outcomes[i].ok()) outcomes[i] = Status::conflict("pvc " + name + " is being deleted");
        continue;
      }
      auto claim = new_claim(set_, from, ordinals[i]);
      set_owners(set_, claim, user_of(pod, ordinals[i]));
      writes.create(claim, pod.name());
      of.push_back(i);
      seen_[name] = std::move(claim);
    }
  }
  const auto answers = writes.send();
  for (size_t k = 0; k < answers.size(); ++k) {
    if (outcomes[of[k]].ok()) outcomes[of[k]] = answers[k];
  }
  return outcomes;
}

bool Claims::is_stale(int64_t ordinal) {
  if (!deletes_when_scaled(set_)) return false;
  const auto& templates = set_.spec().volume_claim_templates();
  return std::any_of(templates.begin(), templates.end(), [&](const auto& from) {
    const auto& claim = find(claim_name(set_, from, ordinal));
    return claim && goes_with_former_pod(*claim, pod_meta(set_, ordinal));
  });
}

bool Claims::add_owners(const Member& member, Writes& writes) {
  const auto user = user_of(member.pod->metadata(), member.ordinal);
  bool any = false;
  for (const auto& from : set_.spec().volume_claim_templates()) {
    const auto& claim = find(claim_name(set_, from, member.ordinal));
    // One that was made just now has none but right ones.
    if (!claim || claim->metadata().uid().empty() || owners_match(set_, *claim, user)) continue;
    if (has_other_manager(set_, *claim, user)) tell_of_conflict(claim->metadata().name());
    auto changed = *claim;
    set_owners(set_, changed, user);
    writes.update(changed);
    any = true;
  }
  return any;
}

void Claims::tell_of_conflict(const std::string& claim) const {
  host_.event(set_, kApiVersion, kKind, "Warning", "ConflictingController",
              "PersistentVolumeClaim " + claim +
                  " has a conflicting OwnerReference that acts as a manging controller, the retention policy is "
                  "ignored for this claim");
}

}  // namespace gantry::statefulset
