#include "core/node/runtime/fake_runtime.hpp"

#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstddef>

#include "core/node/runtime/labels.hpp"
#include "gantry/bytes.hpp"
#include "gantry/status_proto.hpp"

namespace gantry::node::testing {
namespace {

template <typename Map>
bool selected(const Map& labels, const Map& selector) {
  return std::all_of(selector.begin(), selector.end(), [&](const auto& wanted) {
    const auto found = labels.find(wanted.first);
    return found != labels.end() && found->second == wanted.second;
  });
}

}  // namespace

template <typename Request, typename Response>
gantry_code FakeRuntime::run(void* instance, gantry_slice request, gantry_buffer* response, gantry_buffer* error,
                             const char* verb, Status (FakeRuntime::*method)(const Request&, Response&)) {
  auto& self = *static_cast<FakeRuntime*>(instance);
  {
    const std::lock_guard lock(self.mutex_);
    ++self.calls_[verb];
    if (self.failures_[verb] > 0) {
      --self.failures_[verb];
      return fail(Status::internal(std::string("no ") + verb + " today"), error);
    }
  }
  Request in;
  in.ParseFromArray(request.data, static_cast<int>(request.size));
  Response out;
  if (auto status = (self.*method)(in, out); !status.ok()) return fail(status, error);
  fill_buffer(response, out.SerializeAsString());
  return 0;
}

#define VERB(NAME)                                                                               \
  table_.NAME = [](void* i, gantry_slice q, gantry_buffer* r, gantry_buffer* e) -> gantry_code { \
    return run(i, q, r, e, #NAME, &FakeRuntime::NAME);                                           \
  }
void FakeRuntime::fill_table() {
  VERB(version);
  VERB(status);
  VERB(run_pod_sandbox);
  VERB(stop_pod_sandbox);
  VERB(remove_pod_sandbox);
  VERB(pod_sandbox_status);
  VERB(list_pod_sandbox);
  VERB(create_container);
  VERB(start_container);
  VERB(stop_container);
  VERB(remove_container);
  VERB(list_containers);
  VERB(container_status);
  VERB(list_container_stats);
  VERB(exec_sync);
  VERB(list_images);
  VERB(image_status);
  VERB(pull_image);
  VERB(signal_container);
}
#undef VERB

FakeRuntime::FakeRuntime() {
  table_.size = sizeof table_;
  fill_table();
  table_.exec = &FakeRuntime::exec;
  table_.exec_cancel = &FakeRuntime::exec_cancel;
  table_.set_event_sink = [](void* instance, gantry_runtime_event sink, void* context) {
    auto& self = *static_cast<FakeRuntime*>(instance);
    const std::lock_guard lock(self.sink_mutex_);
    self.sink_ = sink;
    self.sink_context_ = context;
  };
}

FakeRuntime::~FakeRuntime() { end_execs(137); }

gantry_code FakeRuntime::exec(void* instance, gantry_slice, int32_t in, int32_t out, int32_t err,
                              gantry_exec_exit exited, void* context, uint64_t* id, gantry_buffer* error) {
  auto& self = *static_cast<FakeRuntime*>(instance);
  for (const int fd : {in, out, err}) {
    if (fd >= 0) ::close(fd);
  }
  {
    const std::lock_guard lock(self.mutex_);
    if (self.failures_["exec"] > 0) {
      --self.failures_["exec"];
      return fail(Status::internal("no exec today"), error);
    }
    *id = ++self.last_exec_;
    if (self.holds_execs) {
      self.execs_[*id] = {exited, context};
      return 0;
    }
  }
  exited(context, 0, 7, {});
  return 0;
}

void FakeRuntime::exec_cancel(void* instance, uint64_t id) {
  auto& self = *static_cast<FakeRuntime*>(instance);
  std::pair<gantry_exec_exit, void*> told;
  {
    const std::lock_guard lock(self.mutex_);
    const auto found = self.execs_.find(id);
    if (found == self.execs_.end()) return;
    told = found->second;
    self.execs_.erase(found);
  }
  told.first(told.second, 0, 137, {});
}

void FakeRuntime::end_execs(int exit_code) {
  decltype(execs_) all;
  {
    const std::lock_guard lock(mutex_);
    all.swap(execs_);
  }
  for (const auto& [id, told] : all) told.first(told.second, 0, exit_code, {});
}

size_t FakeRuntime::execs() const {
  const std::lock_guard lock(mutex_);
  return execs_.size();
}

void FakeRuntime::forget_signals() { table_.size = offsetof(gantry_runtime, signal_container); }

void FakeRuntime::set_stats(cri::ListContainerStatsResponse stats) {
  const std::lock_guard lock(mutex_);
  stats_ = std::move(stats);
}
void FakeRuntime::forget_stats() { table_.list_container_stats = nullptr; }
Status FakeRuntime::list_container_stats(const cri::ListContainerStatsRequest&, cri::ListContainerStatsResponse& out) {
  const std::lock_guard lock(mutex_);
  out = stats_;
  return {};
}

std::vector<std::string> FakeRuntime::stops() const {
  const std::lock_guard lock(mutex_);
  return stops_;
}

int64_t FakeRuntime::now() {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(std::chrono::system_clock::now().time_since_epoch())
      .count();
}

void FakeRuntime::tell(const std::string& sandbox_id, const std::string& container_id) {
  const std::lock_guard lock(sink_mutex_);
  if (sink_ != nullptr) sink_(sink_context_, to_slice(sandbox_id), to_slice(container_id));
}

void FakeRuntime::add_image(const std::string& name) {
  const std::lock_guard lock(mutex_);
  images_.insert(name);
}

void FakeRuntime::end(const std::string& id, int exit_code, const std::string& reason) {
  std::string sandbox;
  {
    const std::lock_guard lock(mutex_);
    auto& container = containers_.at(id);
    if (container.status.state() != cri::CONTAINER_RUNNING) return;
    container.status.set_state(cri::CONTAINER_EXITED);
    container.status.set_exit_code(exit_code);
    container.status.set_reason(reason);
    container.status.set_finished_at(now());
    sandbox = container.sandbox_id;
  }
  changed_.notify_all();
  tell(sandbox, id);
}

void FakeRuntime::end_sandbox(const std::string& id) {
  std::vector<std::string> running;
  {
    const std::lock_guard lock(mutex_);
    if (const auto found = sandboxes_.find(id); found != sandboxes_.end())
      found->second.set_state(cri::SANDBOX_NOTREADY);
    for (const auto& [container, known] : containers_) {
      if (known.sandbox_id == id) running.push_back(container);
    }
  }
  for (const auto& container : running) end(container, 137);
  tell(id, {});
}

std::string FakeRuntime::add_stray_sandbox(const std::string& pod_uid) {
  cri::RunPodSandboxRequest request;
  request.mutable_config()->mutable_metadata()->set_uid(pod_uid);
  request.mutable_config()->mutable_metadata()->set_name("stray");
  (*request.mutable_config()->mutable_labels())[labels::kPodUid] = pod_uid;
  cri::RunPodSandboxResponse response;
  static_cast<void>(run_pod_sandbox(request, response));
  return response.pod_sandbox_id();
}

void FakeRuntime::fail_next(const std::string& verb, int times) {
  const std::lock_guard lock(mutex_);
  failures_[verb] = times;
}

int FakeRuntime::calls(const std::string& verb) const {
  const std::lock_guard lock(mutex_);
  const auto found = calls_.find(verb);
  return found == calls_.end() ? 0 : found->second;
}

std::vector<cri::ContainerStatus> FakeRuntime::containers() const {
  const std::lock_guard lock(mutex_);
  std::vector<cri::ContainerStatus> out;
  for (const auto& [id, container] : containers_) out.push_back(container.status);
  std::sort(out.begin(), out.end(), [](const auto& a, const auto& b) { return a.created_at() < b.created_at(); });
  return out;
}

std::vector<cri::PodSandbox> FakeRuntime::sandboxes() const {
  const std::lock_guard lock(mutex_);
  std::vector<cri::PodSandbox> out;
  for (const auto& [id, sandbox] : sandboxes_) out.push_back(sandbox);
  return out;
}

cri::ContainerConfig FakeRuntime::config(const std::string& container_id) const {
  const std::lock_guard lock(mutex_);
  return containers_.at(container_id).config;
}

Status FakeRuntime::version(const cri::VersionRequest&, cri::VersionResponse& out) {
  out.set_runtime_name("fake");
  out.set_runtime_version("1");
  return {};
}

Status FakeRuntime::status(const cri::StatusRequest&, cri::StatusResponse& out) {
  auto& condition = *out.mutable_status()->add_conditions();
  condition.set_type("RuntimeReady");
  condition.set_status(true);
  return {};
}

Status FakeRuntime::run_pod_sandbox(const cri::RunPodSandboxRequest& in, cri::RunPodSandboxResponse& out) {
  const std::lock_guard lock(mutex_);
  cri::PodSandbox sandbox;
  sandbox.set_id("sandbox-" + std::to_string(++next_));
  *sandbox.mutable_metadata() = in.config().metadata();
  *sandbox.mutable_labels() = in.config().labels();
  sandbox.set_created_at(now());
  out.set_pod_sandbox_id(sandbox.id());
  sandboxes_[sandbox.id()] = std::move(sandbox);
  return {};
}

void FakeRuntime::hold_lasting() {
  const std::lock_guard lock(mutex_);
  held_ = true;
}

void FakeRuntime::let_go() {
  const std::lock_guard lock(mutex_);
  held_ = false;
  changed_.notify_all();
}

void FakeRuntime::wait_while_held() {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [this] { return !held_; });
}

Status FakeRuntime::stop_pod_sandbox(const cri::StopPodSandboxRequest& in, cri::StopPodSandboxResponse&) {
  wait_while_held();
  end_sandbox(in.pod_sandbox_id());
  return {};
}

Status FakeRuntime::remove_pod_sandbox(const cri::RemovePodSandboxRequest& in, cri::RemovePodSandboxResponse&) {
  end_sandbox(in.pod_sandbox_id());
  const std::lock_guard lock(mutex_);
  sandboxes_.erase(in.pod_sandbox_id());
  std::erase_if(containers_, [&](const auto& entry) { return entry.second.sandbox_id == in.pod_sandbox_id(); });
  return {};
}

Status FakeRuntime::pod_sandbox_status(const cri::PodSandboxStatusRequest& in, cri::PodSandboxStatusResponse& out) {
  const std::lock_guard lock(mutex_);
  const auto found = sandboxes_.find(in.pod_sandbox_id());
  if (found == sandboxes_.end()) return Status::not_found("no such sandbox");
  out.mutable_status()->set_id(found->first);
  out.mutable_status()->set_state(found->second.state());
  (*out.mutable_info())["netns"] = "/run/netns/" + found->first;
  return {};
}

Status FakeRuntime::list_pod_sandbox(const cri::ListPodSandboxRequest& in, cri::ListPodSandboxResponse& out) {
  const std::lock_guard lock(mutex_);
  for (const auto& [id, sandbox] : sandboxes_) {
    if (selected(sandbox.labels(), in.filter().label_selector())) *out.add_items() = sandbox;
  }
  return {};
}

Status FakeRuntime::create_container(const cri::CreateContainerRequest& in, cri::CreateContainerResponse& out) {
  const std::lock_guard lock(mutex_);
  const auto& meta = in.config().metadata();
  for (const auto& [id, known] : containers_) {
    if (known.sandbox_id == in.pod_sandbox_id() && known.status.metadata().name() == meta.name() &&
        known.status.metadata().attempt() == meta.attempt()) {
      return Status::already_exists("made twice");
    }
  }
  Container container;
  container.sandbox_id = in.pod_sandbox_id();
  container.config = in.config();
  auto& status = container.status;
  status.set_id("container-" + std::to_string(++next_));
  *status.mutable_metadata() = meta;
  *status.mutable_labels() = in.config().labels();
  *status.mutable_annotations() = in.config().annotations();
  status.mutable_image()->set_image(in.config().image().image());
  status.set_image_ref(in.config().image().image());
  status.set_state(cri::CONTAINER_CREATED);
  status.set_created_at(now());
  status.set_log_path(in.sandbox_config().log_directory() + "/" + in.config().log_path());
  for (const auto& mount : in.config().mounts()) *status.add_mounts() = mount;
  out.set_container_id(status.id());
  containers_[status.id()] = std::move(container);
  return {};
}

Status FakeRuntime::start_container(const cri::StartContainerRequest& in, cri::StartContainerResponse&) {
  const std::lock_guard lock(mutex_);
  const auto found = containers_.find(in.container_id());
  if (found == containers_.end()) return Status::not_found("no such container");
  found->second.status.set_state(cri::CONTAINER_RUNNING);
  found->second.status.set_started_at(now());
  return {};
}

Status FakeRuntime::stop_container(const cri::StopContainerRequest& in, cri::StopContainerResponse&) {
  {
    std::unique_lock lock(mutex_);
    stops_.push_back("stop " + in.container_id() + " " + std::to_string(in.timeout()));
    if (!containers_.contains(in.container_id())) return {};
    if (ignores_stop) {
      changed_.wait_for(lock, std::chrono::seconds(in.timeout()),
                        [&] { return containers_.at(in.container_id()).status.state() != cri::CONTAINER_RUNNING; });
    }
  }
  end(in.container_id(), ignores_stop ? 137 : 0);
  return {};
}

Status FakeRuntime::signal_container(const cri::StopContainerRequest& in, cri::StopContainerResponse&) {
  {
    const std::lock_guard lock(mutex_);
    stops_.push_back("signal " + in.container_id());
    if (ignores_stop || !containers_.contains(in.container_id())) return {};
  }
  end(in.container_id(), 0);
  return {};
}

Status FakeRuntime::remove_container(const cri::RemoveContainerRequest& in, cri::RemoveContainerResponse&) {
  const std::lock_guard lock(mutex_);
  containers_.erase(in.container_id());
  return {};
}

Status FakeRuntime::list_containers(const cri::ListContainersRequest& in, cri::ListContainersResponse& out) {
  const std::lock_guard lock(mutex_);
  for (const auto& [id, container] : containers_) {
    if (!selected(container.status.labels(), in.filter().label_selector())) continue;
    auto& listed = *out.add_containers();
    listed.set_id(id);
    listed.set_pod_sandbox_id(container.sandbox_id);
    listed.set_state(container.status.state());
    *listed.mutable_labels() = container.status.labels();
    *listed.mutable_metadata() = container.status.metadata();
  }
  return {};
}

Status FakeRuntime::container_status(const cri::ContainerStatusRequest& in, cri::ContainerStatusResponse& out) {
  const std::lock_guard lock(mutex_);
  const auto found = containers_.find(in.container_id());
  if (found == containers_.end()) return Status::not_found("no such container");
  *out.mutable_status() = found->second.status;
  return {};
}

Status FakeRuntime::exec_sync(const cri::ExecSyncRequest&, cri::ExecSyncResponse&) { return {}; }

Status FakeRuntime::list_images(const cri::ListImagesRequest&, cri::ListImagesResponse& out) {
  const std::lock_guard lock(mutex_);
  for (const auto& name : images_) {
    out.add_images()->set_id("sha256:" + name);
    out.mutable_images(out.images_size() - 1)->add_repo_tags(name);
  }
  return {};
}

Status FakeRuntime::image_status(const cri::ImageStatusRequest& in, cri::ImageStatusResponse& out) {
  const std::lock_guard lock(mutex_);
  if (images_.contains(in.image().image())) out.mutable_image()->set_id("sha256:" + in.image().image());
  return {};
}

Status FakeRuntime::pull_image(const cri::PullImageRequest& in, cri::PullImageResponse&) {
  wait_while_held();
  return Status::not_found("image \"" + in.image().image() + "\" is nowhere to be found");
}

FakeNetwork::FakeNetwork() {
  table_.size = sizeof table_;
  table_.set_node = [](void* instance, gantry_slice request, gantry_buffer* response, gantry_buffer*) -> gantry_code {
    auto& self = *static_cast<FakeNetwork*>(instance);
    const std::lock_guard lock(self.mutex_);
    self.node_set_ = true;
    self.node_.ParseFromArray(request.data, static_cast<int>(request.size));
    abi::NetworkResult out;
    out.mutable_annotations()->insert(self.annotations_.begin(), self.annotations_.end());
    fill_buffer(response, out.SerializeAsString());
    return 0;
  };
  table_.set_nodes = [](void* instance, gantry_slice request, gantry_buffer*, gantry_buffer*) -> gantry_code {
    auto& self = *static_cast<FakeNetwork*>(instance);
    abi::NetworkNodes nodes;
    nodes.ParseFromArray(request.data, static_cast<int>(request.size));
    const std::lock_guard lock(self.mutex_);
    self.others_.assign(nodes.nodes().begin(), nodes.nodes().end());
    return 0;
  };
  table_.add = [](void* instance, gantry_slice request, gantry_buffer* response, gantry_buffer* error) -> gantry_code {
    auto& self = *static_cast<FakeNetwork*>(instance);
    abi::NetworkAttachment in;
    in.ParseFromArray(request.data, static_cast<int>(request.size));
    const std::lock_guard lock(self.mutex_);
    if (!self.node_set_) return fail(Status::conflict("add before set_node"), error);
    if (self.failures_ > 0) {
      --self.failures_;
      return fail(Status::internal("no address today"), error);
    }
    auto& address = self.attached_[in.sandbox_id()];
    if (address.empty()) address = "10.42.0." + std::to_string(self.next_++);
    abi::NetworkResult out;
    out.add_ips(address);
    fill_buffer(response, out.SerializeAsString());
    return 0;
  };
  table_.del = [](void* instance, gantry_slice request, gantry_buffer*, gantry_buffer*) -> gantry_code {
    auto& self = *static_cast<FakeNetwork*>(instance);
    abi::NetworkAttachment in;
    in.ParseFromArray(request.data, static_cast<int>(request.size));
    const std::lock_guard lock(self.mutex_);
    self.attached_.erase(in.sandbox_id());
    return 0;
  };
  table_.check = table_.del;
  table_.gc = [](void* instance, gantry_slice request, gantry_buffer*, gantry_buffer*) -> gantry_code {
    auto& self = *static_cast<FakeNetwork*>(instance);
    abi::NetworkLive live;
    live.ParseFromArray(request.data, static_cast<int>(request.size));
    const std::set<std::string> ids(live.sandbox_ids().begin(), live.sandbox_ids().end());
    const std::lock_guard lock(self.mutex_);
    std::erase_if(self.attached_, [&](const auto& entry) { return !ids.contains(entry.first); });
    return 0;
  };
}

std::map<std::string, std::string> FakeNetwork::attached() const {
  const std::lock_guard lock(mutex_);
  return attached_;
}

void FakeNetwork::fail_next_add(int times) {
  const std::lock_guard lock(mutex_);
  failures_ = times;
}

abi::NetworkNode FakeNetwork::node() const {
  const std::lock_guard lock(mutex_);
  return node_;
}

void FakeNetwork::set_annotations(std::map<std::string, std::string> annotations) {
  const std::lock_guard lock(mutex_);
  annotations_ = std::move(annotations);
}

std::vector<abi::NetworkNode> FakeNetwork::others() const {
  const std::lock_guard lock(mutex_);
  return others_;
}

}  // namespace gantry::node::testing
