// The room of probes: when they run, what they ask, what follows from the answers.
//
// Startup, readiness and liveness probes of running containers: exec, http, tcp (grpc answers a clear failure).
//
// Timers of the host start probes. Network probes run on a pool of their own: one that hangs costs a thread of 64 until
// its timeout. Commands cost none.
// Results change only by successThreshold and failureThreshold, as the kubelet counts. [any-thread]
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/plugin/timers.hpp"
#include "gantry/status.hpp"
#include "k8s.io/api/core/v1/pod.pb.h"

namespace gantry::node {

struct ProbeTarget {
  std::string pod_uid, container_id;  // the running instance
  std::string pod_ip;                 // default host
  corev1::Pod pod;                    // for named ports, events, grace
  corev1::Container container;
  int64_t started_unix_ns = 0;
};

struct ProbeState {
  bool started = false;          // startup probe passed (or there is none)
  bool ready = false;            // readiness passed (or there is none), and started
  bool failed_liveness = false;  // or startup: the container is to be killed
  std::string message;           // why, as in the Unhealthy event
};

struct ProberHooks {
  // Exit code and output of a command in a container. Must not block; tells once, on any thread, or never when all is
  // being stopped.
  using ExecDone = std::function<void(Expected<std::pair<int, std::string>>)>;
  std::function<void(const std::string& container_id, const std::vector<std::string>& command, int timeout_seconds,
                     ExecDone done)>
      exec;
  // A container's state changed. Must not block. Not called for what did not change.
  std::function<void(const std::string& pod_uid, const std::string& container_id)> changed;
  // "Unhealthy", "Readiness probe failed: ..." about a container ("spec.containers{name}").
  std::function<void(const ProbeTarget& target, std::string_view reason, std::string_view message)> warn;
};

class Prober {
 public:
  virtual ~Prober() = default;  // stops; no hook runs afterwards
  // Starts probing an instance; again for a known container_id: nothing. `assume_ready`: found running after a restart
  // of the daemon, and ready before it: stays so until a probe fails (upstream: running pods do not flap when the
  // kubelet restarts).
  virtual void add(ProbeTarget target, bool assume_ready) = 0;
  virtual void remove(const std::string& container_id) = 0;
  virtual void remove_pod(const std::string& pod_uid) = 0;
  // Of an instance; without probes or unknown: started and ready.
  virtual ProbeState state(const std::string& container_id) const = 0;
};

std::unique_ptr<Prober> make_prober(plugin::Timers& timers, ProberHooks hooks);

}  // namespace gantry::node
