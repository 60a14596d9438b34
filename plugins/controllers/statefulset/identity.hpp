// Who a pod of a StatefulSet is: its number, its name, its labels and claims, and whether it still is that. Pure, any
// thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "k8s.io/api/apps/v1/stateful_set.pb.h"
#include "k8s.io/api/core/v1/persistent_volume_claim.pb.h"
#include "k8s.io/api/core/v1/pod.pb.h"

namespace gantry::statefulset {

using appsv1::StatefulSet;
using corev1::PersistentVolumeClaim;
using corev1::Pod;

inline constexpr char kApiVersion[] = "apps/v1";
inline constexpr char kKind[] = "StatefulSet";
inline constexpr char kPodNameLabel[] = "statefulset.kubernetes.io/pod-name";
inline constexpr char kPodIndexLabel[] = "apps.kubernetes.io/pod-index";
inline constexpr char kRevisionLabel[] = "controller-revision-hash";

// The numbers that a set's pods have: from `first` on, `end` excluded.
struct Ordinals {
  int64_t first = 0, end = 0;
  bool has(int64_t ordinal) const { return ordinal >= first && ordinal < end; }
};
Ordinals ordinals_of(const StatefulSet& set);

// The number of the set's pod of this name; none: it is no name of such a pod.
std::optional<int64_t> ordinal_of(std::string_view set, std::string_view pod);
std::string pod_name(const StatefulSet& set, int64_t ordinal);
std::string claim_name(const StatefulSet& set, const PersistentVolumeClaim& from, int64_t ordinal);

// The name of the revision that a pod was made of, or "".
const std::string& revision_of(const Pod& pod);

// A pod of the set that is not there yet, made from `from`, which is the template of `revision`.
Pod new_pod(const StatefulSet& set, const corev1::PodTemplateSpec& from, const std::string& revision, int64_t ordinal);

// Whether the pod has the labels, and the volumes, that it was made with.
bool identity_matches(const StatefulSet& set, const Pod& pod, int64_t ordinal);
bool storage_matches(const StatefulSet& set, const Pod& pod, int64_t ordinal);
// Gives it both again.
void repair(const StatefulSet& set, Pod& pod, int64_t ordinal);

// The claim that a pod of this number gets for a template of the set.
PersistentVolumeClaim new_claim(const StatefulSet& set, const PersistentVolumeClaim& from, int64_t ordinal);

}  // namespace gantry::statefulset
