// A score: one of the reasons for which one node is better for a pod than another, one file of scores/, listed in
// scores.cpp. Pure functions, run by the scheduling thread for each node that can take the pod: none allocates.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string_view>
#include <vector>

#include "core/scheduler/node_cache.hpp"
#include "core/scheduler/pod_info.hpp"

namespace gantry::scheduler {

constexpr int64_t kMaxScore = 100;

// How what `rate` gives becomes 0 to kMaxScore.
enum class Scale : uint8_t {
  kAsIs,            // it is that
  kShareOfLargest,  // more is better: kMaxScore for the node that has most
  kReversed,        // more is worse: 0 for the node that has most
  kBetween,         // from 0 for the node that has least to kMaxScore for the one that has most
  kEvenly,          // more is worse, by how much it is above the least; negative: 0
};

struct Score {
  std::string_view name;  // of upstream's plugin
  int64_t weight = 1;     // of upstream's default profile
  Scale scale = Scale::kAsIs;
  // Asked once a pod: false when it finds all nodes equal. What `rate` shall find again goes into `notes`. Null: it is
  // asked for every pod, without notes.
  bool (*concerns)(const WaitingPod& pod, const corev1::PodSpec& spec, std::unique_ptr<const Notes>& notes) = nullptr;
  // Asked once an attempt with the nodes that can take the pod: false when it finds them equal this time. Makes what
  // `rate` gets in place of the notes. Null: it gets the notes.
  bool (*prepare)(const WaitingPod& pod, const Notes* notes, Tallies& tallies,
                  const std::vector<const NodeState*>& feasible, std::unique_ptr<const Notes>& state) = nullptr;
  // Asked for each node. Negative only where the scale has a meaning for it.
  int64_t (*rate)(const WaitingPod& pod, const Notes* notes, const NodeState& node) = nullptr;
};

std::span<const Score> all_scores();

// The index into `feasible`, which has at least one, of the best node; of several that are the first.
size_t pick_best(const WaitingPod& pod, Tallies& tallies, const std::vector<const NodeState*>& feasible);

}  // namespace gantry::scheduler
