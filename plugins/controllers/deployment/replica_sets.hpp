// A Deployment's ReplicaSets: which is the new one, which are old, in what order they are handled, how many pods they
// stand for. Pure, any thread.
#pragma once

#include <cstdint>
#include <vector>

#include "k8s.io/api/apps/v1/deployment.pb.h"
#include "k8s.io/api/apps/v1/replica_set.pb.h"

namespace gantry::deployment {

using appsv1::Deployment;
using appsv1::ReplicaSet;
using Sets = std::vector<ReplicaSet*>;

inline constexpr char kHashLabel[] = "pod-template-hash";

// Oldest first, by name where the second is the same.
bool is_older(const ReplicaSet& a, const ReplicaSet& b);
void sort_oldest_first(Sets& sets);
// Most replicas first; among equals the older, or the newer.
void sort_by_size(Sets& sets, bool newer_first);

// Whether both make the same pods, apart from the label that tells sets apart.
bool same_template(const corev1::PodTemplateSpec& a, const corev1::PodTemplateSpec& b);

// The set of the current template; the oldest, should there be several. Null: none yet.
ReplicaSet* find_new(const Deployment& deployment, Sets sets);

// Those that want pods.
Sets active(const Sets& sets);
// The only active set, or the newest when none is active; null when several are: then each has its part of the size.
ReplicaSet* active_or_latest(ReplicaSet* fresh, Sets old);

// Wanted, existing, ready, available pods of all.
int32_t wanted(const Sets& sets);
int32_t existing(const Sets& sets);
int32_t ready(const Sets& sets);
int32_t available(const Sets& sets);

// Old sets beyond `limit`, lowest revision first, that have no pods and whose status is up to date.
Sets beyond_history(const Sets& old, int32_t limit);

}  // namespace gantry::deployment
