#include "core/plugin/plugin_verbs.hpp"

#include <cstring>

#include "core/plugin/metrics_registry.hpp"
#include "core/plugin/plugin_host.hpp"
#include "gantry/abi/metrics.h"
#include "gantry/bytes.hpp"
#include "gantry/status_proto.hpp"

namespace gantry::plugin {
namespace {

int64_t deadline_ms(const Instance& instance, const Member& member) {
  return member.shape == Shape::kVerb ? instance.watch().deadline_ms : 0;
}

// Null: the plugin's table ends before it, or has nothing there.
Verb verb_at(const void* table, size_t offset) {
  size_t size = 0;
  std::memcpy(&size, table, sizeof size);
  Verb verb = nullptr;
  if (offset + sizeof verb <= size) std::memcpy(&verb, static_cast<const char*>(table) + offset, sizeof verb);
  return verb;
}

// What a call on the main thread uses, should it outlive who asked.
struct MainCall {
  std::string request;
  Buffer response, error;
  gantry_code code = 0;
};

Expected<std::string> answer_of(gantry_code code, const Buffer& response, const Buffer& error) {
  if (code != 0) return status_of(code, error.view());
  return std::string(response.view());
}

}  // namespace

VerbScope::VerbScope(Instance& instance, const Member& member, std::string_view ns, std::string_view name)
    : instance_(instance),
      member_(member),
      begun_ns_(instance.plugin().host().options().clock->monotonic_ns()),
      watch_(instance.plugin().host().watchdog(), instance, deadline_ms(instance, member), ns, name, nullptr,
             member.name),
      mark_(instance.mapped(), member.name, ns, name) {}

VerbScope::~VerbScope() {
  auto& plugin = instance_.plugin();
  auto& metrics = plugin.host().metrics();
  const auto handles = plugin.call_metrics(member_);
  const auto took = plugin.host().options().clock->monotonic_ns() - begun_ns_;
  metrics.record(handles.duration, static_cast<double>(took) / 1e9);
  if (failed_) metrics.record(handles.errors, 1);
}

Expected<std::string> call_verb(Plugin& plugin, std::string_view id, size_t offset, std::string_view request) {
  const auto* known = find_interface(id);
  const auto* member = known == nullptr ? nullptr : known->at(offset);
  if (member == nullptr)
    return Status::internal("no verb of " + std::string(id) + " lies at " + std::to_string(offset));
  const auto call = plugin.enter(member->shape == Shape::kLongVerb ? CallKind::kLong : CallKind::kShort);
  const void* table = call ? call.pinned().find_interface(id) : nullptr;
  if (table == nullptr) {
    return Status::unavailable("the plugin \"" + plugin.name() + "\" is not running; see: gantryctl plugin list");
  }
  const auto verb = verb_at(table, offset);
  if (verb == nullptr) {
    return Status(501, "NotImplemented", "the plugin \"" + plugin.name() + "\" does not implement " + member->name);
  }
  VerbScope scope(call.pinned(), *member);
  if (member->threads == Threads::kMain) {
    const auto state = std::make_shared<MainCall>();
    state->request = request;
    auto done = call.pinned().call_main(member->name, [state, verb, self = call.instance()] {
      state->code = verb(self, to_slice(state->request), state->response.out(), state->error.out());
    });
    scope.end(done.ok() ? state->code : done.code());
    if (!done.ok()) return done;
    return answer_of(state->code, state->response, state->error);
  }
  Buffer response, error;
  const auto code = verb(call.instance(), to_slice(request), response.out(), error.out());
  scope.end(code);
  return answer_of(code, response, error);
}

}  // namespace gantry::plugin
