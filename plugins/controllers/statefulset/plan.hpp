// What is to be done with the pods of a StatefulSet: its rules of order, replacement and update, as functions of what
// there is. Pure, any thread; made of one look at the caches and used within one reconcile.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "gantry/status.hpp"
#include "identity.hpp"

namespace gantry::statefulset {

// A pod that is there, and its number.
struct Member {
  int64_t ordinal = 0;
  const Pod* pod = nullptr;
};

// What there is. Borrows the set, the names and the pods.
struct Scene {
  Scene(const StatefulSet& its_set, const std::vector<Pod>& pods, std::string_view current_name,
        std::string_view update_name, int64_t now);

  bool in_order() const { return set.spec().pod_management_policy() != "Parallel"; }
  bool is_available(const Pod& pod) const;
  // Not there, not available, or on its way out.
  bool is_unavailable(const Pod* pod) const;

  const StatefulSet& set;
  const Ordinals ordinals;
  const std::string_view current, update;  // the revisions' names
  const int64_t now_ns;
  std::map<int64_t, const Pod*> wanted;  // those whose number is one of the set's
  std::vector<Member> condemned;         // those of other numbers, the highest first
};

// The first part: pods of the set's numbers.
struct Replicas {
  std::vector<const Pod*> over;  // failed or succeeded: deleted, so that the next look makes them anew
  std::vector<int64_t> missing;  // to be made, lowest first; at most as many as asked for
  std::vector<Member> pending;   // whose claims may be missing
  std::vector<Member> settled;   // whose labels, volumes and claims are to be looked at
  bool wait = false;             // nothing else is done until something changes
};
Replicas plan_replicas(const Scene& scene, size_t most);

// The second: pods that the set has no more room for.
struct Deletions {
  std::vector<const Pod*> pods;
  bool wait = false;
};
Deletions plan_condemned(const Scene& scene);

// The third: pods of other revisions that give way to the update.
Expected<std::vector<const Pod*>> plan_update(const Scene& scene);

// Whether a pod of this number is made from the revision that is being left.
bool made_from_current(const StatefulSet& set, int64_t ordinal);

bool is_running_and_ready(const Pod& pod);

}  // namespace gantry::statefulset
