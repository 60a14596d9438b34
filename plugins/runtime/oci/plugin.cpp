// The ABI face of oci: gantry.runtime/1.
#include "gantry/plugin.hpp"

#include "gantry/abi/runtime.h"
#include "runtime.hpp"

namespace gantry::oci {
namespace {

Runtime& self(void* instance) { return *static_cast<Runtime*>(instance); }

template <typename Request>
bool decode(gantry_slice bytes, Request& into) {
  return into.ParseFromArray(bytes.data, static_cast<int>(bytes.size));
}

gantry_code undecodable(gantry_buffer* error) {
  return fail(Status::bad_request("the request could not be decoded"), error);
}

// Decodes the request, calls, encodes what comes back.
template <typename Request, typename Response, Expected<Response> (Runtime::*Call)(const Request&)>
gantry_code verb(void* instance, gantry_slice request, gantry_buffer* response, gantry_buffer* error) {
  return sdk::guard(error, [&]() -> gantry_code {
    Request message;
    if (!decode(request, message)) return undecodable(error);
    auto& runtime = self(instance);
    // The status itself says what is not ready.
    if constexpr (!std::is_same_v<Request, cri::StatusRequest>) {
      if (auto status = runtime.ready(); !status.ok()) return fail(status, error);
    }
    const auto result = (runtime.*Call)(message);
    if (!result) return fail(result.error(), error);
    fill_buffer(response, result->SerializeAsString());
    return 0;
  });
}

gantry_code import_image(void* instance, int32_t archive, gantry_slice request, gantry_buffer* response,
                         gantry_buffer* error) {
  return sdk::guard(error, [&]() -> gantry_code {
    cri::ImportImageRequest message;
    if (!decode(request, message)) return undecodable(error);
    if (auto status = self(instance).ready(); !status.ok()) return fail(status, error);
    const auto result = self(instance).import_image(archive, message);
    if (!result) return fail(result.error(), error);
    fill_buffer(response, result->SerializeAsString());
    return 0;
  });
}

gantry_code exec(void* instance, gantry_slice request, int32_t in, int32_t out, int32_t err, gantry_exec_exit exited,
                 void* context, uint64_t* exec_id, gantry_buffer* error) {
  Fd streams[] = {Fd(in), Fd(out), Fd(err)};
  return sdk::guard(error, [&]() -> gantry_code {
    cri::ExecRequest message;
    if (!decode(request, message)) return undecodable(error);
    if (auto status = self(instance).ready(); !status.ok()) return fail(status, error);
    const auto id = self(instance).exec(message, std::move(streams[0]), std::move(streams[1]), std::move(streams[2]),
                                        exited, context);
    if (!id) return fail(id.error(), error);
    *exec_id = *id;
    return 0;
  });
}

void exec_resize(void* instance, uint64_t id, uint16_t columns, uint16_t rows) {
  self(instance).exec_resize(id, columns, rows);
}
void exec_cancel(void* instance, uint64_t id) { self(instance).exec_cancel(id); }
void set_event_sink(void* instance, gantry_runtime_event sink, void* context) {
  self(instance).set_event_sink(sink, context);
}

#define VERB(NAME, CALL) &verb<cri::NAME##Request, cri::NAME##Response, &Runtime::CALL>
constexpr gantry_runtime kTable = {
    sizeof(gantry_runtime),
    VERB(Version, version),
    VERB(Status, status),
    VERB(RunPodSandbox, run_pod_sandbox),
    VERB(StopPodSandbox, stop_pod_sandbox),
    VERB(RemovePodSandbox, remove_pod_sandbox),
    VERB(PodSandboxStatus, pod_sandbox_status),
    VERB(ListPodSandbox, list_pod_sandbox),
    VERB(CreateContainer, create_container),
    VERB(StartContainer, start_container),
    VERB(StopContainer, stop_container),
    VERB(RemoveContainer, remove_container),
    VERB(ListContainers, list_containers),
    VERB(ContainerStatus, container_status),
    VERB(UpdateContainerResources, update_container_resources),
    VERB(ExecSync, exec_sync),
    VERB(ListImages, list_images),
    VERB(ImageStatus, image_status),
    VERB(PullImage, pull_image),
    VERB(RemoveImage, remove_image),
    VERB(ListContainerStats, list_container_stats),
    &import_image,
    &exec,
    &exec_resize,
    &exec_cancel,
    &set_event_sink,
};
#undef VERB

}  // namespace

const void* Runtime::get_interface(std::string_view id) { return id == GANTRY_RUNTIME_ID ? &kTable : nullptr; }

}  // namespace gantry::oci

GANTRY_PLUGIN(gantry::oci::Runtime, "oci", "1.0.0", "Gantry", "Containers with conmon and an OCI runtime",
              GANTRY_RUNTIME_ID);
