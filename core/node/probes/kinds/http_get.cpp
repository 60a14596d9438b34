// httpGet: an answer from 200 to 399 is a success.
#include "core/node/probes/http_action.hpp"
#include "core/node/probes/probe_kind.hpp"

namespace gantry::node::probe_kinds::http_get {
namespace {

Expected<ProbeOutcome> ask(const ProbeTry& probe, const Deadline& deadline) {
  const auto request = resolve_request(probe.handler.http_get(), probe.target.pod_ip, probe.target.container);
  if (!request) return request.error();
  return probe_http(*request, deadline);
}

}  // namespace

ProbeKind kind() {
  return {.is = [](const corev1::ProbeHandler& handler) { return handler.has_http_get(); }, .ask = ask};
}

}  // namespace gantry::node::probe_kinds::http_get
