// The runtime: sandboxes and containers of one daemon, with CRI's verbs. What it knows is on disk; memory only mirrors
// it.
//
// Below data_dir: images/, sandboxes/ID/, containers/ID/, trash/. Below run_dir (may be lost with a reboot): netns/ID,
// shm/ID, oci/ (the OCI runtime's state), sock/, exec/. Two daemons with folders of their own don't meet, but for
// cgroups, which carry the random ids.
//
// Verbs run on the host's workers. A container has two locks: `operation` is held through a changing verb, `state` only
// while the record is read or replaced. The monitor's thread takes `state` alone, so that a verb may wait for an exit.
#pragma once

#include <atomic>
#include <condition_variable>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <thread>

#include "cgroup.hpp"
#include "exec.hpp"
#include "gantry/abi/runtime.h"
#include "gantry/plugin.hpp"
#include "gantry/runtime.pb.h"
#include "host_facts.hpp"
#include "image_store.hpp"
#include "loop.hpp"
#include "oci_tool.hpp"
#include "records.hpp"
#include "spec.hpp"

namespace gantry::oci {

struct Sandbox {
  std::mutex operation, state;
  SandboxRecord record;
};

struct Container {
  std::mutex operation, state;
  std::condition_variable changed;  // with state: an exit was recorded
  ContainerRecord record;
  bool removed = false;
  Usage layer;              // with state: what it had written when that was counted
  int64_t layer_at_ns = 0;  // monotonic; 0: never
};

struct RuntimeOptions {
  fs::path data_dir, run_dir;
  fs::path pause;  // the helper program
  std::string conmon;
  std::vector<std::string> runtimes;  // candidates, best first
  std::string default_cgroup;         // parent of sandboxes that name none
  uint64_t max_image_bytes = 0;
  int64_t pids_limit = 0;
  int64_t log_size_max = 0;
};

class Runtime {
 public:
  static Expected<std::unique_ptr<Runtime>> create(sdk::Host host);
  ~Runtime();
  const void* get_interface(std::string_view id);
  // Before the first verb, once it succeeds: folders, what is on disk, what a crash left half done.
  Status ready();

  Expected<cri::VersionResponse> version(const cri::VersionRequest& request);
  Expected<cri::StatusResponse> status(const cri::StatusRequest& request);

  Expected<cri::RunPodSandboxResponse> run_pod_sandbox(const cri::RunPodSandboxRequest& request);
  Expected<cri::StopPodSandboxResponse> stop_pod_sandbox(const cri::StopPodSandboxRequest& request);
  Expected<cri::RemovePodSandboxResponse> remove_pod_sandbox(const cri::RemovePodSandboxRequest& request);
  Expected<cri::PodSandboxStatusResponse> pod_sandbox_status(const cri::PodSandboxStatusRequest& request);
  Expected<cri::ListPodSandboxResponse> list_pod_sandbox(const cri::ListPodSandboxRequest& request);

  Expected<cri::CreateContainerResponse> create_container(const cri::CreateContainerRequest& request);
  Expected<cri::StartContainerResponse> start_container(const cri::StartContainerRequest& request);
  Expected<cri::StopContainerResponse> stop_container(const cri::StopContainerRequest& request);
  Expected<cri::StopContainerResponse> signal_container(const cri::StopContainerRequest& request);
  Expected<cri::RemoveContainerResponse> remove_container(const cri::RemoveContainerRequest& request);
  Expected<cri::ListContainersResponse> list_containers(const cri::ListContainersRequest& request);
  Expected<cri::ContainerStatusResponse> container_status(const cri::ContainerStatusRequest& request);
  Expected<cri::UpdateContainerResourcesResponse> update_container_resources(
      const cri::UpdateContainerResourcesRequest& request);
  Expected<cri::ListContainerStatsResponse> list_container_stats(const cri::ListContainerStatsRequest& request);

  Expected<cri::ExecSyncResponse> exec_sync(const cri::ExecSyncRequest& request);
  // Takes the descriptors in every case.
  Expected<uint64_t> exec(const cri::ExecRequest& request, Fd in, Fd out, Fd err, gantry_exec_exit exited,
                          void* context);
  void exec_resize(uint64_t id, uint16_t columns, uint16_t rows) { execs_.resize(id, columns, rows); }
  void exec_cancel(uint64_t id) { execs_.cancel(id); }

  Expected<cri::ListImagesResponse> list_images(const cri::ListImagesRequest& request);
  Expected<cri::ImageStatusResponse> image_status(const cri::ImageStatusRequest& request);
  Expected<cri::PullImageResponse> pull_image(const cri::PullImageRequest& request);
  Expected<cri::RemoveImageResponse> remove_image(const cri::RemoveImageRequest& request);
  Expected<cri::ImportImageResponse> import_image(int archive, const cri::ImportImageRequest& request);

  void set_event_sink(gantry_runtime_event sink, void* context);

 private:
  using SandboxPtr = std::shared_ptr<Sandbox>;
  using ContainerPtr = std::shared_ptr<Container>;

  Runtime(sdk::Host host, RuntimeOptions options);

  Status recover();
  void recover_sandbox(SandboxPtr sandbox);
  void recover_container(const ContainerPtr& container);
  void end_orphans(const std::string& program, const std::string& id);
  void reset_unstarted(Container& container);
  void sweep();
  void sweep_execs();
  void end_execs(const fs::path& folder);
  fs::path exec_folder() const;
  static Process maker_of(const fs::path& exec_folder);
  std::string trial_cgroup() const;
  Expected<std::string> oci_runtime();
  // "s" or "c" and an id: the process of the sandbox or container has ended.
  void watch(const std::string& key, Fd pidfd);
  void on_end(const std::string& key);
  void emit(const std::string& sandbox_id, const std::string& container_id);
  int64_t now() const { return host_.now_unix_ns(); }

  SandboxPtr find_sandbox(const std::string& id) const;
  ContainerPtr find_container(const std::string& id) const;
  std::vector<SandboxPtr> sandboxes() const;
  std::vector<ContainerPtr> containers(const std::string& sandbox_id = {}) const;
  std::set<std::string> layers_in_use() const;
  Usage layer_usage(Container& container, const fs::path& upper) const;

  // sandbox.cpp
  Status make_sandbox(Sandbox& sandbox);
  Status start_pause(SandboxRecord& record);
  Status write_pod_files(const SandboxRecord& record);
  Status tear_down(SandboxRecord& record);  // everything of it that runs or is mounted
  Status stop_sandbox(Sandbox& sandbox);
  cri::PodSandboxState state_of(const SandboxRecord& record) const;

  // container.cpp
  Status mount_rootfs(const ContainerRecord& record);
  Status write_byte_environment(const fs::path& folder, SpecInput& in) const;
  Status prepare(Container& container, const SandboxRecord& sandbox, const ImageRecord& image);
  Status launch(Container& container, const SandboxRecord& sandbox);
  Status stop_now(Container& container, int64_t grace_seconds);
  Status remove_now(const ContainerPtr& container);
  bool wait_for_exit(Container& container, std::chrono::milliseconds timeout);
  // Records the end of a container that has ended; `state` must be held.
  void refresh(Container& container);
  void record_exit(Container& container, int code, int64_t finished_at);
  void watch(const ContainerRecord& record);
  Bundle bundle_of(const ContainerRecord& record) const;
  ContainerRecord snapshot(Container& container);
  SandboxRecord snapshot(Sandbox& sandbox) const;
  cri::ContainerStatus status_of(const ContainerRecord& record) const;
  // runtime_exec.cpp
  Expected<ExecTarget> exec_target(const std::string& container_id);
  Status write_exec(const std::string& container_id, const ExecTarget& target, const std::vector<std::string>& command,
                    bool tty) const;
  Status rewrite_resources(const ContainerRecord& record) const;

  fs::path sandbox_dir(const std::string& id) const { return options_.data_dir / "sandboxes" / id; }
  fs::path container_dir(const std::string& id) const { return options_.data_dir / "containers" / id; }
  fs::path netns_path(const std::string& id) const { return options_.run_dir / "netns" / id; }
  fs::path shm_path(const std::string& id) const { return options_.run_dir / "shm" / id; }
  fs::path trash() const { return options_.data_dir / "trash" / random_id(); }

  sdk::Host host_;
  const uint64_t create_time_, start_time_;  // metrics
  const RuntimeOptions options_;
  const Cgroups cgroups_;
  const HostFacts facts_;
  const OciTool tool_;

  std::mutex ready_mutex_;  // ready_, chosen_, images_ while they are made
  bool ready_ = false;
  std::string chosen_;
  std::unique_ptr<ImageStore> images_;

  mutable std::mutex mutex_;  // the two maps
  std::map<std::string, SandboxPtr> sandboxes_;
  std::map<std::string, ContainerPtr> containers_;
  std::mutex names_mutex_;  // held while a new sandbox or container is looked for by its name and added
  std::atomic<bool> oom_clamp_told_ = false;

  std::mutex sink_mutex_;  // held during a call of the sink
  gantry_runtime_event sink_ = nullptr;
  void* sink_context_ = nullptr;

  Loop loop_;  // its thread uses all of the above
  Execs execs_{loop_};
};

}  // namespace gantry::oci
