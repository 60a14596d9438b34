#include "identity.hpp"

#include <algorithm>
#include <charconv>
#include <set>

#include "gantry/ownership.hpp"
#include "gantry/pod_template.hpp"

namespace gantry::statefulset {
namespace {

void label(const StatefulSet& set, Pod& pod, int64_t ordinal) {
  auto& labels = *pod.mutable_metadata()->mutable_labels();
  labels[kPodNameLabel] = pod_name(set, ordinal);
  labels[kPodIndexLabel] = std::to_string(ordinal);
}

// The claims' volumes first, instead of those of the same name.
void give_volumes(const StatefulSet& set, Pod& pod, int64_t ordinal) {
  std::set<std::string_view> claimed;
  google::protobuf::RepeatedPtrField<corev1::Volume> volumes;
  for (const auto& from : set.spec().volume_claim_templates()) {
    if (!claimed.insert(from.metadata().name()).second) continue;
    auto& volume = *volumes.Add();
    volume.set_name(from.metadata().name());
    volume.mutable_volume_source()->mutable_persistent_volume_claim()->set_claim_name(claim_name(set, from, ordinal));
  }
  if (claimed.empty()) return;
  for (auto& volume : *pod.mutable_spec()->mutable_volumes()) {
    if (!claimed.contains(volume.name())) *volumes.Add() = std::move(volume);
  }
  *pod.mutable_spec()->mutable_volumes() = std::move(volumes);
}

const corev1::Volume* find_volume(const Pod& pod, const std::string& name) {
  const auto& volumes = pod.spec().volumes();
  const auto found =
      std::find_if(volumes.begin(), volumes.end(), [&](const auto& volume) { return volume.name() == name; });
  return found == volumes.end() ? nullptr : &*found;
}

}  // namespace

Ordinals ordinals_of(const StatefulSet& set) {
  const int64_t first = set.spec().ordinals().start();
  return {first, first + set.spec().replicas()};
}

std::optional<int64_t> ordinal_of(std::string_view set, std::string_view pod) {
  if (!pod.starts_with(set) || pod.size() < set.size() + 2 || pod[set.size()] != '-') return std::nullopt;
  const auto digits = pod.substr(set.size() + 1);
  int32_t ordinal = 0;
  const auto [end, problem] = std::from_chars(digits.data(), digits.data() + digits.size(), ordinal);
  const bool is_usual = digits.front() != '-' && (digits.front() != '0' || digits.size() == 1);
  if (problem != std::errc() || end != digits.data() + digits.size() || !is_usual) return std::nullopt;
  return ordinal;
}

std::string pod_name(const StatefulSet& set, int64_t ordinal) {
  return set.metadata().name() + "-" + std::to_string(ordinal);
}

std::string claim_name(const StatefulSet& set, const PersistentVolumeClaim& from, int64_t ordinal) {
  return from.metadata().name() + "-" + pod_name(set, ordinal);
}

const std::string& revision_of(const Pod& pod) {
  static const std::string none;
  const auto& labels = pod.metadata().labels();
  const auto found = labels.find(kRevisionLabel);
  return found == labels.end() ? none : found->second;
}

Pod new_pod(const StatefulSet& set, const corev1::PodTemplateSpec& from, const std::string& revision, int64_t ordinal) {
  Pod pod = sdk::pod_from_template(from, set.metadata(), sdk::controller_reference(set.metadata(), kApiVersion, kKind));
  auto& meta = *pod.mutable_metadata();
  meta.clear_generate_name();
  meta.set_name(pod_name(set, ordinal));
  (*meta.mutable_labels())[kRevisionLabel] = revision;
  pod.mutable_spec()->set_hostname(meta.name());
  pod.mutable_spec()->set_subdomain(set.spec().service_name());
  repair(set, pod, ordinal);
  return pod;
}

bool identity_matches(const StatefulSet& set, const Pod& pod, int64_t ordinal) {
  const auto& labels = pod.metadata().labels();
  const auto found = labels.find(kPodNameLabel);
  return found != labels.end() && found->second == pod_name(set, ordinal);
}

bool storage_matches(const StatefulSet& set, const Pod& pod, int64_t ordinal) {
  const auto& templates = set.spec().volume_claim_templates();
  return std::all_of(templates.begin(), templates.end(), [&](const auto& from) {
    const auto* volume = find_volume(pod, from.metadata().name());
    return volume != nullptr &&
           volume->volume_source().persistent_volume_claim().claim_name() == claim_name(set, from, ordinal);
  });
}

void repair(const StatefulSet& set, Pod& pod, int64_t ordinal) {
  label(set, pod, ordinal);
  if (!storage_matches(set, pod, ordinal)) give_volumes(set, pod, ordinal);
}

PersistentVolumeClaim new_claim(const StatefulSet& set, const PersistentVolumeClaim& from, int64_t ordinal) {
  PersistentVolumeClaim claim = from;
  claim.mutable_metadata()->set_name(claim_name(set, from, ordinal));
  claim.mutable_metadata()->set_namespace_(set.metadata().namespace_());
  for (const auto& [key, value] : set.spec().selector().match_labels()) {
    (*claim.mutable_metadata()->mutable_labels())[key] = value;
  }
  return claim;
}

}  // namespace gantry::statefulset
