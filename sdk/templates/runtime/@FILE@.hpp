// A container runtime to begin with: it answers every verb that a node asks for, and its containers are entries of a table
// that "run" until they are stopped. Put your engine behind the verbs, one after the other; what each must do is said in
// gantry/abi/runtime.h, its messages in gantry/runtime.proto (those of CRI).
//
// Verbs come from any of the host's workers, for different sandboxes at the same time.
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <string>

#include "gantry/runtime.pb.h"
#include "gantry/verbs.hpp"

namespace @FILE@ {

namespace cri = gantry::runtime::v1;
using gantry::Expected;
using gantry::Status;

class Runtime {
 public:
  static Expected<std::unique_ptr<Runtime>> create(gantry::sdk::Host host);
  explicit Runtime(gantry::sdk::Host host) : host_(host) {}
  const void* get_interface(std::string_view id);

  Expected<cri::VersionResponse> version(const cri::VersionRequest& in);
  Expected<cri::StatusResponse> status(const cri::StatusRequest& in);
  Expected<cri::RunPodSandboxResponse> run_pod_sandbox(const cri::RunPodSandboxRequest& in);
  Expected<cri::StopPodSandboxResponse> stop_pod_sandbox(const cri::StopPodSandboxRequest& in);
  Expected<cri::RemovePodSandboxResponse> remove_pod_sandbox(const cri::RemovePodSandboxRequest& in);
  Expected<cri::PodSandboxStatusResponse> pod_sandbox_status(const cri::PodSandboxStatusRequest& in);
  Expected<cri::ListPodSandboxResponse> list_pod_sandbox(const cri::ListPodSandboxRequest& in);
  Expected<cri::CreateContainerResponse> create_container(const cri::CreateContainerRequest& in);
  Expected<cri::StartContainerResponse> start_container(const cri::StartContainerRequest& in);
  Expected<cri::StopContainerResponse> stop_container(const cri::StopContainerRequest& in);
  Expected<cri::RemoveContainerResponse> remove_container(const cri::RemoveContainerRequest& in);
  Expected<cri::ListContainersResponse> list_containers(const cri::ListContainersRequest& in);
  Expected<cri::ContainerStatusResponse> container_status(const cri::ContainerStatusRequest& in);
  Expected<cri::UpdateContainerResourcesResponse> update_container_resources(
      const cri::UpdateContainerResourcesRequest& in);
  Expected<cri::ExecSyncResponse> exec_sync(const cri::ExecSyncRequest& in);
  Expected<cri::ListImagesResponse> list_images(const cri::ListImagesRequest& in);
  Expected<cri::ImageStatusResponse> image_status(const cri::ImageStatusRequest& in);
  Expected<cri::PullImageResponse> pull_image(const cri::PullImageRequest& in);
  Expected<cri::RemoveImageResponse> remove_image(const cri::RemoveImageRequest& in);
  Expected<cri::ListContainerStatsResponse> list_container_stats(const cri::ListContainerStatsRequest& in);
  // After it returns, no call of an earlier sink is running.
  void set_event_sink(gantry_runtime_event sink, void* context);

 private:
  struct Container {
    std::string sandbox;
    cri::ContainerStatus status;
  };
  std::string new_id(const std::string& prefix);  // under mutex_
  void stop(Container& container);                // under mutex_
  void tell(const std::string& sandbox, const std::string& container);

  const gantry::sdk::Host host_;
  std::mutex mutex_;
  uint64_t made_ = 0;
  std::map<std::string, cri::PodSandboxStatus> sandboxes_;
  std::map<std::string, Container> containers_;
  std::map<std::string, cri::Image> images_;
  std::mutex sink_mutex_;  // held while the sink runs
  gantry_runtime_event sink_ = nullptr;
  void* sink_context_ = nullptr;
};

}  // namespace @FILE@
