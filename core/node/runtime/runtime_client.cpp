#include "core/node/runtime/runtime_client.hpp"

#include <unistd.h>

#include <map>
#include <memory>
#include <mutex>
#include <utility>

#include "core/node/runtime/labels.hpp"
#include "gantry/bytes.hpp"
#include "gantry/status_proto.hpp"

namespace gantry::node {
namespace {

template <typename Item>
std::vector<Item> take_all(google::protobuf::RepeatedPtrField<Item>& items) {
  return {std::make_move_iterator(items.begin()), std::make_move_iterator(items.end())};
}

}  // namespace

// A running exec: its instance, pinned until it ends, and the id it has there.
struct RunningExec {
  plugin::PinnedVerbs<gantry_runtime> pinned;
  uint64_t id = 0;
  bool known = false;  // `id` is set
};

struct RuntimeClient::Shared {
  std::mutex mutex;
  std::map<uint64_t, std::shared_ptr<RunningExec>> execs;
  uint64_t last_exec = 0;
  gantry_runtime_event sink = nullptr;
  void* sink_context = nullptr;
  plugin::Instance* sunk = nullptr;  // who has the sink; compared, and called only while it is the plugin's

  std::shared_ptr<RunningExec> find(uint64_t id) {
    const std::lock_guard lock(mutex);
    const auto it = execs.find(id);
    return it == execs.end() || !it->second->known ? nullptr : it->second;
  }
  void forget(uint64_t id) {
    std::shared_ptr<RunningExec> gone;  // unpins without the lock
    const std::lock_guard lock(mutex);
    if (const auto it = execs.find(id); it != execs.end()) {
      gone = std::move(it->second);
      execs.erase(it);
    }
  }
};

RuntimeClient::RuntimeClient(plugin::PluginVerbs<gantry_runtime> verbs)
    : verbs_(std::move(verbs)), shared_(std::make_shared<Shared>()) {}

std::string RuntimeClient::operation(std::string_view verb) {
  std::string name(verb);
  constexpr std::string_view kSandbox = "pod_sandbox";
  if (const auto at = name.find(kSandbox); at != std::string::npos) name.replace(at, kSandbox.size(), "podsandbox");
  return name;
}

Expected<cri::VersionResponse> RuntimeClient::version() const {
  cri::VersionRequest request;
  request.set_version("v1");
  return call<cri::VersionResponse>(&gantry_runtime::version, request);
}

Expected<cri::StatusResponse> RuntimeClient::status() const {
  return call<cri::StatusResponse>(&gantry_runtime::status, cri::StatusRequest());
}

Expected<std::string> RuntimeClient::run_pod_sandbox(const cri::PodSandboxConfig& config,
                                                     const std::string& handler) const {
  cri::RunPodSandboxRequest request;
  *request.mutable_config() = config;
  request.set_runtime_handler(handler);
  auto response = call<cri::RunPodSandboxResponse>(&gantry_runtime::run_pod_sandbox, request);
  if (!response) return std::move(response).error();
  return response->pod_sandbox_id();
}

void RuntimeClient::stop_pod_sandbox(const std::string& id, std::function<void(const Status&)> then) const {
  cri::StopPodSandboxRequest request;
  request.set_pod_sandbox_id(id);
  verbs_.call_long<cri::StopPodSandboxResponse>(
      &gantry_runtime::stop_pod_sandbox, request,
      [then = std::move(then)](const auto& done) { then(plugin::only_status(done)); });
}

Status RuntimeClient::remove_pod_sandbox(const std::string& id) const {
  cri::RemovePodSandboxRequest request;
  request.set_pod_sandbox_id(id);
  return plugin::only_status(call<cri::RemovePodSandboxResponse>(&gantry_runtime::remove_pod_sandbox, request));
}

Expected<cri::PodSandboxStatusResponse> RuntimeClient::pod_sandbox_status(const std::string& id) const {
  cri::PodSandboxStatusRequest request;
  request.set_pod_sandbox_id(id);
  return call<cri::PodSandboxStatusResponse>(&gantry_runtime::pod_sandbox_status, request);
}

Expected<std::vector<cri::PodSandbox>> RuntimeClient::list_pod_sandbox(const std::string& pod_uid) const {
  cri::ListPodSandboxRequest request;
  if (!pod_uid.empty()) (*request.mutable_filter()->mutable_label_selector())[labels::kPodUid] = pod_uid;
  auto response = call<cri::ListPodSandboxResponse>(&gantry_runtime::list_pod_sandbox, request);
  if (!response) return std::move(response).error();
  return take_all(*response->mutable_items());
}

Expected<std::string> RuntimeClient::create_container(const cri::CreateContainerRequest& request) const {
  auto response = call<cri::CreateContainerResponse>(&gantry_runtime::create_container, request);
  if (!response) return std::move(response).error();
  return response->container_id();
}

Status RuntimeClient::start_container(const std::string& id) const {
  cri::StartContainerRequest request;
  request.set_container_id(id);
  return plugin::only_status(call<cri::StartContainerResponse>(&gantry_runtime::start_container, request));
}

void RuntimeClient::stop_container(const std::string& id, int64_t timeout_seconds,
                                   std::function<void(const Status&)> then) const {
  cri::StopContainerRequest request;
  request.set_container_id(id);
  request.set_timeout(timeout_seconds);
  verbs_.call_long<cri::StopContainerResponse>(
      &gantry_runtime::stop_container, request,
      [then = std::move(then)](const Expected<cri::StopContainerResponse>& done) { then(plugin::only_status(done)); });
}

Status RuntimeClient::signal_container(const std::string& id) const {
  cri::StopContainerRequest request;
  request.set_container_id(id);
  return plugin::only_status(call<cri::StopContainerResponse>(&gantry_runtime::signal_container, request));
}

Status RuntimeClient::remove_container(const std::string& id) const {
  cri::RemoveContainerRequest request;
  request.set_container_id(id);
  return plugin::only_status(call<cri::RemoveContainerResponse>(&gantry_runtime::remove_container, request));
}

Expected<std::vector<cri::Container>> RuntimeClient::list_containers(const std::string& pod_uid) const {
  cri::ListContainersRequest request;
  if (!pod_uid.empty()) (*request.mutable_filter()->mutable_label_selector())[labels::kPodUid] = pod_uid;
  auto response = call<cri::ListContainersResponse>(&gantry_runtime::list_containers, request);
  if (!response) return std::move(response).error();
  return take_all(*response->mutable_containers());
}

Expected<cri::ListContainerStatsResponse> RuntimeClient::list_container_stats() const {
  return call<cri::ListContainerStatsResponse>(&gantry_runtime::list_container_stats, cri::ListContainerStatsRequest());
}

Expected<cri::ContainerStatus> RuntimeClient::container_status(const std::string& id) const {
  cri::ContainerStatusRequest request;
  request.set_container_id(id);
  auto response = call<cri::ContainerStatusResponse>(&gantry_runtime::container_status, request);
  if (!response) return std::move(response).error();
  return std::move(*response->mutable_status());
}

Expected<std::vector<cri::Image>> RuntimeClient::list_images() const {
  auto response = call<cri::ListImagesResponse>(&gantry_runtime::list_images, cri::ListImagesRequest());
  if (!response) return std::move(response).error();
  return take_all(*response->mutable_images());
}

Expected<cri::Image> RuntimeClient::image_status(const std::string& image) const {
  cri::ImageStatusRequest request;
  request.mutable_image()->set_image(image);
  auto response = call<cri::ImageStatusResponse>(&gantry_runtime::image_status, request);
  if (!response) return std::move(response).error();
  return std::move(*response->mutable_image());
}

void RuntimeClient::pull_image(const std::string& image, const cri::PodSandboxConfig& sandbox,
                               std::function<void(Expected<std::string>)> then) const {
  cri::PullImageRequest request;
  request.mutable_image()->set_image(image);
  request.mutable_image()->set_user_specified_image(image);
  *request.mutable_sandbox_config() = sandbox;
  verbs_.call_long<cri::PullImageResponse>(
      &gantry_runtime::pull_image, request, [then = std::move(then)](const Expected<cri::PullImageResponse>& done) {
        then(done ? Expected<std::string>(done->image_ref()) : Expected<std::string>(done.error()));
      });
}

Status RuntimeClient::remove_image(const std::string& image) const {
  cri::RemoveImageRequest request;
  request.mutable_image()->set_image(image);
  return plugin::only_status(call<cri::RemoveImageResponse>(&gantry_runtime::remove_image, request));
}

Expected<std::vector<std::string>> RuntimeClient::import_image(int archive_fd) const {
  const auto pinned = verbs_.pin(plugin::CallKind::kLong);
  if (!pinned) return verbs_.absent();
  const auto imported = verbs_.decode<cri::ImportImageResponse>(pinned.call_with(
      &gantry_runtime::import_image, [&](auto function, void* self, gantry_buffer* response, gantry_buffer* error) {
        return function(self, archive_fd, {}, response, error);
      }));
  if (!imported) return Status(imported.error());
  return std::vector<std::string>(imported->names().begin(), imported->names().end());
}

Expected<uint64_t> RuntimeClient::exec(const cri::ExecRequest& request, int in, int out, int err,
                                       std::function<void(Expected<int>)> exited) const {
  using Exited = std::function<void(Expected<int>)>;
  auto running = std::make_shared<RunningExec>();
  running->pinned = verbs_.pin(plugin::CallKind::kLong);
  if (!running->pinned) {
    for (const int fd : {in, out, err}) {
      if (fd >= 0) ::close(fd);
    }
    return verbs_.absent();
  }
  uint64_t id = 0;
  {
    const std::lock_guard lock(shared_->mutex);
    id = ++shared_->last_exec;
    shared_->execs[id] = running;
  }
  const gantry_exec_exit told = [](void* raw, gantry_code code, int32_t exit_code, gantry_slice error) {
    const std::unique_ptr<Exited> done(static_cast<Exited*>(raw));
    (*done)(code == 0 ? Expected<int>(exit_code) : Expected<int>(status_of(code, to_view(error))));
  };
  // Released before the call: a short command may end, and be told of, before exec returns.
  Exited* const raw = new Exited([shared = shared_, id, exited = std::move(exited)](Expected<int> code) {
    exited(std::move(code));
    shared->forget(id);
  });
  const std::string bytes = request.SerializeAsString();
  auto begun = running->pinned.call_with(
      &gantry_runtime::exec, [&](auto function, void* self, gantry_buffer*, gantry_buffer* error) {
        return function(self, to_slice(bytes), in, out, err, told, raw, &running->id, error);
      });
  if (!begun) {
    delete raw;
    shared_->forget(id);
    return std::move(begun).error();
  }
  const std::lock_guard lock(shared_->mutex);
  running->known = true;
  return id;
}

void RuntimeClient::exec_resize(uint64_t id, uint16_t columns, uint16_t rows) const {
  if (const auto running = shared_->find(id)) {
    running->pinned.tell(&gantry_runtime::exec_resize, running->id, columns, rows);
  }
}

void RuntimeClient::exec_cancel(uint64_t id) const {
  if (const auto running = shared_->find(id)) running->pinned.tell(&gantry_runtime::exec_cancel, running->id);
}

void RuntimeClient::set_event_sink(gantry_runtime_event sink, void* context) const {
  const auto pinned = verbs_.pin();
  {
    const std::lock_guard lock(shared_->mutex);
    shared_->sink = sink;
    shared_->sink_context = context;
    shared_->sunk = pinned ? pinned.instance() : nullptr;
  }
  pinned.tell(&gantry_runtime::set_event_sink, sink, context);
}

void RuntimeClient::adopt(plugin::Instance* next) const {
  const auto give = [this](plugin::Instance* instance, gantry_runtime_event sink, void* context) {
    if (instance != nullptr) verbs_.of(*instance).tell(&gantry_runtime::set_event_sink, sink, context);
  };
  gantry_runtime_event sink = nullptr;
  void* context = nullptr;
  plugin::Instance* before = nullptr;
  {
    const std::lock_guard lock(shared_->mutex);
    sink = shared_->sink;
    context = shared_->sink_context;
    before = std::exchange(shared_->sunk, next);
  }
  // The old one may live on for an exec; it must not tell an agent that is gone by then.
  if (before != next) give(before, nullptr, nullptr);
  if (sink != nullptr) give(next, sink, context);
}

}  // namespace gantry::node
