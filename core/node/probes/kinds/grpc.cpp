// grpc: not to be had on this node yet, which is a failure that says so.
#include "core/node/probes/probe_kind.hpp"

namespace gantry::node::probe_kinds::grpc {
namespace {

Expected<ProbeOutcome> ask(const ProbeTry&, const Deadline&) {
  return ProbeOutcome{ProbeResult::kFailure, "grpc probes are not supported by this node"};
}

}  // namespace

ProbeKind kind() {
  return {.is = [](const corev1::ProbeHandler& handler) { return handler.has_grpc(); }, .ask = ask};
}

}  // namespace gantry::node::probe_kinds::grpc
