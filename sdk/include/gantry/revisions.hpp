// The history of an object whose controller keeps it as ControllerRevisions (StatefulSet, DaemonSet): which there are,
// which is the present state's, which are too old. The first half is pure; what takes a Host is [worker].
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "gantry/claims.hpp"
#include "k8s.io/api/apps/v1/controller_revision.pb.h"

namespace gantry::sdk {

inline constexpr char kRevisionHash[] = "controller.kubernetes.io/hash";

using Revisions = std::vector<appsv1::ControllerRevision>;

// A state of `owner`: `data` is the JSON that brings it back, `labels` those of the pod template, `collisions` how
// often a name was another's. Its name is "<owner>-<hash of data and collisions>".
appsv1::ControllerRevision make_revision(const metav1::ObjectMeta& owner, metav1::OwnerReference reference,
                                         const LabelMap& labels, std::string data, int64_t number, int32_t collisions);

// By number, then age, then name.
void sort_revisions(Revisions& revisions);
// Of sorted ones: behind the last; 1 to begin with.
int64_t next_revision(const Revisions& sorted);
bool same_state(const appsv1::ControllerRevision& a, const appsv1::ControllerRevision& b);

// The oldest of those that are not `live`, beyond `limit`. Upstream's StatefulSets keep so many besides live ones, its
// DaemonSets so many in all.
enum class Kept : uint8_t { kBesidesLive, kInAll };
Revisions beyond_limit(const Revisions& sorted, size_t limit, Kept kept,
                       const std::function<bool(const appsv1::ControllerRevision&)>& live);

// Those of `owner`, sorted: orphans that the selector matches are adopted, others let go.
template <typename Owner>
Expected<Revisions> claim_revisions(const Host& host, const Owner& owner, metav1::OwnerReference reference,
                                    const metav1::LabelSelector& selector) {
  auto candidates = claim_candidates<appsv1::ControllerRevision>(host, owner.metadata(), selector);
  if (!candidates) return std::move(candidates).error();
  auto claimed = claim(host, owner, std::move(reference), selector, std::move(*candidates));
  if (claimed) sort_revisions(*claimed);
  return claimed;
}

// The revision of the present state, which `wanted` describes: the last one when that is its state, an earlier one of
// its state with a new number (a rollback), else `wanted` itself, created. Where its name is another's, `collisions`
// counts up and the next name is tried; the caller stores it in its status, also after an error.
Expected<appsv1::ControllerRevision> present_revision(const Host& host, const Revisions& sorted,
                                                      appsv1::ControllerRevision wanted, std::string_view owner,
                                                      int32_t& collisions);

}  // namespace gantry::sdk
