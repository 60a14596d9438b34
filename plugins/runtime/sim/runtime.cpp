#include "runtime.hpp"

#include <charconv>

#include "dice.hpp"
#include "durations.hpp"
#include "gantry/abi/timer.h"

namespace gantry::sim {
namespace {

constexpr int32_t kTerminated = 143;

bool selected(const google::protobuf::Map<std::string, std::string>& labels,
              const google::protobuf::Map<std::string, std::string>& wanted) {
  for (const auto& [key, value] : wanted) {
    const auto it = labels.find(key);
    if (it == labels.end() || it->second != value) return false;
  }
  return true;
}

Status no_container(const std::string& id) { return Status::not_found("no container " + id); }

}  // namespace

std::string Runtime::annotation(const cri::PodSandboxConfig& config, const std::string& name) {
  const auto it = config.annotations().find("sim.gantry.dev/" + name);
  return it == config.annotations().end() ? std::string() : it->second;
}

struct Runtime::Alarm {
  Runtime* runtime;
  std::string container;
  uint64_t timer = 0;
};

Runtime::Runtime(sdk::Host host)
    : host_(host),
      file_(host.daemon("data_dir").empty() ? "" : std::filesystem::path(host.daemon("data_dir")) / "runtime") {
  load();
}

Runtime::~Runtime() {
  // Not under the lock: a timer that runs now waits for it, and cancel for the timer.
  std::map<std::string, std::unique_ptr<Alarm>> alarms;
  {
    const std::lock_guard lock(mutex_);
    alarms.swap(alarms_);
  }
  const auto* timers = host_.get<gantry_timer>(GANTRY_TIMER_ID);
  for (const auto& [id, alarm] : alarms) timers->cancel(host_.raw(), alarm->timer);
}

std::string Runtime::new_id(std::string_view of) const { return Dice(host_.now_unix_ns(), of).digits(0, ++made_, 64); }

Expected<cri::VersionResponse> Runtime::version(const cri::VersionRequest&) {
  cri::VersionResponse out;
  out.set_version("0.1.0");
  out.set_runtime_name("sim");
  out.set_runtime_version("1.0.0");
  out.set_runtime_api_version("v1");
  return out;
}

Expected<cri::StatusResponse> Runtime::status(const cri::StatusRequest&) {
  cri::StatusResponse out;
  for (const char* type : {"RuntimeReady", "NetworkReady"}) {
    auto& condition = *out.mutable_status()->add_conditions();
    condition.set_type(type);
    condition.set_status(true);
  }
  out.add_runtime_handlers();
  return out;
}

Expected<cri::RunPodSandboxResponse> Runtime::run_pod_sandbox(const cri::RunPodSandboxRequest& in) {
  const std::lock_guard lock(mutex_);
  const auto& meta = in.config().metadata();
  const auto id = new_id(meta.uid());
  auto& sandbox = sandboxes_[id];
  sandbox.config = in.config();
  auto& status = sandbox.status;
  status.set_id(id);
  *status.mutable_metadata() = meta;
  status.set_created_at(host_.now_unix_ns());
  *status.mutable_labels() = in.config().labels();
  *status.mutable_annotations() = in.config().annotations();
  *status.mutable_linux()->mutable_namespaces()->mutable_options() =
      in.config().linux().security_context().namespace_options();
  if (auto saved = save_locked(); !saved.ok()) return saved;
  cri::RunPodSandboxResponse out;
  out.set_pod_sandbox_id(id);
  return out;
}

Expected<cri::StopPodSandboxResponse> Runtime::stop_pod_sandbox(const cri::StopPodSandboxRequest& in) {
  const std::lock_guard lock(mutex_);
  const auto found = sandboxes_.find(in.pod_sandbox_id());
  if (found == sandboxes_.end()) return cri::StopPodSandboxResponse();
  for (auto& [id, container] : containers_) {
    if (container.made.pod_sandbox_id() == in.pod_sandbox_id()) end_locked(container, kTerminated);
  }
  found->second.status.set_state(cri::SANDBOX_NOTREADY);
  if (auto saved = save_locked(); !saved.ok()) return saved;
  return cri::StopPodSandboxResponse();
}

Expected<cri::RemovePodSandboxResponse> Runtime::remove_pod_sandbox(const cri::RemovePodSandboxRequest& in) {
  const std::lock_guard lock(mutex_);
  sandboxes_.erase(in.pod_sandbox_id());
  std::erase_if(containers_, [&](const auto& one) { return one.second.made.pod_sandbox_id() == in.pod_sandbox_id(); });
  if (auto saved = save_locked(); !saved.ok()) return saved;
  return cri::RemovePodSandboxResponse();
}

Expected<cri::PodSandboxStatusResponse> Runtime::pod_sandbox_status(const cri::PodSandboxStatusRequest& in) {
  const std::lock_guard lock(mutex_);
  const auto found = sandboxes_.find(in.pod_sandbox_id());
  if (found == sandboxes_.end()) return Status::not_found("no sandbox " + in.pod_sandbox_id());
  cri::PodSandboxStatusResponse out;
  *out.mutable_status() = found->second.status;
  // There is no such file: a network plugin that only makes up addresses, as this one does, never opens it.
  (*out.mutable_info())["netns"] = "/run/netns/sim-" + in.pod_sandbox_id().substr(0, 12);
  return out;
}

Expected<cri::ListPodSandboxResponse> Runtime::list_pod_sandbox(const cri::ListPodSandboxRequest& in) {
  const std::lock_guard lock(mutex_);
  cri::ListPodSandboxResponse out;
  const auto& filter = in.filter();
  for (const auto& [id, sandbox] : sandboxes_) {
    const auto& status = sandbox.status;
    if (!filter.id().empty() && filter.id() != id) continue;
    if (filter.has_state() && filter.state().state() != status.state()) continue;
    if (!selected(status.labels(), filter.label_selector())) continue;
    auto& item = *out.add_items();
    item.set_id(id);
    *item.mutable_metadata() = status.metadata();
    item.set_state(status.state());
    item.set_created_at(status.created_at());
    *item.mutable_labels() = status.labels();
    *item.mutable_annotations() = status.annotations();
  }
  return out;
}

Expected<cri::CreateContainerResponse> Runtime::create_container(const cri::CreateContainerRequest& in) {
  const std::lock_guard lock(mutex_);
  const auto sandbox = sandboxes_.find(in.pod_sandbox_id());
  if (sandbox == sandboxes_.end()) return Status::not_found("no sandbox " + in.pod_sandbox_id());
  const auto& config = in.config();
  const auto id = new_id(config.metadata().name());
  auto& container = containers_[id];
  container.made = in;
  container.made.clear_sandbox_config();
  auto& status = container.status;
  status.set_id(id);
  *status.mutable_metadata() = config.metadata();
  status.set_created_at(host_.now_unix_ns());
  *status.mutable_image() = config.image();
  status.set_image_ref(config.image().image());
  status.set_image_id(config.image().image());
  *status.mutable_labels() = config.labels();
  *status.mutable_annotations() = config.annotations();
  *status.mutable_mounts() = config.mounts();
  if (!config.log_path().empty()) status.set_log_path(sandbox->second.config.log_directory() + "/" + config.log_path());
  if (auto saved = save_locked(); !saved.ok()) return saved;
  cri::CreateContainerResponse out;
  out.set_container_id(id);
  return out;
}

Expected<cri::StartContainerResponse> Runtime::start_container(const cri::StartContainerRequest& in) {
  const std::lock_guard lock(mutex_);
  const auto found = containers_.find(in.container_id());
  if (found == containers_.end()) return no_container(in.container_id());
  auto& status = found->second.status;
  if (status.state() != cri::CONTAINER_CREATED)
    return Status::bad_request("container " + in.container_id() + " was started before");
  status.set_state(cri::CONTAINER_RUNNING);
  status.set_started_at(host_.now_unix_ns());
  const auto& sandbox = sandboxes_[found->second.made.pod_sandbox_id()];
  write_log(sandbox, found->second, "container " + status.metadata().name() + " is simulated");
  plan_end(found->first, sandbox);
  if (auto saved = save_locked(); !saved.ok()) return saved;
  return cri::StartContainerResponse();
}

// It does as it is told, at once.
Expected<cri::StopContainerResponse> Runtime::stop_container(const cri::StopContainerRequest& in) {
  std::string sandbox;
  {
    const std::lock_guard lock(mutex_);
    const auto found = containers_.find(in.container_id());
    if (found == containers_.end()) return cri::StopContainerResponse();
    sandbox = found->second.made.pod_sandbox_id();
    end_locked(found->second, in.timeout() == 0 ? 137 : 0);
    if (auto saved = save_locked(); !saved.ok()) return saved;
  }
  tell(sandbox, in.container_id());
  return cri::StopContainerResponse();
}

Expected<cri::StopContainerResponse> Runtime::signal_container(const cri::StopContainerRequest& in) {
  auto asked = in;
  asked.set_timeout(1);
  return stop_container(asked);
}

Expected<cri::RemoveContainerResponse> Runtime::remove_container(const cri::RemoveContainerRequest& in) {
  const std::lock_guard lock(mutex_);
  containers_.erase(in.container_id());
  if (auto saved = save_locked(); !saved.ok()) return saved;
  return cri::RemoveContainerResponse();
}

Expected<cri::ListContainersResponse> Runtime::list_containers(const cri::ListContainersRequest& in) {
  const std::lock_guard lock(mutex_);
  cri::ListContainersResponse out;
  const auto& filter = in.filter();
  for (const auto& [id, container] : containers_) {
    const auto& status = container.status;
    if (!filter.id().empty() && filter.id() != id) continue;
    if (filter.has_state() && filter.state().state() != status.state()) continue;
    if (!filter.pod_sandbox_id().empty() && filter.pod_sandbox_id() != container.made.pod_sandbox_id()) continue;
    if (!selected(status.labels(), filter.label_selector())) continue;
    auto& item = *out.add_containers();
    item.set_id(id);
    item.set_pod_sandbox_id(container.made.pod_sandbox_id());
    *item.mutable_metadata() = status.metadata();
    *item.mutable_image() = status.image();
    item.set_image_ref(status.image_ref());
    item.set_image_id(status.image_id());
    item.set_state(status.state());
    item.set_created_at(status.created_at());
    *item.mutable_labels() = status.labels();
    *item.mutable_annotations() = status.annotations();
  }
  return out;
}

Expected<cri::ContainerStatusResponse> Runtime::container_status(const cri::ContainerStatusRequest& in) {
  const std::lock_guard lock(mutex_);
  const auto found = containers_.find(in.container_id());
  if (found == containers_.end()) return no_container(in.container_id());
  cri::ContainerStatusResponse out;
  *out.mutable_status() = found->second.status;
  return out;
}

void Runtime::end_locked(Container& container, int32_t exit_code) {
  auto& status = container.status;
  if (status.state() == cri::CONTAINER_EXITED) return;
  const bool ran = status.state() == cri::CONTAINER_RUNNING;
  status.set_state(cri::CONTAINER_EXITED);
  status.set_finished_at(host_.now_unix_ns());
  status.set_exit_code(ran ? exit_code : 128);
  status.set_reason(status.exit_code() == 0 ? "Completed" : "Error");
}

// The pod's annotations sim.gantry.dev/run-for and exit-code hold here, too.
void Runtime::plan_end(const std::string& id, const Sandbox& sandbox) {
  const auto after = parse_duration(annotation(sandbox.config, "run-for"));
  const auto* timers = host_.get<gantry_timer>(GANTRY_TIMER_ID);
  if (!after || timers == nullptr) return;
  auto& alarm = alarms_[id];
  alarm = std::make_unique<Alarm>(Alarm{this, id});
  alarm->timer = timers->start(
      host_.raw(), *after / kMilli,
      [](void* context) {
        auto& rung = *static_cast<Alarm*>(context);
        rung.runtime->fire(rung.container);
      },
      alarm.get());
}

void Runtime::fire(const std::string& id) {
  const std::string container_id = id;  // the alarm goes before this ends
  std::string sandbox_id;
  {
    const std::lock_guard lock(mutex_);
    const auto alarm = alarms_.find(container_id);
    if (alarm == alarms_.end()) return;
    const auto found = containers_.find(container_id);
    if (found != containers_.end()) {
      sandbox_id = found->second.made.pod_sandbox_id();
      const auto text = annotation(sandboxes_[sandbox_id].config, "exit-code");
      int32_t code = 0;
      std::from_chars(text.data(), text.data() + text.size(), code);
      end_locked(found->second, code);
      if (auto saved = save_locked(); !saved.ok()) host_.warn("runtime state: " + saved.message());
    }
    alarms_.erase(alarm);
  }
  if (!sandbox_id.empty()) tell(sandbox_id, container_id);
}

void Runtime::set_event_sink(gantry_runtime_event sink, void* context) {
  const std::lock_guard lock(sink_mutex_);
  sink_ = sink;
  sink_context_ = context;
}

void Runtime::tell(const std::string& sandbox_id, const std::string& container_id) {
  const std::lock_guard lock(sink_mutex_);
  if (sink_ != nullptr) sink_(sink_context_, to_slice(sandbox_id), to_slice(container_id));
}

}  // namespace gantry::sim
