// The ABI face of sim: one instance that is a controller, a container runtime and a pod network.
#include "gantry/plugin.hpp"

#include <unistd.h>

#include "controller.hpp"
#include "gantry/abi/network.h"
#include "imaginary_network.hpp"
#include "runtime.hpp"

namespace gantry::sim {
namespace {

class Plugin {
 public:
  using Controller = sdk::ControllerPlugin<HollowNodes>;

  static Expected<std::unique_ptr<Plugin>> create(sdk::Host host) {
    auto controller = Controller::create(host);
    if (!controller) return std::move(controller).error();
    return std::make_unique<Plugin>(host, std::move(*controller));
  }
  Plugin(sdk::Host host, std::unique_ptr<Controller> controller) : runtime(host), controller_(std::move(controller)) {}
  const void* get_interface(std::string_view id);

  // The controller's own table, with its own instance.
  Controller* controller() { return controller_.get(); }
  const gantry_controller& table() {
    return *static_cast<const gantry_controller*>(controller_->get_interface(GANTRY_CONTROLLER_ID));
  }

  Runtime runtime;
  ImaginaryNetwork network;

 private:
  std::unique_ptr<Controller> controller_;
};

Plugin& self(void* instance) { return *static_cast<Plugin*>(instance); }

gantry_code describe(void* instance, gantry_buffer* spec, gantry_buffer* error) {
  return self(instance).table().describe(self(instance).controller(), spec, error);
}
void map(void* instance, gantry_slice event, gantry_emit_key emit, void* context) {
  self(instance).table().map(self(instance).controller(), event, emit, context);
}
gantry_code reconcile(void* instance, gantry_slice ns, gantry_slice name, gantry_buffer* result, gantry_buffer* error) {
  return self(instance).table().reconcile(self(instance).controller(), ns, name, result, error);
}
constexpr gantry_controller kController = {sizeof(gantry_controller), &describe, &map, &reconcile};

// Decodes the request, hands it to `call`, encodes what comes back.
template <typename Request, typename Call>
gantry_code serve(gantry_slice request, gantry_buffer* response, gantry_buffer* error, Call&& call) {
  return sdk::guard(error, [&]() -> gantry_code {
    Request message;
    if (!message.ParseFromArray(request.data, static_cast<int>(request.size))) {
      return fail(Status::bad_request("the request could not be decoded"), error);
    }
    auto result = call(message);
    if (!result) return fail(result.error(), error);
    fill_buffer(response, result->SerializeAsString());
    return 0;
  });
}

template <typename Request, typename Response, Expected<Response> (Runtime::*Call)(const Request&)>
gantry_code verb(void* instance, gantry_slice request, gantry_buffer* response, gantry_buffer* error) {
  return serve<Request>(request, response, error,
                        [&](const Request& message) { return (self(instance).runtime.*Call)(message); });
}

gantry_code import_image(void*, int32_t, gantry_slice, gantry_buffer*, gantry_buffer* error) {
  return fail(Status::bad_request("every image exists here; there is nothing to import"), error);
}

gantry_code exec(void* instance, gantry_slice request, int32_t in, int32_t out, int32_t err, gantry_exec_exit exited,
                 void* context, uint64_t* exec_id, gantry_buffer* error) {
  const auto code = sdk::guard(error, [&]() -> gantry_code {
    cri::ExecRequest message;
    if (!message.ParseFromArray(request.data, static_cast<int>(request.size))) {
      return fail(Status::bad_request("the request could not be decoded"), error);
    }
    const auto ended = self(instance).runtime.exec(message, out);
    return ended ? 0 : fail(ended.error(), error);
  });
  for (const int fd : {in, out, err}) {
    if (fd >= 0) ::close(fd);
  }
  if (code != 0) return code;
  *exec_id = 1;
  exited(context, 0, 0, {});
  return 0;
}
// An exec is over when it has begun.
void exec_resize(void*, uint64_t, uint16_t, uint16_t) {}
void exec_cancel(void*, uint64_t) {}
void set_event_sink(void* instance, gantry_runtime_event sink, void* context) {
  self(instance).runtime.set_event_sink(sink, context);
}

#define VERB(NAME, CALL) &verb<cri::NAME##Request, cri::NAME##Response, &Runtime::CALL>
constexpr gantry_runtime kRuntime = {
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

gantry_code set_node(void* instance, gantry_slice request, gantry_buffer* response, gantry_buffer* error) {
  return serve<abi::NetworkNode>(request, response, error,
                                 [&](const abi::NetworkNode& node) -> Expected<abi::NetworkResult> {
                                   if (auto status = self(instance).network.set_node(node); !status.ok()) return status;
                                   return abi::NetworkResult();
                                 });
}
gantry_code set_nodes(void*, gantry_slice, gantry_buffer*, gantry_buffer*) { return 0; }
gantry_code add(void* instance, gantry_slice request, gantry_buffer* response, gantry_buffer* error) {
  return serve<abi::NetworkAttachment>(
      request, response, error, [&](const abi::NetworkAttachment& one) { return self(instance).network.add(one); });
}
gantry_code del(void* instance, gantry_slice request, gantry_buffer* response, gantry_buffer* error) {
  return serve<abi::NetworkAttachment>(request, response, error,
                                       [&](const abi::NetworkAttachment& one) -> Expected<abi::NetworkResult> {
                                         self(instance).network.del(one);
                                         return abi::NetworkResult();
                                       });
}
gantry_code check(void*, gantry_slice, gantry_buffer*, gantry_buffer*) { return 0; }
gantry_code gc(void* instance, gantry_slice request, gantry_buffer* response, gantry_buffer* error) {
  return serve<abi::NetworkLive>(request, response, error,
                                 [&](const abi::NetworkLive& live) -> Expected<abi::NetworkResult> {
                                   self(instance).network.gc(live);
                                   return abi::NetworkResult();
                                 });
}
constexpr gantry_network kNetwork = {sizeof(gantry_network), &set_node, &set_nodes, &add, &del, &check, &gc};

const void* Plugin::get_interface(std::string_view id) {
  if (id == GANTRY_CONTROLLER_ID) return &kController;
  if (id == GANTRY_RUNTIME_ID) return &kRuntime;
  return id == GANTRY_NETWORK_ID ? &kNetwork : nullptr;
}

}  // namespace
}  // namespace gantry::sim

GANTRY_PLUGIN(gantry::sim::Plugin, "sim", "1.0.0", "Gantry", "Nodes and pods without containers", GANTRY_CONTROLLER_ID,
              GANTRY_RUNTIME_ID, GANTRY_NETWORK_ID);
