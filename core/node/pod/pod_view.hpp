// What the runtime has of one pod: its sandboxes and container instances, newest first. Value types; read() blocks.
// [worker]
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "core/node/runtime/labels.hpp"
#include "core/node/runtime/runtime_client.hpp"

namespace gantry::node {

struct Instance {
  cri::ContainerStatus status;
  std::string sandbox_id;

  const std::string& name() const { return status.metadata().name(); }
  const std::string& id() const { return status.id(); }
  bool running() const { return status.state() == cri::CONTAINER_RUNNING; }
  bool exited() const { return status.state() == cri::CONTAINER_EXITED; }
};

struct PodView {
  std::vector<cri::PodSandbox> sandboxes;
  std::vector<Instance> containers;

  // The newest sandbox when it is ready, else null.
  const cri::PodSandbox* ready_sandbox() const;
  // The newest instance of a container; of one sandbox, or of any.
  const Instance* latest(std::string_view container, std::string_view sandbox_id = {}) const;
  const Instance* by_id(std::string_view id) const;
  bool any_running() const;
};

// Also pods that the API no longer knows are read by their UID.
Expected<PodView> read_pod(const RuntimeClient& runtime, const std::string& pod_uid);

}  // namespace gantry::node
