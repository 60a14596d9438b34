// Maps give their keys with the answer, descriptors travel with the frame, ends of execs and events come back as posts.
#include "core/isolation/proxies_by_hand.hpp"

#include <span>

#include "core/isolation/proxy_tables.hpp"
#include "gantry/abi/log.h"
#include "gantry/status_proto.hpp"

namespace gantry::isolation::by_hand {

void gantry_controller_map(void* instance, gantry_slice event, gantry_emit_key emit, void* context) {
  auto& session = session_of(instance);
  const auto reply = session.call(Op::kMap, to_view(event));
  // There is no way to fail: what ended the process, on_exit says.
  if (reply.code == 413) session.bridge().log(GANTRY_LOG_WARN, status_of(reply.code, reply.error).message());
  if (reply.code != 0) return;
  PayloadReader keys(reply.response);
  while (!keys.empty()) {
    const auto ns = keys.bytes(), name = keys.bytes();
    if (keys.empty() && !keys.done()) return session.complain("the keys of map can not be read");
    emit(context, to_slice(ns), to_slice(name));
  }
}

gantry_code gantry_runtime_import_image(void* instance, int32_t archive, gantry_slice request, gantry_buffer* response,
                                        gantry_buffer* error) {
  return give(session_of(instance).long_call(Op::kImportImage, to_view(request), std::span<const int>(&archive, 1)),
              response, error);
}

gantry_code gantry_runtime_exec(void* instance, gantry_slice request, int32_t in, int32_t out, int32_t err,
                                gantry_exec_exit exited, void* context, uint64_t* exec_id, gantry_buffer* error) {
  auto& session = session_of(instance);
  // The runtime owns the descriptors from the call on, so ours end here.
  const Fd owned[3] = {Fd(in), Fd(out), Fd(err)};
  int descriptors[3];
  size_t count = 0;
  uint8_t wanted = 0;
  for (uint8_t i = 0; i < 3; ++i) {
    if (!owned[i]) continue;
    wanted = static_cast<uint8_t>(wanted | 1u << i);
    descriptors[count++] = owned[i].get();
  }
  const uint64_t token = session.bridge().add_exec(exited, context);
  auto reply = session.call(Op::kExec, PayloadWriter().number(token).number(wanted).bytes(request).view(),
                            Session::Where::kAnyLane, std::span<const int>(descriptors, count));
  if (reply.code != 0) {
    // When the end was told already, the exec did start.
    if (session.bridge().drop_exec(token)) return give(std::move(reply), nullptr, error);
    *exec_id = 0;
    return 0;
  }
  PayloadReader id(reply.response);
  *exec_id = id.number<uint64_t>();
  if (!id.done()) session.complain("the id of an exec can not be read");
  return 0;
}

void gantry_runtime_set_event_sink(void* instance, gantry_runtime_event sink, void* context) {
  auto& session = session_of(instance);
  session.bridge().set_sink(sink, context);
  const uint8_t on = sink != nullptr ? 1 : 0;
  session.call(Op::kSetSink, PayloadWriter().number(on).view(), Session::Where::kMain);
}

}  // namespace gantry::isolation::by_hand
