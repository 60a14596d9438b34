#include "core/isolation/proxy_tables.hpp"

#include "gantry/abi/log.h"
#include "gantry/status_proto.hpp"

namespace gantry::isolation {
namespace {

Session& session_of(void* instance) { return *static_cast<Remote*>(instance)->session; }

gantry_code describe(void* instance, gantry_buffer* spec, gantry_buffer* error) {
  return give(session_of(instance).call(Op::kDescribe, {}, Session::Where::kMain), spec, error);
}

void map(void* instance, gantry_slice event, gantry_emit_key emit, void* context) {
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

gantry_code reconcile(void* instance, gantry_slice ns, gantry_slice name, gantry_buffer* result, gantry_buffer* error) {
  return give(session_of(instance).call(Op::kReconcile, PayloadWriter().bytes(ns).bytes(name).view()), result, error);
}

template <uint8_t index>
gantry_code network_verb(void* instance, gantry_slice request, gantry_buffer* response, gantry_buffer* error) {
  return give(session_of(instance).call(Op::kNetworkVerb, PayloadWriter().number(index).bytes(request).view()),
              response, error);
}

gantry_code save(void* instance, gantry_buffer* state, gantry_buffer* error) {
  return give(session_of(instance).call(Op::kSave, {}, Session::Where::kMain), state, error);
}

gantry_code restore(void* instance, gantry_slice state, gantry_buffer* error) {
  return give(session_of(instance).call(Op::kRestore, to_view(state), Session::Where::kMain), nullptr, error);
}

// Empty when the process is gone: no set is.
gantry_slice descriptor_set(void* instance) {
  auto& remote = *static_cast<Remote*>(instance);
  auto reply = remote.session->call(Op::kKindsSet, {}, Session::Where::kMain);
  if (reply.code == 0) remote.kinds_set = std::move(reply.response);
  return to_slice(remote.kinds_set);
}

constexpr gantry_controller kControllerProxy = {sizeof(gantry_controller), &describe, &map, &reconcile};
constexpr gantry_network kNetworkProxy = {sizeof(gantry_network), &network_verb<0>, &network_verb<1>, &network_verb<2>,
                                          &network_verb<3>,       &network_verb<4>, &network_verb<5>};
constexpr gantry_reload kReloadProxy = {sizeof(gantry_reload), &save, &restore};
constexpr gantry_kinds kKindsProxy = {sizeof(gantry_kinds), &descriptor_set};

}  // namespace

gantry_code give(Reply reply, gantry_buffer* response, gantry_buffer* error) {
  if (reply.code == 0) fill_buffer(response, std::move(reply.response));
  fill_buffer(error, std::move(reply.error));
  return reply.code;
}

const void* Remote::table(std::string_view id) const {
  const std::array<const void*, kInterfaces> tables = {&controller, &network, &runtime, &reload, &kinds};
  for (size_t i = 0; i < kInterfaces; ++i) {
    if (id == kInterfaceIds[i]) return present[i] ? tables[i] : nullptr;
  }
  return nullptr;
}

void fill_tables(Remote& remote, const std::array<uint64_t, kInterfaces>& masks) {
  remote.controller = kControllerProxy;
  remote.network = kNetworkProxy;
  remote.runtime = runtime_proxy();
  remote.reload = kReloadProxy;
  remote.kinds = kKindsProxy;
  keep_functions(&remote.controller, sizeof remote.controller, masks[kController]);
  keep_functions(&remote.network, sizeof remote.network, masks[kNetwork]);
  keep_functions(&remote.runtime, sizeof remote.runtime, masks[kRuntime]);
  keep_functions(&remote.reload, sizeof remote.reload, masks[kReload]);
  keep_functions(&remote.kinds, sizeof remote.kinds, masks[kKinds]);
}

}  // namespace gantry::isolation
