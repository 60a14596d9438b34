// What may happen to nodes and pods so that a pod that found no node finds one: sets of it. A filter says what helps
// against its "no"; the queue wakes the pods that wait for what has happened. What only pods of some kind can help
// against is a topic (a group of pods or a term that a tally counts, see tallies.hpp), of which there is word when one
// of them comes or goes.
#pragma once

#include <cstdint>

namespace gantry::scheduler {

enum class Changes : uint8_t {
  kNone = 0,
  kNodeAdded = 1,
  kAllocatable = 2,  // of a node: how much of what, how many pods
  kLabels = 4,
  kTaints = 8,    // and spec.unschedulable
  kPodGone = 16,  // one that was on a node has ended, or did not get there after all
  kNodeGone = 32,
  kAny = 0xff,
};

constexpr Changes operator|(Changes a, Changes b) {
  return static_cast<Changes>(static_cast<unsigned>(a) | static_cast<unsigned>(b));
}
constexpr Changes& operator|=(Changes& a, Changes b) { return a = a | b; }
// Whether they have one in common.
constexpr bool meet(Changes a, Changes b) { return (static_cast<unsigned>(a) & static_cast<unsigned>(b)) != 0; }

}  // namespace gantry::scheduler
