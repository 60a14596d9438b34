// gantry.runtime/1 in the plugin's process.
#include <memory>

#include "core/isolation/child/server.hpp"

namespace gantry::isolation {
namespace {

Reply reply_of(gantry_code code, const Buffer& response, const Buffer& error) {
  return {code, std::string(response.view()), std::string(error.view())};
}

void tell_event(void* context, gantry_slice sandbox, gantry_slice container) {
  static_cast<Link*>(context)->post(Op::kRuntimeEvent, 0, PayloadWriter().bytes(sandbox).bytes(container).view());
}

// One running exec, until its end is told.
struct Exec {
  Link* link;
  uint64_t token;

  static void exited(void* context, gantry_code code, int32_t exit_code, gantry_slice error) {
    const std::unique_ptr<Exec> exec(static_cast<Exec*>(context));
    constexpr size_t kMaxError = 64 * 1024;
    if (error.size > kMaxError) error = {};  // the end itself must arrive
    exec->link->post(Op::kExecExited, exec->token, PayloadWriter().number(code).number(exit_code).bytes(error).view());
  }
};

}  // namespace

Reply Server::call_runtime(Frame& frame, Channel& lane) {
  const auto& runtime = table<gantry_runtime>(kRuntime);
  PayloadReader in(frame.payload);
  switch (frame.op) {
    case Op::kRuntimeVerb:
      return runtime_verb(in);
    case Op::kImportImage: {
      const Fd archive = lane.take_descriptor();
      Buffer response, error;
      return reply_of(
          runtime.import_image(instance_, archive.get(), to_slice(frame.payload), response.out(), error.out()),
          response, error);
    }
    case Op::kExec:
      return exec(in, lane);
    case Op::kExecResize: {
      const auto id = in.number<uint64_t>();
      const auto columns = in.number<uint16_t>(), rows = in.number<uint16_t>();
      runtime.exec_resize(instance_, id, columns, rows);
      return {};
    }
    case Op::kExecCancel:
      runtime.exec_cancel(instance_, in.number<uint64_t>());
      return {};
    case Op::kSetSink: {
      const bool on = in.number<uint8_t>() != 0;
      runtime.set_event_sink(instance_, on ? &tell_event : nullptr, on ? &link_ : nullptr);
      return {};
    }
    default:
      leave("the daemon called something unknown");
  }
}

Reply Server::runtime_verb(PayloadReader in) {
  const auto& runtime = table<gantry_runtime>(kRuntime);
  const gantry_runtime_verb verbs[] = {runtime.version,
                                       runtime.status,
                                       runtime.run_pod_sandbox,
                                       runtime.stop_pod_sandbox,
                                       runtime.remove_pod_sandbox,
                                       runtime.pod_sandbox_status,
                                       runtime.list_pod_sandbox,
                                       runtime.create_container,
                                       runtime.start_container,
                                       runtime.stop_container,
                                       runtime.remove_container,
                                       runtime.list_containers,
                                       runtime.container_status,
                                       runtime.update_container_resources,
                                       runtime.exec_sync,
                                       runtime.list_images,
                                       runtime.image_status,
                                       runtime.pull_image,
                                       runtime.remove_image,
                                       runtime.list_container_stats};
  const auto index = in.number<uint8_t>();
  const auto request = to_slice(in.bytes());
  // Behind the verbs; the table of an older plugin ends before it, and the daemon knows.
  const auto verb = index < std::size(verbs)    ? verbs[index]
                    : index == std::size(verbs) ? runtime.signal_container
                                                : nullptr;
  if (verb == nullptr) leave("the daemon called something unknown");
  Buffer response, error;
  return reply_of(verb(instance_, request, response.out(), error.out()), response, error);
}

Reply Server::exec(PayloadReader in, Channel& lane) {
  const auto& runtime = table<gantry_runtime>(kRuntime);
  auto context = std::make_unique<Exec>(Exec{&link_, in.number<uint64_t>()});
  const auto wanted = in.number<uint8_t>();
  const auto request = to_slice(in.bytes());
  int32_t descriptors[3] = {-1, -1, -1};
  for (int i = 0; i < 3; ++i) {
    if ((wanted >> i & 1) != 0) descriptors[i] = lane.take_descriptor().release();
  }
  uint64_t id = 0;
  Buffer error;
  // The runtime may tell the end before it returns, and the context is gone then: it is given away first.
  Exec* given = context.release();
  const auto code = runtime.exec(instance_, request, descriptors[0], descriptors[1], descriptors[2], &Exec::exited,
                                 given, &id, error.out());
  if (code != 0) context.reset(given);
  return {code, code == 0 ? PayloadWriter().number(id).take() : std::string(), std::string(error.view())};
}

}  // namespace gantry::isolation
