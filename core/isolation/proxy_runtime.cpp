// gantry.runtime/1 towards the plugin's process: descriptors travel with the frame, ends of execs come back as posts.
#include <utility>

#include "core/isolation/proxy_tables.hpp"

namespace gantry::isolation {
namespace {

Session& session_of(void* instance) { return *static_cast<Remote*>(instance)->session; }

// Members of gantry_runtime before import_image, in their order.
enum Verb : uint8_t {
  kVersion,
  kStatus,
  kRunSandbox,
  kStopSandbox,
  kRemoveSandbox,
  kSandboxStatus,
  kListSandboxes,
  kCreateContainer,
  kStartContainer,
  kStopContainer,
  kRemoveContainer,
  kListContainers,
  kContainerStatus,
  kUpdateResources,
  kExecSync,
  kListImages,
  kImageStatus,
  kPullImage,
  kRemoveImage,
  kListStats,
  kVerbs,
  kSignalContainer = kVerbs,  // which stands at the table's end
};

constexpr bool takes_time(uint8_t verb) {
  return verb == kStopSandbox || verb == kStopContainer || verb == kExecSync || verb == kPullImage;
}

template <uint8_t verb>
gantry_code runtime_verb(void* instance, gantry_slice request, gantry_buffer* response, gantry_buffer* error) {
  auto& session = session_of(instance);
  const auto payload = PayloadWriter().number(verb).bytes(request).take();
  return give(takes_time(verb) ? session.long_call(Op::kRuntimeVerb, payload) : session.call(Op::kRuntimeVerb, payload),
              response, error);
}

gantry_code import_image(void* instance, int32_t archive, gantry_slice request, gantry_buffer* response,
                         gantry_buffer* error) {
  return give(session_of(instance).long_call(Op::kImportImage, to_view(request), std::span<const int>(&archive, 1)),
              response, error);
}

gantry_code exec(void* instance, gantry_slice request, int32_t in, int32_t out, int32_t err, gantry_exec_exit exited,
                 void* context, uint64_t* exec_id, gantry_buffer* error) {
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

void exec_resize(void* instance, uint64_t exec_id, uint16_t columns, uint16_t rows) {
  session_of(instance).call(Op::kExecResize, PayloadWriter().number(exec_id).number(columns).number(rows).view());
}

void exec_cancel(void* instance, uint64_t exec_id) {
  session_of(instance).call(Op::kExecCancel, PayloadWriter().number(exec_id).view());
}

void set_event_sink(void* instance, gantry_runtime_event sink, void* context) {
  auto& session = session_of(instance);
  session.bridge().set_sink(sink, context);
  const uint8_t on = sink != nullptr ? 1 : 0;
  session.call(Op::kSetSink, PayloadWriter().number(on).view(), Session::Where::kMain);
}

template <uint8_t... verb>
gantry_runtime table_of(std::integer_sequence<uint8_t, verb...>) {
  return {sizeof(gantry_runtime), &runtime_verb<verb>..., &import_image,   &exec,
          &exec_resize,           &exec_cancel,           &set_event_sink, &runtime_verb<kSignalContainer>};
}

}  // namespace

gantry_runtime runtime_proxy() { return table_of(std::make_integer_sequence<uint8_t, kVerbs>()); }

}  // namespace gantry::isolation
