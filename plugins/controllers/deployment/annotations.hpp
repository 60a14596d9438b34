// Revisions and sizes that a Deployment writes on its ReplicaSets as annotations. Pure, any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "replica_sets.hpp"

namespace gantry::deployment {

inline constexpr char kRevision[] = "deployment.kubernetes.io/revision";
inline constexpr char kRevisionHistory[] = "deployment.kubernetes.io/revision-history";
inline constexpr char kDesiredReplicas[] = "deployment.kubernetes.io/desired-replicas";
inline constexpr char kMaxReplicas[] = "deployment.kubernetes.io/max-replicas";

// 0 without the annotation; null when it is no number.
std::optional<int64_t> revision_of(const metav1::ObjectMeta& meta);
// The highest revision; what is no number does not count.
int64_t max_revision(const Sets& sets);

// An annotation that holds an int32.
std::optional<int32_t> count_annotation(const ReplicaSet& set, const char* key);

// Copies the Deployment's annotations to its new set, and gives the set `revision` if that is higher than its own; the
// earlier number goes to the history, which forgets its beginning beyond `history_limit` characters. True when
// something changed.
bool annotate_new_set(const Deployment& deployment, ReplicaSet& set, int64_t revision, size_t history_limit = 2000);

// The size the Deployment has now, by which a later sync sees that it was scaled. True when something changed.
bool annotate_size(ReplicaSet& set, int32_t desired, int32_t max);

// True when the Deployment's own revision changed.
bool set_revision(Deployment& deployment, const std::string& revision);

}  // namespace gantry::deployment
