// For tests only: a runtime and a network in memory behind the ABI's tables. They outlive agents, as real ones do.
// [any-thread]
#pragma once

#include <condition_variable>
#include <functional>
#include <map>
#include <mutex>
#include <set>
#include <string>
#include <vector>

#include "core/network/network_client.hpp"
#include "core/node/runtime/runtime_client.hpp"
#include "core/plugin/long_calls.hpp"

namespace gantry::node::testing {

class FakeRuntime {
 public:
  FakeRuntime();
  ~FakeRuntime();  // ends the execs that it holds, so that who waits for them goes
  RuntimeClient client() { return RuntimeClient({&table_, this, GANTRY_RUNTIME_ID, &long_calls_}); }

  void add_image(const std::string& name);
  // The main process of a container ends.
  void end(const std::string& id, int exit_code, const std::string& reason = {});
  void end_sandbox(const std::string& id);
  // Something that no pod of the API has.
  std::string add_stray_sandbox(const std::string& pod_uid);
  // Answers the next call of a verb ("start_container") with a failure; how often it was called.
  void fail_next(const std::string& verb, int times = 1);
  int calls(const std::string& verb) const;

  std::vector<cri::ContainerStatus> containers() const;  // oldest first
  std::vector<cri::PodSandbox> sandboxes() const;
  cri::ContainerConfig config(const std::string& container_id) const;
  bool ignores_stop = false;  // containers end only by being killed at the end of their grace
  // One that is older than signal_container.
  void forget_signals();
  // What list_container_stats answers; forget_stats(): it is not there.
  void set_stats(cri::ListContainerStatsResponse stats);
  void forget_stats();
  // What was asked of containers so far: "signal ID", "stop ID GRACE".
  std::vector<std::string> stops() const;
  // Execs run until end_execs() or their cancellation, instead of ending at once with 7.
  bool holds_execs = false;
  void end_execs(int exit_code);
  // Pulls and ends of sandboxes last until let_go().
  void hold_lasting();
  void let_go();
  size_t execs() const;  // that run

 private:
  struct Container {
    cri::ContainerStatus status;
    cri::ContainerConfig config;
    std::string sandbox_id;
  };
  template <typename Request, typename Response>
  static gantry_code run(void* instance, gantry_slice request, gantry_buffer* response, gantry_buffer* error,
                         const char* verb, Status (FakeRuntime::*method)(const Request&, Response&));
  void fill_table();

  Status version(const cri::VersionRequest&, cri::VersionResponse& out);
  Status status(const cri::StatusRequest&, cri::StatusResponse& out);
  Status run_pod_sandbox(const cri::RunPodSandboxRequest& in, cri::RunPodSandboxResponse& out);
  Status stop_pod_sandbox(const cri::StopPodSandboxRequest& in, cri::StopPodSandboxResponse&);
  Status remove_pod_sandbox(const cri::RemovePodSandboxRequest& in, cri::RemovePodSandboxResponse&);
  Status pod_sandbox_status(const cri::PodSandboxStatusRequest& in, cri::PodSandboxStatusResponse& out);
  Status list_pod_sandbox(const cri::ListPodSandboxRequest& in, cri::ListPodSandboxResponse& out);
  Status create_container(const cri::CreateContainerRequest& in, cri::CreateContainerResponse& out);
  Status start_container(const cri::StartContainerRequest& in, cri::StartContainerResponse&);
  Status stop_container(const cri::StopContainerRequest& in, cri::StopContainerResponse&);
  Status signal_container(const cri::StopContainerRequest& in, cri::StopContainerResponse&);
  Status remove_container(const cri::RemoveContainerRequest& in, cri::RemoveContainerResponse&);
  Status list_containers(const cri::ListContainersRequest& in, cri::ListContainersResponse& out);
  Status container_status(const cri::ContainerStatusRequest& in, cri::ContainerStatusResponse& out);
  Status list_container_stats(const cri::ListContainerStatsRequest&, cri::ListContainerStatsResponse& out);
  Status exec_sync(const cri::ExecSyncRequest& in, cri::ExecSyncResponse& out);
  Status list_images(const cri::ListImagesRequest&, cri::ListImagesResponse& out);
  Status image_status(const cri::ImageStatusRequest& in, cri::ImageStatusResponse& out);
  Status pull_image(const cri::PullImageRequest& in, cri::PullImageResponse&);

  static gantry_code exec(void* instance, gantry_slice, int32_t in, int32_t out, int32_t err, gantry_exec_exit exited,
                          void* context, uint64_t* id, gantry_buffer* error);
  static void exec_cancel(void* instance, uint64_t id);
  void tell(const std::string& sandbox_id, const std::string& container_id);
  static int64_t now();
  void wait_while_held();

  gantry_runtime table_{};
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::map<std::string, cri::PodSandbox> sandboxes_;
  std::map<std::string, Container> containers_;
  std::set<std::string> images_;
  std::map<std::string, int> calls_, failures_;
  std::vector<std::string> stops_;
  cri::ListContainerStatsResponse stats_;
  bool held_ = false;
  std::map<uint64_t, std::pair<gantry_exec_exit, void*>> execs_;
  uint64_t last_exec_ = 0;
  int next_ = 0;
  std::mutex sink_mutex_;
  gantry_runtime_event sink_ = nullptr;
  void* sink_context_ = nullptr;
  plugin::LongCalls long_calls_;  // last: its threads use the rest
};

class FakeNetwork {
 public:
  FakeNetwork();
  network::NetworkClient client() { return network::NetworkClient({&table_, this, GANTRY_NETWORK_ID}); }
  std::map<std::string, std::string> attached() const;  // sandbox and its address
  void fail_next_add(int times);
  std::vector<abi::NetworkNode> others() const;
  abi::NetworkNode node() const;  // what set_node said
  // What it answers to set_node.
  void set_annotations(std::map<std::string, std::string> annotations);

 private:
  gantry_network table_{};
  mutable std::mutex mutex_;
  std::map<std::string, std::string> attached_;
  std::vector<abi::NetworkNode> others_;
  abi::NetworkNode node_;
  std::map<std::string, std::string> annotations_;
  bool node_set_ = false;
  int next_ = 2, failures_ = 0;
};

}  // namespace gantry::node::testing
