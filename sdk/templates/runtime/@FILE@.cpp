#include "@FILE@.hpp"

#include <unistd.h>

namespace @FILE@ {
namespace {

template <typename Labels>
bool selected(const Labels& labels, const Labels& wanted) {
  for (const auto& [key, value] : wanted) {
    const auto it = labels.find(key);
    if (it == labels.end() || it->second != value) return false;
  }
  return true;
}

Status no_sandbox(const std::string& id) { return Status::not_found("no sandbox " + id); }
Status no_container(const std::string& id) { return Status::not_found("no container " + id); }

}  // namespace

Expected<std::unique_ptr<Runtime>> Runtime::create(gantry::sdk::Host host) {
  // The place to read configuration (host.config_string("...")) and to find what runs since before a restart.
  return std::make_unique<Runtime>(host);
}

const void* Runtime::get_interface(std::string_view id) {
  static constexpr gantry_runtime table = [] {
    auto made = gantry::sdk::runtime_verbs<Runtime>();
    // What comes with descriptors instead of messages alone, each of which is yours to write.
    made.import_image = [](void*, int32_t, gantry_slice, gantry_buffer*, gantry_buffer* error) {
      return gantry::fail(Status(501, "NotImplemented", "@NAME@ imports no images yet"), error);
    };
    made.exec = [](void*, gantry_slice, int32_t in, int32_t out, int32_t err, gantry_exec_exit, void*, uint64_t*,
                   gantry_buffer* error) {
      // They are the runtime's from the call on.
      for (const int fd : {in, out, err}) {
        if (fd >= 0) ::close(fd);
      }
      return gantry::fail(Status(501, "NotImplemented", "@NAME@ runs no commands yet"), error);
    };
    made.exec_resize = [](void*, uint64_t, uint16_t, uint16_t) {};
    made.exec_cancel = [](void*, uint64_t) {};
    made.set_event_sink = [](void* instance, gantry_runtime_event sink, void* context) {
      static_cast<Runtime*>(instance)->set_event_sink(sink, context);
    };
    return made;
  }();
  return id == GANTRY_RUNTIME_ID ? &table : nullptr;
}

std::string Runtime::new_id(const std::string& prefix) { return prefix + "-" + std::to_string(++made_); }

void Runtime::set_event_sink(gantry_runtime_event sink, void* context) {
  const std::lock_guard lock(sink_mutex_);
  sink_ = sink;
  sink_context_ = context;
}

// Not under mutex_: whoever is told may ask at once.
void Runtime::tell(const std::string& sandbox, const std::string& container) {
  const std::lock_guard lock(sink_mutex_);
  if (sink_ != nullptr) sink_(sink_context_, gantry::to_slice(sandbox), gantry::to_slice(container));
}

Expected<cri::VersionResponse> Runtime::version(const cri::VersionRequest&) {
  cri::VersionResponse out;
  out.set_version("0.1.0");
  out.set_runtime_name("@NAME@");
  out.set_runtime_version("0.1.0");
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

// Sandboxes.

Expected<cri::RunPodSandboxResponse> Runtime::run_pod_sandbox(const cri::RunPodSandboxRequest& in) {
  const std::lock_guard lock(mutex_);
  const auto id = new_id("sandbox");
  auto& made = sandboxes_[id];
  made.set_id(id);
  *made.mutable_metadata() = in.config().metadata();
  *made.mutable_labels() = in.config().labels();
  *made.mutable_annotations() = in.config().annotations();
  made.set_created_at(host_.now_unix_ns());
  made.set_state(cri::SANDBOX_READY);
  made.mutable_network()->set_ip("127.0.0.1");
  cri::RunPodSandboxResponse out;
  out.set_pod_sandbox_id(id);
  return out;
}

Expected<cri::StopPodSandboxResponse> Runtime::stop_pod_sandbox(const cri::StopPodSandboxRequest& in) {
  const std::lock_guard lock(mutex_);
  const auto it = sandboxes_.find(in.pod_sandbox_id());
  if (it != sandboxes_.end()) it->second.set_state(cri::SANDBOX_NOTREADY);
  for (auto& [id, container] : containers_) {
    if (container.sandbox == in.pod_sandbox_id()) stop(container);
  }
  return cri::StopPodSandboxResponse();
}

Expected<cri::RemovePodSandboxResponse> Runtime::remove_pod_sandbox(const cri::RemovePodSandboxRequest& in) {
  const std::lock_guard lock(mutex_);
  std::erase_if(containers_, [&](const auto& one) { return one.second.sandbox == in.pod_sandbox_id(); });
  sandboxes_.erase(in.pod_sandbox_id());
  return cri::RemovePodSandboxResponse();
}

Expected<cri::PodSandboxStatusResponse> Runtime::pod_sandbox_status(const cri::PodSandboxStatusRequest& in) {
  const std::lock_guard lock(mutex_);
  const auto it = sandboxes_.find(in.pod_sandbox_id());
  if (it == sandboxes_.end()) return no_sandbox(in.pod_sandbox_id());
  cri::PodSandboxStatusResponse out;
  *out.mutable_status() = it->second;
  return out;
}

Expected<cri::ListPodSandboxResponse> Runtime::list_pod_sandbox(const cri::ListPodSandboxRequest& in) {
  const std::lock_guard lock(mutex_);
  cri::ListPodSandboxResponse out;
  const auto& filter = in.filter();
  for (const auto& [id, sandbox] : sandboxes_) {
    if (!filter.id().empty() && filter.id() != id) continue;
    if (filter.has_state() && filter.state().state() != sandbox.state()) continue;
    if (!selected(sandbox.labels(), filter.label_selector())) continue;
    auto& item = *out.add_items();
    item.set_id(id);
    *item.mutable_metadata() = sandbox.metadata();
    item.set_state(sandbox.state());
    item.set_created_at(sandbox.created_at());
    *item.mutable_labels() = sandbox.labels();
    *item.mutable_annotations() = sandbox.annotations();
  }
  return out;
}

// Containers.

Expected<cri::CreateContainerResponse> Runtime::create_container(const cri::CreateContainerRequest& in) {
  const std::lock_guard lock(mutex_);
  if (!sandboxes_.contains(in.pod_sandbox_id())) return no_sandbox(in.pod_sandbox_id());
  const auto id = new_id("container");
  auto& made = containers_[id];
  made.sandbox = in.pod_sandbox_id();
  made.status.set_id(id);
  *made.status.mutable_metadata() = in.config().metadata();
  *made.status.mutable_image() = in.config().image();
  made.status.set_image_ref(in.config().image().image());
  *made.status.mutable_labels() = in.config().labels();
  *made.status.mutable_annotations() = in.config().annotations();
  made.status.set_created_at(host_.now_unix_ns());
  made.status.set_state(cri::CONTAINER_CREATED);
  cri::CreateContainerResponse out;
  out.set_container_id(id);
  return out;
}

Expected<cri::StartContainerResponse> Runtime::start_container(const cri::StartContainerRequest& in) {
  const std::lock_guard lock(mutex_);
  const auto it = containers_.find(in.container_id());
  if (it == containers_.end()) return no_container(in.container_id());
  auto& status = it->second.status;
  if (status.state() != cri::CONTAINER_CREATED) {
    return Status::conflict("container " + in.container_id() + " was started before");
  }
  status.set_state(cri::CONTAINER_RUNNING);
  status.set_started_at(host_.now_unix_ns());
  return cri::StartContainerResponse();
}

void Runtime::stop(Container& container) {
  auto& status = container.status;
  if (status.state() == cri::CONTAINER_EXITED) return;
  status.set_state(cri::CONTAINER_EXITED);
  status.set_finished_at(host_.now_unix_ns());
  status.set_exit_code(143);
  status.set_reason("Error");
}

// What is gone is stopped: success.
Expected<cri::StopContainerResponse> Runtime::stop_container(const cri::StopContainerRequest& in) {
  std::string sandbox;
  {
    const std::lock_guard lock(mutex_);
    const auto it = containers_.find(in.container_id());
    if (it == containers_.end()) return cri::StopContainerResponse();
    stop(it->second);
    sandbox = it->second.sandbox;
  }
  tell(sandbox, in.container_id());
  return cri::StopContainerResponse();
}

Expected<cri::RemoveContainerResponse> Runtime::remove_container(const cri::RemoveContainerRequest& in) {
  const std::lock_guard lock(mutex_);
  containers_.erase(in.container_id());
  return cri::RemoveContainerResponse();
}

Expected<cri::ListContainersResponse> Runtime::list_containers(const cri::ListContainersRequest& in) {
  const std::lock_guard lock(mutex_);
  cri::ListContainersResponse out;
  const auto& filter = in.filter();
  for (const auto& [id, container] : containers_) {
    const auto& status = container.status;
    if (!filter.id().empty() && filter.id() != id) continue;
    if (!filter.pod_sandbox_id().empty() && filter.pod_sandbox_id() != container.sandbox) continue;
    if (filter.has_state() && filter.state().state() != status.state()) continue;
    if (!selected(status.labels(), filter.label_selector())) continue;
    auto& item = *out.add_containers();
    item.set_id(id);
    item.set_pod_sandbox_id(container.sandbox);
    *item.mutable_metadata() = status.metadata();
    *item.mutable_image() = status.image();
    item.set_image_ref(status.image_ref());
    item.set_state(status.state());
    item.set_created_at(status.created_at());
    *item.mutable_labels() = status.labels();
    *item.mutable_annotations() = status.annotations();
  }
  return out;
}

Expected<cri::ContainerStatusResponse> Runtime::container_status(const cri::ContainerStatusRequest& in) {
  const std::lock_guard lock(mutex_);
  const auto it = containers_.find(in.container_id());
  if (it == containers_.end()) return no_container(in.container_id());
  cri::ContainerStatusResponse out;
  *out.mutable_status() = it->second.status;
  return out;
}

Expected<cri::UpdateContainerResourcesResponse> Runtime::update_container_resources(
    const cri::UpdateContainerResourcesRequest& in) {
  const std::lock_guard lock(mutex_);
  const auto it = containers_.find(in.container_id());
  if (it == containers_.end()) return no_container(in.container_id());
  *it->second.status.mutable_resources()->mutable_linux() = in.linux();
  return cri::UpdateContainerResourcesResponse();
}

Expected<cri::ExecSyncResponse> Runtime::exec_sync(const cri::ExecSyncRequest&) {
  return Status(501, "NotImplemented", "@NAME@ runs no commands yet");
}

Expected<cri::ListContainerStatsResponse> Runtime::list_container_stats(const cri::ListContainerStatsRequest&) {
  return cri::ListContainerStatsResponse();
}

// Images: every name "is" an image once it was pulled.

Expected<cri::ListImagesResponse> Runtime::list_images(const cri::ListImagesRequest&) {
  const std::lock_guard lock(mutex_);
  cri::ListImagesResponse out;
  for (const auto& [name, image] : images_) *out.add_images() = image;
  return out;
}

Expected<cri::ImageStatusResponse> Runtime::image_status(const cri::ImageStatusRequest& in) {
  const std::lock_guard lock(mutex_);
  cri::ImageStatusResponse out;
  const auto it = images_.find(in.image().image());
  if (it != images_.end()) *out.mutable_image() = it->second;
  return out;
}

Expected<cri::PullImageResponse> Runtime::pull_image(const cri::PullImageRequest& in) {
  const std::lock_guard lock(mutex_);
  const auto& name = in.image().image();
  auto& image = images_[name];
  image.set_id(name);
  if (image.repo_tags().empty()) image.add_repo_tags(name);
  cri::PullImageResponse out;
  out.set_image_ref(name);
  return out;
}

Expected<cri::RemoveImageResponse> Runtime::remove_image(const cri::RemoveImageRequest& in) {
  const std::lock_guard lock(mutex_);
  images_.erase(in.image().image());
  return cri::RemoveImageResponse();
}

}  // namespace @FILE@

GANTRY_PLUGIN(@FILE@::Runtime, "@NAME@", "0.1.0", "me", "A container runtime", GANTRY_RUNTIME_ID);
