// tcpSocket: a connection that is made is a success.
#include "core/node/probes/http_action.hpp"
#include "core/node/probes/probe_kind.hpp"

namespace gantry::node::probe_kinds::tcp_socket {
namespace {

Expected<ProbeOutcome> ask(const ProbeTry& probe, const Deadline& deadline) {
  const auto& socket = probe.handler.tcp_socket();
  const auto port = resolve_port(socket.port(), probe.target.container);
  if (!port) return port.error();
  return probe_tcp(socket.host().empty() ? probe.target.pod_ip : socket.host(), *port, deadline);
}

}  // namespace

ProbeKind kind() {
  return {.is = [](const corev1::ProbeHandler& handler) { return handler.has_tcp_socket(); }, .ask = ask};
}

}  // namespace gantry::node::probe_kinds::tcp_socket
