// The ABI face of oci: gantry.runtime/1.
#include "gantry/verbs.hpp"
#include "runtime.hpp"

namespace gantry::oci {
namespace {

Runtime& self(void* instance) { return *static_cast<Runtime*>(instance); }

Expected<Runtime*> ready_self(void* instance) {
  if (auto status = self(instance).ready(); !status.ok()) return status;
  return &self(instance);
}

template <typename Request>
bool decode(gantry_slice bytes, Request& into) {
  return into.ParseFromArray(bytes.data, static_cast<int>(bytes.size));
}

gantry_code undecodable(gantry_buffer* error) {
  return fail(Status::bad_request("the request could not be decoded"), error);
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

constexpr gantry_runtime make_table() {
  auto table = sdk::runtime_verbs<Runtime, &ready_self>();
  // The status itself says what is not ready.
  table.status = &sdk::verb<&Runtime::status, &self>;
  table.import_image = &import_image;
  table.exec = &exec;
  table.exec_resize = &exec_resize;
  table.exec_cancel = &exec_cancel;
  table.set_event_sink = &set_event_sink;
  return table;
}
constexpr gantry_runtime kTable = make_table();

}  // namespace

const void* Runtime::get_interface(std::string_view id) { return id == GANTRY_RUNTIME_ID ? &kTable : nullptr; }

}  // namespace gantry::oci

GANTRY_PLUGIN(gantry::oci::Runtime, "oci", "1.0.0", "Gantry", "Containers with conmon and an OCI runtime",
              GANTRY_RUNTIME_ID);
