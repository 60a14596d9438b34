#include "core/node/runtime_client.hpp"

#include <memory>
#include <utility>

#include "core/node/labels.hpp"
#include "gantry/bytes.hpp"
#include "gantry/status_proto.hpp"

namespace gantry::node {
namespace {

template <typename T>
Status only_status(const Expected<T>& result) {
  return result ? Status() : result.error();
}

template <typename Item>
std::vector<Item> take_all(google::protobuf::RepeatedPtrField<Item>& items) {
  return {std::make_move_iterator(items.begin()), std::make_move_iterator(items.end())};
}

}  // namespace

template <typename Response, typename Request>
Expected<Response> RuntimeClient::call(gantry_runtime_verb verb, const Request& request) const {
  if (verb == nullptr) return Status(501, "NotImplemented", "the runtime does not implement this");
  const std::string bytes = request.SerializeAsString();
  Buffer answer, error;
  if (const auto code = verb(instance_, to_slice(bytes), answer.out(), error.out()); code != 0) {
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
  return call<cri::VersionResponse>(table_->version, request);
}

Expected<cri::StatusResponse> RuntimeClient::status() const {
  return call<cri::StatusResponse>(table_->status, cri::StatusRequest());
}

Expected<std::string> RuntimeClient::run_pod_sandbox(const cri::PodSandboxConfig& config,
                                                     const std::string& handler) const {
  cri::RunPodSandboxRequest request;
  *request.mutable_config() = config;
  request.set_runtime_handler(handler);
  auto response = call<cri::RunPodSandboxResponse>(table_->run_pod_sandbox, request);
  if (!response) return std::move(response).error();
  return response->pod_sandbox_id();
}

Status RuntimeClient::stop_pod_sandbox(const std::string& id) const {
  cri::StopPodSandboxRequest request;
  request.set_pod_sandbox_id(id);
  return only_status(call<cri::StopPodSandboxResponse>(table_->stop_pod_sandbox, request));
}

Status RuntimeClient::remove_pod_sandbox(const std::string& id) const {
  cri::RemovePodSandboxRequest request;
  request.set_pod_sandbox_id(id);
  return only_status(call<cri::RemovePodSandboxResponse>(table_->remove_pod_sandbox, request));
}

Expected<cri::PodSandboxStatusResponse> RuntimeClient::pod_sandbox_status(const std::string& id) const {
  cri::PodSandboxStatusRequest request;
  request.set_pod_sandbox_id(id);
  return call<cri::PodSandboxStatusResponse>(table_->pod_sandbox_status, request);
}

Expected<std::vector<cri::PodSandbox>> RuntimeClient::list_pod_sandbox(const std::string& pod_uid) const {
  cri::ListPodSandboxRequest request;
  if (!pod_uid.empty()) (*request.mutable_filter()->mutable_label_selector())[labels::kPodUid] = pod_uid;
  auto response = call<cri::ListPodSandboxResponse>(table_->list_pod_sandbox, request);
  if (!response) return std::move(response).error();
  return take_all(*response->mutable_items());
}

Expected<std::string> RuntimeClient::create_container(const cri::CreateContainerRequest& request) const {
  auto response = call<cri::CreateContainerResponse>(table_->create_container, request);
  if (!response) return std::move(response).error();
  return response->container_id();
}

Status RuntimeClient::start_container(const std::string& id) const {
  cri::StartContainerRequest request;
  request.set_container_id(id);
  return only_status(call<cri::StartContainerResponse>(table_->start_container, request));
}

Status RuntimeClient::stop_container(const std::string& id, int64_t timeout_seconds) const {
  cri::StopContainerRequest request;
  request.set_container_id(id);
  request.set_timeout(timeout_seconds);
  return only_status(call<cri::StopContainerResponse>(table_->stop_container, request));
}

Status RuntimeClient::remove_container(const std::string& id) const {
  cri::RemoveContainerRequest request;
  request.set_container_id(id);
  return only_status(call<cri::RemoveContainerResponse>(table_->remove_container, request));
}

Expected<std::vector<cri::Container>> RuntimeClient::list_containers(const std::string& pod_uid) const {
  cri::ListContainersRequest request;
  if (!pod_uid.empty()) (*request.mutable_filter()->mutable_label_selector())[labels::kPodUid] = pod_uid;
  auto response = call<cri::ListContainersResponse>(table_->list_containers, request);
  if (!response) return std::move(response).error();
  return take_all(*response->mutable_containers());
}

Expected<cri::ContainerStatus> RuntimeClient::container_status(const std::string& id) const {
  cri::ContainerStatusRequest request;
  request.set_container_id(id);
  auto response = call<cri::ContainerStatusResponse>(table_->container_status, request);
  if (!response) return std::move(response).error();
  return std::move(*response->mutable_status());
}

Expected<cri::ExecSyncResponse> RuntimeClient::exec_sync(const std::string& id, const std::vector<std::string>& command,
                                                         int64_t timeout_seconds) const {
  cri::ExecSyncRequest request;
  request.set_container_id(id);
  for (const auto& word : command) request.add_cmd(word);
  request.set_timeout(timeout_seconds);
  return call<cri::ExecSyncResponse>(table_->exec_sync, request);
}

Expected<std::vector<cri::Image>> RuntimeClient::list_images() const {
  auto response = call<cri::ListImagesResponse>(table_->list_images, cri::ListImagesRequest());
  if (!response) return std::move(response).error();
  return take_all(*response->mutable_images());
}

Expected<cri::Image> RuntimeClient::image_status(const std::string& image) const {
  cri::ImageStatusRequest request;
  request.mutable_image()->set_image(image);
  auto response = call<cri::ImageStatusResponse>(table_->image_status, request);
  if (!response) return std::move(response).error();
  return std::move(*response->mutable_image());
}

Expected<std::string> RuntimeClient::pull_image(const std::string& image, const cri::PodSandboxConfig& sandbox) const {
  cri::PullImageRequest request;
  request.mutable_image()->set_image(image);
  request.mutable_image()->set_user_specified_image(image);
  *request.mutable_sandbox_config() = sandbox;
  auto response = call<cri::PullImageResponse>(table_->pull_image, request);
  if (!response) return std::move(response).error();
  return response->image_ref();
}

Status RuntimeClient::remove_image(const std::string& image) const {
  cri::RemoveImageRequest request;
  request.mutable_image()->set_image(image);
  return only_status(call<cri::RemoveImageResponse>(table_->remove_image, request));
}

Expected<std::vector<std::string>> RuntimeClient::import_image(int archive_fd) const {
  if (table_->import_image == nullptr) return Status(501, "NotImplemented", "the runtime imports no images");
  Buffer answer, error;
  const auto code = table_->import_image(instance_, archive_fd, {}, answer.out(), error.out());
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
  const std::string bytes = request.SerializeAsString();
  auto context = std::make_unique<Exited>(std::move(exited));
  const gantry_exec_exit told = [](void* raw, gantry_code code, int32_t exit_code, gantry_slice error) {
    const std::unique_ptr<Exited> done(static_cast<Exited*>(raw));
    (*done)(code == 0 ? Expected<int>(exit_code) : Expected<int>(status_of(code, to_view(error))));
  };
  Buffer error;
  uint64_t id = 0;
  // Released before the call: a short command may end, and be told of, before exec returns.
  Exited* const raw = context.release();
  const auto code = table_->exec(instance_, to_slice(bytes), in, out, err, told, raw, &id, error.out());
  if (code == 0) return id;
  delete raw;
  return status_of(code, error.view());
}

void RuntimeClient::exec_resize(uint64_t id, uint16_t columns, uint16_t rows) const {
  if (table_->exec_resize != nullptr) table_->exec_resize(instance_, id, columns, rows);
}

void RuntimeClient::exec_cancel(uint64_t id) const {
  if (table_->exec_cancel != nullptr) table_->exec_cancel(instance_, id);
}

void RuntimeClient::set_event_sink(gantry_runtime_event sink, void* context) const {
  if (table_->set_event_sink != nullptr) table_->set_event_sink(instance_, sink, context);
}

}  // namespace gantry::node
