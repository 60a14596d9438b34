// What all pods of a node share: clients, caches, pools. Made by the agent, lent to the syncs of single pods.
// [any-thread]
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "core/network/network_client.hpp"
#include "core/network/overlay_client.hpp"
#include "core/node/machine/cgroups.hpp"
#include "core/node/machine/registration.hpp"
#include "core/node/node_agent.hpp"
#include "core/node/pod/backoff.hpp"
#include "core/node/pod/pod_events.hpp"
#include "core/node/pod/status_writer.hpp"
#include "core/node/probes/prober.hpp"
#include "core/node/runtime/killer.hpp"
#include "core/node/runtime/lasting_calls.hpp"
#include "core/node/runtime/runtime_client.hpp"
#include "core/node/volumes/objects.hpp"
#include "core/node/volumes/volumes.hpp"

namespace gantry::node {

struct NetworkClients {
  network::NetworkClient network;
  std::optional<network::OverlayClient> overlay = std::nullopt;
};

struct NodeParts {
  NodeParts(NodeOptions o, RuntimeClient r, NetworkClients n)
      : options(std::move(o)),
        runtime(std::move(r)),
        network(std::move(n.network)),
        overlay(std::move(n.overlay)),
        cgroups(Cgroups::of_host(options.cgroup_root)),
        events(options.record_event) {}

  const NodeOptions options;
  const RuntimeClient runtime;
  const network::NetworkClient network;
  const std::optional<network::OverlayClient> overlay;  // none: the network reaches other nodes by itself
  const plugin::Clock* clock = nullptr;
  plugin::Timers* timers = nullptr;
  const Cgroups cgroups;
  const PodEvents events;
  Capacity capacity;
  Backoff container_backoff, image_backoff;
  std::atomic<bool> network_ready = false, stopping = false;
  // The runtime's own name, before "://" in container IDs.
  std::string runtime_name = "oci";
  int64_t started_unix_ns = 0;  // of this agent

  std::unique_ptr<ObjectCache> objects;
  std::unique_ptr<Volumes> volumes;
  std::unique_ptr<Prober> prober;
  std::unique_ptr<StatusWriter> statuses;
  std::unique_ptr<CommandRunner> commands;
  std::unique_ptr<HookRunner> hooks;
  std::unique_ptr<Killer> killer;
  std::unique_ptr<LastingCalls> pulls, sandbox_stops;  // by image, and by sandbox

  std::function<void(const std::string& uid)> wake;
  std::function<void(const std::string& sandbox_id, const std::string& uid)> sandbox_seen;

  void make_lasting();  // once `wake` is there
  // Hooks, commands, and what lasts wake nobody afterwards.
  void stop_calls() const;
  int64_t now() const { return clock->now_unix_ns(); }
  void log(int32_t level, const std::string& text) const {
    if (options.log) options.log(level, text);
  }
  std::filesystem::path log_dir(const corev1::Pod& pod) const;
  PodFacts facts(const std::vector<std::string>& pod_ips) const;
};

}  // namespace gantry::node
