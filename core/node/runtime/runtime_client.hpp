// The room of what speaks to the container runtime: configurations, commands, hooks, stops.
//
// Here the verbs of a container runtime as typed calls.
//
// Execs and stops, which last, end on the instance that began them; across an exchange of the plugin the event sink
// moves to the new one. Copies share their state.
// Verbs block: never on a network or timer thread. [worker]
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "core/plugin/plugin_verbs.hpp"
#include "gantry/abi/runtime.h"
#include "gantry/runtime.pb.h"
#include "gantry/status.hpp"

namespace gantry::node {

namespace cri = gantry::runtime::v1;

class RuntimeClient {
 public:
  explicit RuntimeClient(plugin::PluginVerbs<gantry_runtime> verbs);

  // What the kubelet's metrics call a verb: "run_podsandbox".
  static std::string operation(std::string_view verb);

  const plugin::Plugin* plugin() const { return verbs_.plugin(); }
  // The plugin is exchanged: events come from `next` (null: from nobody). [main]
  void adopt(plugin::Instance* next) const;

  Expected<cri::VersionResponse> version() const;
  Expected<cri::StatusResponse> status() const;

  Expected<std::string> run_pod_sandbox(const cri::PodSandboxConfig& config, const std::string& handler) const;
  // Holds no thread, as stop_container.
  void stop_pod_sandbox(const std::string& id, std::function<void(const Status&)> then) const;
  Status remove_pod_sandbox(const std::string& id) const;
  Expected<cri::PodSandboxStatusResponse> pod_sandbox_status(const std::string& id) const;
  // All, or those of one pod.
  Expected<std::vector<cri::PodSandbox>> list_pod_sandbox(const std::string& pod_uid = {}) const;

  Expected<std::string> create_container(const cri::CreateContainerRequest& request) const;
  Status start_container(const std::string& id) const;
  // Holds no thread until it has stopped. `then` is told once, on whatever thread, this one too, and must not block.
  void stop_container(const std::string& id, int64_t timeout_seconds, std::function<void(const Status&)> then) const;
  // Asks it to end and does not wait. 501: the runtime can't do one without the other.
  Status signal_container(const std::string& id) const;
  Status remove_container(const std::string& id) const;
  Expected<std::vector<cri::Container>> list_containers(const std::string& pod_uid = {}) const;
  Expected<cri::ContainerStatus> container_status(const std::string& id) const;
  // Of all that run. 501: the runtime does not know.
  Expected<cri::ListContainerStatsResponse> list_container_stats() const;

  Expected<std::vector<cri::Image>> list_images() const;
  // Without an id when the image is not there.
  Expected<cri::Image> image_status(const std::string& image) const;
  // Holds no thread, as stop_container. The answer is what the runtime calls the image.
  void pull_image(const std::string& image, const cri::PodSandboxConfig& sandbox,
                  std::function<void(Expected<std::string>)> then) const;
  Status remove_image(const std::string& image) const;
  Expected<std::vector<std::string>> import_image(int archive_fd) const;

  // The descriptors belong to the runtime from here on, also when it fails. `exited` comes once unless this fails.
  Expected<uint64_t> exec(const cri::ExecRequest& request, int in, int out, int err,
                          std::function<void(Expected<int>)> exited) const;
  void exec_resize(uint64_t id, uint16_t columns, uint16_t rows) const;
  void exec_cancel(uint64_t id) const;
  void set_event_sink(gantry_runtime_event sink, void* context) const;

 private:
  template <typename Response, typename Request>
  Expected<Response> call(plugin::Verb gantry_runtime::*verb, const Request& request) const {
    return verbs_.call<Response>(verb, request);
  }
  struct Shared;

  plugin::PluginVerbs<gantry_runtime> verbs_;
  std::shared_ptr<Shared> shared_;
};

}  // namespace gantry::node
