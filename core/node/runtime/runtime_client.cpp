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

template <typename T>
Status only_status(const Expected<T>& result) {
  return result ? Status() : result.error();
}

// A plugin that is older than the verb has a table that ends before it.
gantry_runtime_verb verb_of(const gantry_runtime& table, gantry_runtime_verb gantry_runtime::*verb) {
  const auto* end = reinterpret_cast<const char*>(&(table.*verb)) + sizeof(gantry_runtime_verb);
  const bool there = end <= reinterpret_cast<const char*>(&table) + table.size;
  return there ? table.*verb : nullptr;
}

template <typename Item>
std::vector<Item> take_all(google::protobuf::RepeatedPtrField<Item>& items) {
  return {std::make_move_iterator(items.begin()), std::make_move_iterator(items.end())};
}

}  // namespace

// A running exec: its instance, pinned until it ends, and the id it has there.
struct RunningExec {
  plugin::PluginTable<gantry_runtime>::Pinned pinned;
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

RuntimeClient::RuntimeClient(plugin::PluginTable<gantry_runtime> table, std::shared_ptr<plugin::Operations> operations)
    : table_(std::move(table)), operations_(std::move(operations)), shared_(std::make_shared<Shared>()) {}

template <typename Response, typename Request>
Expected<Response> RuntimeClient::call(std::string_view operation, Verb verb, const Request& request,
                                       plugin::CallKind kind) const {
  const int64_t begun = operations_ ? operations_->begin() : 0;
  auto response = send<Response>(verb, request, kind);
  if (operations_) operations_->end(operation, begun, response.ok());
  return response;
}

template <typename Response, typename Request>
Expected<Response> RuntimeClient::send(Verb verb, const Request& request, plugin::CallKind kind) const {
  const auto pinned = table_.pin(kind);
  if (pinned.table == nullptr) return table_.absent();
  const auto function = verb_of(*pinned.table, verb);
  if (function == nullptr) return Status(501, "NotImplemented", "the runtime does not implement this");
  const std::string bytes = request.SerializeAsString();
  Buffer answer, error;
  if (const auto code = function(pinned.instance, to_slice(bytes), answer.out(), error.out()); code != 0) {
    return status_of(code, error.view());
  }
  Response response;
  if (!response.ParseFromArray(answer.view().data(), static_cast<int>(answer.view().size()))) {
    return Status::internal("the runtime's answer could not be decoded");
  }
  return response;
}

Expected<cri::VersionResponse> RuntimeClient::version() const {
  cri::VersionRequest request;
  request.set_version("v1");
  return call<cri::VersionResponse>("version", &gantry_runtime::version, request);
}

Expected<cri::StatusResponse> RuntimeClient::status() const {
  return call<cri::StatusResponse>("status", &gantry_runtime::status, cri::StatusRequest());
}

Expected<std::string> RuntimeClient::run_pod_sandbox(const cri::PodSandboxConfig& config,
                                                     const std::string& handler) const {
  cri::RunPodSandboxRequest request;
  *request.mutable_config() = config;
  request.set_runtime_handler(handler);
  auto response = call<cri::RunPodSandboxResponse>("run_podsandbox", &gantry_runtime::run_pod_sandbox, request);
  if (!response) return std::move(response).error();
  return response->pod_sandbox_id();
}

Status RuntimeClient::stop_pod_sandbox(const std::string& id) const {
  cri::StopPodSandboxRequest request;
  request.set_pod_sandbox_id(id);
  return only_status(call<cri::StopPodSandboxResponse>("stop_podsandbox", &gantry_runtime::stop_pod_sandbox, request));
}

Status RuntimeClient::remove_pod_sandbox(const std::string& id) const {
  cri::RemovePodSandboxRequest request;
  request.set_pod_sandbox_id(id);
  return only_status(
      call<cri::RemovePodSandboxResponse>("remove_podsandbox", &gantry_runtime::remove_pod_sandbox, request));
}

Expected<cri::PodSandboxStatusResponse> RuntimeClient::pod_sandbox_status(const std::string& id) const {
  cri::PodSandboxStatusRequest request;
  request.set_pod_sandbox_id(id);
  return call<cri::PodSandboxStatusResponse>("podsandbox_status", &gantry_runtime::pod_sandbox_status, request);
}

Expected<std::vector<cri::PodSandbox>> RuntimeClient::list_pod_sandbox(const std::string& pod_uid) const {
  cri::ListPodSandboxRequest request;
  if (!pod_uid.empty()) (*request.mutable_filter()->mutable_label_selector())[labels::kPodUid] = pod_uid;
  auto response = call<cri::ListPodSandboxResponse>("list_podsandbox", &gantry_runtime::list_pod_sandbox, request);
  if (!response) return std::move(response).error();
  return take_all(*response->mutable_items());
}

Expected<std::string> RuntimeClient::create_container(const cri::CreateContainerRequest& request) const {
  auto response = call<cri::CreateContainerResponse>("create_container", &gantry_runtime::create_container, request);
  if (!response) return std::move(response).error();
  return response->container_id();
}

Status RuntimeClient::start_container(const std::string& id) const {
  cri::StartContainerRequest request;
  request.set_container_id(id);
  return only_status(call<cri::StartContainerResponse>("start_container", &gantry_runtime::start_container, request));
}

Status RuntimeClient::stop_container(const std::string& id, int64_t timeout_seconds) const {
  cri::StopContainerRequest request;
  request.set_container_id(id);
  request.set_timeout(timeout_seconds);
  return only_status(call<cri::StopContainerResponse>("stop_container", &gantry_runtime::stop_container, request,
                                                      plugin::CallKind::kLong));
}

Status RuntimeClient::signal_container(const std::string& id) const {
  cri::StopContainerRequest request;
  request.set_container_id(id);
  return only_status(call<cri::StopContainerResponse>("signal_container", &gantry_runtime::signal_container, request));
}

Status RuntimeClient::remove_container(const std::string& id) const {
  cri::RemoveContainerRequest request;
  request.set_container_id(id);
  return only_status(
      call<cri::RemoveContainerResponse>("remove_container", &gantry_runtime::remove_container, request));
}

Expected<std::vector<cri::Container>> RuntimeClient::list_containers(const std::string& pod_uid) const {
  cri::ListContainersRequest request;
  if (!pod_uid.empty()) (*request.mutable_filter()->mutable_label_selector())[labels::kPodUid] = pod_uid;
  auto response = call<cri::ListContainersResponse>("list_containers", &gantry_runtime::list_containers, request);
  if (!response) return std::move(response).error();
  return take_all(*response->mutable_containers());
}

Expected<cri::ContainerStatus> RuntimeClient::container_status(const std::string& id) const {
  cri::ContainerStatusRequest request;
  request.set_container_id(id);
  auto response = call<cri::ContainerStatusResponse>("container_status", &gantry_runtime::container_status, request);
  if (!response) return std::move(response).error();
  return std::move(*response->mutable_status());
}

Expected<std::vector<cri::Image>> RuntimeClient::list_images() const {
  auto response = call<cri::ListImagesResponse>("list_images", &gantry_runtime::list_images, cri::ListImagesRequest());
  if (!response) return std::move(response).error();
  return take_all(*response->mutable_images());
}

Expected<cri::Image> RuntimeClient::image_status(const std::string& image) const {
  cri::ImageStatusRequest request;
  request.mutable_image()->set_image(image);
  auto response = call<cri::ImageStatusResponse>("image_status", &gantry_runtime::image_status, request);
  if (!response) return std::move(response).error();
  return std::move(*response->mutable_image());
}

Expected<std::string> RuntimeClient::pull_image(const std::string& image, const cri::PodSandboxConfig& sandbox) const {
  cri::PullImageRequest request;
  request.mutable_image()->set_image(image);
  request.mutable_image()->set_user_specified_image(image);
  *request.mutable_sandbox_config() = sandbox;
  auto response =
      call<cri::PullImageResponse>("pull_image", &gantry_runtime::pull_image, request, plugin::CallKind::kLong);
  if (!response) return std::move(response).error();
  return response->image_ref();
}

Status RuntimeClient::remove_image(const std::string& image) const {
  cri::RemoveImageRequest request;
  request.mutable_image()->set_image(image);
  return only_status(call<cri::RemoveImageResponse>("remove_image", &gantry_runtime::remove_image, request));
}

Expected<std::vector<std::string>> RuntimeClient::import_image(int archive_fd) const {
  const auto pinned = table_.pin(plugin::CallKind::kLong);
  if (pinned.table == nullptr) return table_.absent();
  if (pinned.table->import_image == nullptr) return Status(501, "NotImplemented", "the runtime imports no images");
  Buffer answer, error;
  const auto code = pinned.table->import_image(pinned.instance, archive_fd, {}, answer.out(), error.out());
  if (code != 0) return status_of(code, error.view());
  cri::ImportImageResponse response;
  if (!response.ParseFromArray(answer.view().data(), static_cast<int>(answer.view().size()))) {
    return Status::internal("the runtime's answer could not be decoded");
  }
  return std::vector<std::string>(response.names().begin(), response.names().end());
}

Expected<uint64_t> RuntimeClient::exec(const cri::ExecRequest& request, int in, int out, int err,
                                       std::function<void(Expected<int>)> exited) const {
  using Exited = std::function<void(Expected<int>)>;
  auto running = std::make_shared<RunningExec>();
  running->pinned = table_.pin(plugin::CallKind::kLong);
  if (running->pinned.table == nullptr) {
    for (const int fd : {in, out, err}) {
      if (fd >= 0) ::close(fd);
    }
    return table_.absent();
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
  Buffer error;
  const auto code = running->pinned.table->exec(running->pinned.instance, to_slice(bytes), in, out, err, told, raw,
                                                &running->id, error.out());
  if (code != 0) {
    delete raw;
    shared_->forget(id);
    return status_of(code, error.view());
  }
  const std::lock_guard lock(shared_->mutex);
  running->known = true;
  return id;
}

void RuntimeClient::exec_resize(uint64_t id, uint16_t columns, uint16_t rows) const {
  const auto running = shared_->find(id);
  if (running == nullptr || running->pinned.table->exec_resize == nullptr) return;
  running->pinned.table->exec_resize(running->pinned.instance, running->id, columns, rows);
}

void RuntimeClient::exec_cancel(uint64_t id) const {
  const auto running = shared_->find(id);
  if (running == nullptr || running->pinned.table->exec_cancel == nullptr) return;
  running->pinned.table->exec_cancel(running->pinned.instance, running->id);
}

void RuntimeClient::set_event_sink(gantry_runtime_event sink, void* context) const {
  const auto pinned = table_.pin();
  {
    const std::lock_guard lock(shared_->mutex);
    shared_->sink = sink;
    shared_->sink_context = context;
    shared_->sunk = pinned.call ? &pinned.call.pinned() : nullptr;
  }
  if (pinned.table == nullptr || pinned.table->set_event_sink == nullptr) return;
  pinned.table->set_event_sink(pinned.instance, sink, context);
}

void RuntimeClient::adopt(plugin::Instance* next) const {
  const auto give = [](plugin::Instance* instance, gantry_runtime_event sink, void* context) {
    const auto* table = instance == nullptr ? nullptr : instance->interface<gantry_runtime>(GANTRY_RUNTIME_ID);
    if (table != nullptr && table->set_event_sink != nullptr) table->set_event_sink(instance->get(), sink, context);
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
