// Calls of the daemon that cross by code of their own.
#include <memory>

#include "core/isolation/child/server.hpp"
#include "gantry/abi/controller.h"
#include "gantry/abi/runtime.h"
#include "gantry/bytes.hpp"

namespace gantry::isolation {
namespace {

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

Reply Server::call_by_hand(Frame& frame, Channel& lane) {
  switch (frame.op) {
    case Op::kMap:
      return map(to_slice(frame.payload));
    case Op::kImportImage:
      return import_image(to_slice(frame.payload), lane);
    case Op::kExec:
      return exec(PayloadReader(frame.payload), lane);
    case Op::kSetSink:
      return set_sink(PayloadReader(frame.payload));
    default:
      leave("the daemon called something unknown");
  }
}

Reply Server::map(gantry_slice event) const {
  PayloadWriter keys;
  const auto emit = [](void* context, gantry_slice ns, gantry_slice name) {
    static_cast<PayloadWriter*>(context)->bytes(ns).bytes(name);
  };
  table<gantry_controller>(GANTRY_CONTROLLER_ID).map(instance_, event, emit, &keys);
  return {0, keys.take(), {}};
}

Reply Server::import_image(gantry_slice request, Channel& lane) const {
  const Fd archive = lane.take_descriptor();
  Buffer response, error;
  const auto code = table<gantry_runtime>(GANTRY_RUNTIME_ID)
                        .import_image(instance_, archive.get(), request, response.out(), error.out());
  return {code, std::string(response.view()), std::string(error.view())};
}

Reply Server::set_sink(PayloadReader in) const {
  const bool on = in.number<uint8_t>() != 0;
  table<gantry_runtime>(GANTRY_RUNTIME_ID).set_event_sink(instance_, on ? &tell_event : nullptr, on ? &link_ : nullptr);
  return {};
}

Reply Server::exec(PayloadReader in, Channel& lane) const {
  const auto& runtime = table<gantry_runtime>(GANTRY_RUNTIME_ID);
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
