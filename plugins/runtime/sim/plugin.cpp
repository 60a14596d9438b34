// The ABI face of sim: one instance that is a controller, a container runtime and a pod network.
#include <unistd.h>

#include "controller.hpp"
#include "gantry/verbs.hpp"
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
Runtime& runtime_of(void* instance) { return self(instance).runtime; }
ImaginaryNetwork& network_of(void* instance) { return self(instance).network; }

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

constexpr gantry_runtime make_runtime() {
  auto table = sdk::runtime_verbs<Runtime, &runtime_of>();
  table.import_image = &import_image;
  table.exec = &exec;
  table.exec_resize = &exec_resize;
  table.exec_cancel = &exec_cancel;
  table.set_event_sink = &set_event_sink;
  return table;
}
constexpr gantry_runtime kRuntime = make_runtime();
constexpr gantry_network kNetwork = sdk::network_verbs<ImaginaryNetwork, &network_of>();

const void* Plugin::get_interface(std::string_view id) {
  if (id == GANTRY_CONTROLLER_ID) return &kController;
  if (id == GANTRY_RUNTIME_ID) return &kRuntime;
  return id == GANTRY_NETWORK_ID ? &kNetwork : nullptr;
}

}  // namespace
}  // namespace gantry::sim

GANTRY_PLUGIN(gantry::sim::Plugin, "sim", "1.0.0", "Gantry", "Nodes and pods without containers", GANTRY_CONTROLLER_ID,
              GANTRY_RUNTIME_ID, GANTRY_NETWORK_ID);
