// The volume claims of a StatefulSet's pods: which are missing, which are in the way, whose they are. Made for one
// reconcile; each claim is taken from the cache once. [worker]
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "plan.hpp"
#include "retention.hpp"
#include "writes.hpp"

namespace gantry::statefulset {

class Claims {
 public:
  // Borrows all. The template of the pod does not matter: a set's claim templates never change.
  Claims(const sdk::Host& host, const StatefulSet& set) : host_(host), set_(set), ordinals_(ordinals_of(set)) {}

  bool none() const { return set_.spec().volume_claim_templates().empty(); }
  // Makes what pods of these numbers lack, all at once. A Status for each number.
  std::vector<Status> make(const std::vector<int64_t>& ordinals);
  // A claim that goes with the pod that had this number: the next pod would lose it at once.
  bool is_stale(int64_t ordinal);
  // Adds to `writes` what makes the owners of this pod's claims right; whether there was anything.
  bool add_owners(const Member& member, Writes& writes);

 private:
  const std::optional<PersistentVolumeClaim>& find(const std::string& name);
  ClaimUser user_of(const metav1::ObjectMeta& pod, int64_t ordinal) const { return {pod, ordinals_.has(ordinal)}; }
  void tell_of_conflict(const std::string& claim) const;

  const sdk::Host& host_;
  const StatefulSet& set_;
  const Ordinals ordinals_;
  std::map<std::string, std::optional<PersistentVolumeClaim>> seen_;
};

}  // namespace gantry::statefulset
