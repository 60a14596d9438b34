#include "replica_sets.hpp"

#include <algorithm>
#include <string>
#include <tuple>

#include "annotations.hpp"
#include "gantry/stable_bytes.hpp"

namespace gantry::deployment {
namespace {

template <typename Count>
int32_t sum(const Sets& sets, Count count) {
  int32_t total = 0;
  for (const auto* set : sets) total += count(*set);
  return total;
}

bool has_lower_revision(const ReplicaSet& a, const ReplicaSet& b) {
  const auto x = revision_of(a.metadata()), y = revision_of(b.metadata());
  return !x || !y || *x == *y ? is_older(a, b) : *x < *y;
}

}  // namespace

bool is_older(const ReplicaSet& a, const ReplicaSet& b) {
  const auto &x = a.metadata(), &y = b.metadata();
  return std::make_tuple(x.creation_timestamp().seconds(), std::cref(x.name())) <
         std::make_tuple(y.creation_timestamp().seconds(), std::cref(y.name()));
}

void sort_oldest_first(Sets& sets) {
  std::sort(sets.begin(), sets.end(), [](const auto* a, const auto* b) { return is_older(*a, *b); });
}

void sort_by_size(Sets& sets, bool newer_first) {
  std::sort(sets.begin(), sets.end(), [newer_first](const auto* a, const auto* b) {
    if (a->spec().replicas() != b->spec().replicas()) return a->spec().replicas() > b->spec().replicas();
    return newer_first ? is_older(*b, *a) : is_older(*a, *b);
  });
}

bool same_template(const corev1::PodTemplateSpec& a, const corev1::PodTemplateSpec& b) {
  const auto bare = [](corev1::PodTemplateSpec spec) {
    spec.mutable_metadata()->mutable_labels()->erase(kHashLabel);
    return sdk::stable_bytes(spec);
  };
  return bare(a) == bare(b);
}

ReplicaSet* find_new(const Deployment& deployment, Sets sets) {
  sort_oldest_first(sets);
  for (auto* set : sets) {
    if (same_template(set->spec().template_(), deployment.spec().template_())) return set;
  }
  return nullptr;
}

Sets active(const Sets& sets) {
  Sets found;
  for (auto* set : sets) {
    if (set->spec().replicas() > 0) found.push_back(set);
  }
  return found;
}

ReplicaSet* active_or_latest(ReplicaSet* fresh, Sets old) {
  sort_oldest_first(old);
  Sets all = old;
  if (fresh != nullptr) all.push_back(fresh);
  if (all.empty()) return nullptr;
  const Sets running = active(all);
  if (running.empty()) return all.back();
  return running.size() == 1 ? running.front() : nullptr;
}

int32_t wanted(const Sets& sets) {
  return sum(sets, [](const ReplicaSet& set) { return set.spec().replicas(); });
}
int32_t existing(const Sets& sets) {
  return sum(sets, [](const ReplicaSet& set) { return set.status().replicas(); });
}
int32_t ready(const Sets& sets) {
  return sum(sets, [](const ReplicaSet& set) { return set.status().ready_replicas(); });
}
int32_t available(const Sets& sets) {
  return sum(sets, [](const ReplicaSet& set) { return set.status().available_replicas(); });
}

Sets beyond_history(const Sets& old, int32_t limit) {
  Sets alive;
  for (auto* set : old) {
    if (!set->metadata().has_deletion_timestamp()) alive.push_back(set);
  }
  if (alive.size() <= static_cast<size_t>(limit)) return {};
  std::sort(alive.begin(), alive.end(), [](const auto* a, const auto* b) { return has_lower_revision(*a, *b); });
  alive.resize(alive.size() - static_cast<size_t>(limit));
  std::erase_if(alive, [](const ReplicaSet* set) {
    return set->status().replicas() != 0 || set->spec().replicas() != 0 ||
           set->metadata().generation() > set->status().observed_generation();
  });
  return alive;
}

}  // namespace gantry::deployment
