// The kinds of probes. A kind is one file of kinds/, and its line here; their order is of no account.
#include "core/node/probes/probe_kind.hpp"

#define GANTRY_PROBE_KINDS(kind) kind(exec) kind(grpc) kind(http_get) kind(tcp_socket)

namespace gantry::node {

#define GANTRY_DECLARE(name)    \
  namespace probe_kinds::name { \
  ProbeKind kind();             \
  }
GANTRY_PROBE_KINDS(GANTRY_DECLARE)
#undef GANTRY_DECLARE

const ProbeKind* find_probe_kind(const corev1::ProbeHandler& handler) {
#define GANTRY_ROW(name) probe_kinds::name::kind(),
  static const ProbeKind all[] = {GANTRY_PROBE_KINDS(GANTRY_ROW)};
#undef GANTRY_ROW
  for (const ProbeKind& kind : all) {
    if (kind.is(handler)) return &kind;
  }
  return nullptr;
}

#undef GANTRY_PROBE_KINDS

}  // namespace gantry::node
