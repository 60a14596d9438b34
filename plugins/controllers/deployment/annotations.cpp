#include "annotations.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <string_view>

namespace gantry::deployment {
namespace {

// Each is about one object alone.
constexpr std::array<std::string_view, 6> kNotCopied{"kubectl.kubernetes.io/last-applied-configuration",
                                                     kRevision,
                                                     kRevisionHistory,
                                                     kDesiredReplicas,
                                                     kMaxReplicas,
                                                     "deprecated.deployment.rollback.to"};

template <typename Number>
std::optional<Number> parse(std::string_view text) {
  Number value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (text.empty() || error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

bool set_annotation(metav1::ObjectMeta& meta, const std::string& key, const std::string& value) {
  auto& annotations = *meta.mutable_annotations();
  const auto it = annotations.find(key);
  if (it != annotations.end() && it->second == value) return false;
  annotations[key] = value;
  return true;
}

bool copy_annotations(const metav1::ObjectMeta& from, metav1::ObjectMeta& to) {
  bool changed = false;
  for (const auto& [key, value] : from.annotations()) {
    if (std::find(kNotCopied.begin(), kNotCopied.end(), key) != kNotCopied.end()) continue;
    changed = set_annotation(to, key, value) || changed;
  }
  return changed;
}

void remember(metav1::ObjectMeta& meta, const std::string& revision, size_t limit) {
  std::string history = (*meta.mutable_annotations())[kRevisionHistory];
  while (!history.empty() && history.size() + 1 + revision.size() > limit) {
    const size_t comma = history.find(',');
    history = comma == std::string::npos ? "" : history.substr(comma + 1);
  }
  if (!history.empty()) history += ',';
  (*meta.mutable_annotations())[kRevisionHistory] = history + revision;
}

}  // namespace

std::optional<int64_t> revision_of(const metav1::ObjectMeta& meta) {
  const auto it = meta.annotations().find(kRevision);
  if (it == meta.annotations().end()) return 0;
  return parse<int64_t>(it->second);
}

int64_t max_revision(const Sets& sets) {
  int64_t highest = 0;
  for (const auto* set : sets) highest = std::max(highest, revision_of(set->metadata()).value_or(0));
  return highest;
}

std::optional<int32_t> count_annotation(const ReplicaSet& set, const char* key) {
  const auto& annotations = set.metadata().annotations();
  const auto it = annotations.find(key);
  return it == annotations.end() ? std::nullopt : parse<int32_t>(it->second);
}

bool annotate_new_set(const Deployment& deployment, ReplicaSet& set, int64_t revision, size_t history_limit) {
  auto& meta = *set.mutable_metadata();
  const bool copied = copy_annotations(deployment.metadata(), meta);
  const auto it = meta.annotations().find(kRevision);
  const std::string before = it == meta.annotations().end() ? "" : it->second;
  const auto old = before.empty() ? std::optional<int64_t>(0) : parse<int64_t>(before);
  // Its own may be higher: old sets with high numbers can have been deleted since.
  if (!old || *old >= revision) return copied;
  set_annotation(meta, kRevision, std::to_string(revision));
  if (!before.empty()) remember(meta, before, history_limit);  // a rollback to this set
  return true;
}

bool annotate_size(ReplicaSet& set, int32_t desired, int32_t max) {
  const bool first = set_annotation(*set.mutable_metadata(), kDesiredReplicas, std::to_string(desired));
  return set_annotation(*set.mutable_metadata(), kMaxReplicas, std::to_string(max)) || first;
}

bool set_revision(Deployment& deployment, const std::string& revision) {
  return set_annotation(*deployment.mutable_metadata(), kRevision, revision);
}

}  // namespace gantry::deployment
