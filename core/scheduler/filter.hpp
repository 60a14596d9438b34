// A filter: one of the reasons for which a node can't take a pod, one file of filters/, asked in the order of
// filters.cpp. Pure functions, run by the scheduling thread for each pod and node: none allocates unless it objects.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/scheduler/changes.hpp"
#include "core/scheduler/node_cache.hpp"
#include "core/scheduler/pod_info.hpp"

namespace gantry::scheduler {

enum class Verdict : uint8_t {
  kFits,
  kUnschedulable,
  kUnresolvable,  // and if other pods left the node, it would not fit either
};

// Why nodes can't take a pod, in upstream's words, and how many say so.
class Reasons {
 public:
  using Counts = std::map<std::string, size_t, std::less<>>;
  void add(std::string_view reason);
  const Counts& counts() const { return counts_; }

 private:
  Counts counts_;
};

struct Filter {
  std::string_view name;  // of upstream's plugin
  // What may turn its "no" into a yes, besides a new node.
  Changes helped_by = Changes::kNone;
  // Asked once a pod: false when it has nothing to say of this one, whatever the node. What `check` shall find again
  // goes into `notes`. Null: it is asked for every pod, without notes.
  bool (*concerns)(const WaitingPod& pod, const corev1::PodSpec& spec, std::unique_ptr<const Notes>& notes) = nullptr;
  // Asked once an attempt: false when there is nothing to say this time. Makes what `check` and `topics` get in place
  // of the notes. Null: they get the notes.
  bool (*prepare)(const WaitingPod& pod, const Notes* notes, Tallies& tallies,
                  std::unique_ptr<const Notes>& state) = nullptr;
  // Asked after an attempt in which it refused some node: the topics of which word may turn its "no" into a yes.
  void (*topics)(const Notes* notes, std::vector<uint64_t>& topics) = nullptr;
  // Asked for each node. Gives each of its reasons once when the pod does not fit.
  Verdict (*check)(const WaitingPod& pod, const Notes* notes, const NodeState& node, Reasons& reasons) = nullptr;
};

// All, in upstream's order.
std::span<const Filter> all_filters();

struct Rejections {
  Reasons reasons;
  Changes helped_by = Changes::kNone;
  std::vector<uint64_t> topics;
};

// The filters that have something to say of a pod in one attempt. Between the questions pods may come and go.
class Judge {
 public:
  Judge(const WaitingPod& pod, Tallies& tallies);
  // What the first filter that objects says; the others are not asked, as upstream.
  Verdict ask(const NodeState& node, Rejections& rejections);
  // Tells which changes may help against all that was said.
  void add_help(Rejections& rejections) const;

 private:
  struct Asking {
    const Filter* filter;
    const Notes* notes;
    std::unique_ptr<const Notes> state;
    bool refused = false;
  };
  const WaitingPod& pod_;
  std::vector<Asking> filters_;
};

}  // namespace gantry::scheduler
