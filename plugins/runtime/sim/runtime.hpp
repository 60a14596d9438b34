// Imaginary containers behind CRI's verbs: the daemon's own node runs pods that cost nothing.
//
// Everything is in memory, and in one small file of the data folder, written before a changing verb answers, so that a
// restarted daemon finds what ran. [worker] unless it says otherwise; verbs may come at the same time.
#pragma once

#include <filesystem>
#include <map>
#include <memory>
#include <mutex>
#include <string>

#include "gantry/abi/runtime.h"
#include "gantry/host.hpp"
#include "gantry/runtime.pb.h"

namespace gantry::sim {

namespace cri = gantry::runtime::v1;

class Runtime {
 public:
  explicit Runtime(sdk::Host host);
  ~Runtime();  // its timers with it
  Runtime(const Runtime&) = delete;
  Runtime& operator=(const Runtime&) = delete;

  Expected<cri::VersionResponse> version(const cri::VersionRequest&);
  Expected<cri::StatusResponse> status(const cri::StatusRequest&);
  Expected<cri::RunPodSandboxResponse> run_pod_sandbox(const cri::RunPodSandboxRequest& in);
  Expected<cri::StopPodSandboxResponse> stop_pod_sandbox(const cri::StopPodSandboxRequest& in);
  Expected<cri::RemovePodSandboxResponse> remove_pod_sandbox(const cri::RemovePodSandboxRequest& in);
  Expected<cri::PodSandboxStatusResponse> pod_sandbox_status(const cri::PodSandboxStatusRequest& in);
  Expected<cri::ListPodSandboxResponse> list_pod_sandbox(const cri::ListPodSandboxRequest& in);
  Expected<cri::CreateContainerResponse> create_container(const cri::CreateContainerRequest& in);
  Expected<cri::StartContainerResponse> start_container(const cri::StartContainerRequest& in);
  Expected<cri::StopContainerResponse> stop_container(const cri::StopContainerRequest& in);
  Expected<cri::StopContainerResponse> signal_container(const cri::StopContainerRequest& in);
  Expected<cri::RemoveContainerResponse> remove_container(const cri::RemoveContainerRequest& in);
  Expected<cri::ListContainersResponse> list_containers(const cri::ListContainersRequest& in);
  Expected<cri::ContainerStatusResponse> container_status(const cri::ContainerStatusRequest& in);
  Expected<cri::UpdateContainerResourcesResponse> update_container_resources(
      const cri::UpdateContainerResourcesRequest&);
  Expected<cri::ExecSyncResponse> exec_sync(const cri::ExecSyncRequest& in);
  Expected<cri::ListImagesResponse> list_images(const cri::ListImagesRequest&);
  Expected<cri::ImageStatusResponse> image_status(const cri::ImageStatusRequest& in);
  Expected<cri::PullImageResponse> pull_image(const cri::PullImageRequest& in);
  Expected<cri::RemoveImageResponse> remove_image(const cri::RemoveImageRequest& in);
  Expected<cri::ListContainerStatsResponse> list_container_stats(const cri::ListContainerStatsRequest&);

  // Writes the command's echo to `out` (-1: nowhere) and ends at once. The descriptors are the caller's. Answers the
  // exit code.
  Expected<int32_t> exec(const cri::ExecRequest& in, int out);
  // [main]
  void set_event_sink(gantry_runtime_event sink, void* context);

 private:
  struct Container {
    cri::CreateContainerRequest made;  // without the sandbox's configuration
    cri::ContainerStatus status;
  };
  struct Sandbox {
    cri::PodSandboxConfig config;
    cri::PodSandboxStatus status;
  };
  // A container that ends by itself.
  struct Alarm;

  // Of the pod: sim.gantry.dev/NAME; empty when absent.
  static std::string annotation(const cri::PodSandboxConfig& config, const std::string& name);
  std::string new_id(std::string_view of) const;
  Status must_run(const std::string& container_id);
  void end_locked(Container& container, int32_t exit_code);
  void plan_end(const std::string& id, const Sandbox& sandbox);
  void fire(const std::string& id);
  void write_log(const Sandbox& sandbox, const Container& container, std::string_view line) const;
  void tell(const std::string& sandbox_id, const std::string& container_id);
  void load();
  Status save_locked() const;

  const sdk::Host host_;
  const std::filesystem::path file_;
  std::mutex mutex_;
  std::map<std::string, Sandbox> sandboxes_;
  std::map<std::string, Container> containers_;
  std::map<std::string, std::unique_ptr<Alarm>> alarms_;  // by container
  mutable int64_t made_ = 0;
  std::mutex sink_mutex_;  // held while the sink is called
  gantry_runtime_event sink_ = nullptr;
  void* sink_context_ = nullptr;
};

}  // namespace gantry::sim
