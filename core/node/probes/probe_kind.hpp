// A kind of probe: one file of kinds/, and its line in probe_kinds.cpp. It asks a container once; when, how often and
// what follows is the prober's.
#pragma once

#include <functional>
#include <string>

#include "core/node/probes/probe_net.hpp"
#include "core/node/probes/prober.hpp"

namespace gantry::node {

// One try. Borrows all, for the call.
struct ProbeTry {
  const corev1::ProbeHandler& handler;
  const ProbeTarget& target;
  int timeout_seconds = 1;
};

// An outcome, or why the container could not be asked at all.
using ProbeDone = std::function<void(Expected<ProbeOutcome> outcome)>;

struct ProbeKind {
  bool (*is)(const corev1::ProbeHandler& handler) = nullptr;
  // One of both. Blocks until the deadline at the most, on a thread of the prober's. Or: returns at once, and tells
  // `done` once, on any thread.
  Expected<ProbeOutcome> (*ask)(const ProbeTry& probe, const Deadline& deadline) = nullptr;
  void (*start)(const ProbeTry& probe, const ProberHooks& hooks, ProbeDone done) = nullptr;
};

// Null for a handler that is none of them.
const ProbeKind* find_probe_kind(const corev1::ProbeHandler& handler);

}  // namespace gantry::node
