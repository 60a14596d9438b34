#include "core/plugin/plugin_verbs.hpp"

#include <cstring>

#include "core/plugin/long_calls.hpp"
#include "core/plugin/metrics_registry.hpp"
#include "core/plugin/operations.hpp"
#include "core/plugin/plugin_host.hpp"
#include "gantry/abi/metrics.h"
#include "gantry/status_proto.hpp"

namespace gantry::plugin {
namespace {

// Long verbs have none; what belongs to [main] has the main thread's.
int64_t deadline_ms(const Instance& instance, const Member& member) {
  return member.shape == Shape::kVerb && member.threads != Threads::kMain ? instance.watch().deadline_ms : 0;
}

// Null: the plugin's table ends before it, or has nothing there.
Pinned::Function function_at(const void* table, size_t offset) {
  size_t size = 0;
  std::memcpy(&size, table, sizeof size);
  Pinned::Function function = nullptr;
  if (offset + sizeof function <= size) {
    std::memcpy(&function, static_cast<const char*>(table) + offset, sizeof function);
  }
  return function;
}

// What a call on the main thread uses, should it outlive who asked.
struct MainCall {
  Pinned::Invoke invoke;
  Buffer response, error;
  gantry_code code = 0;
};

gantry_code invoke_verb(Pinned::Function verb, void* self, std::string_view request, gantry_buffer* response,
                        gantry_buffer* error) {
  return reinterpret_cast<Verb>(verb)(self, to_slice(request), response, error);
}

}  // namespace

VerbScope::VerbScope(Instance& instance, const Member& member, About about)
    : watch_(instance.plugin().host().watchdog(), instance, deadline_ms(instance, member), about.ns, about.name,
             std::move(about.noted), member.name),
      mark_(instance.mapped(), member.name, about.ns, about.name) {}

CallMeasure::CallMeasure(const Pinned& pinned, const Member& member) : pinned_(pinned), member_(member) {
  if (pinned.instance_ != nullptr) begun_ns_ = pinned.instance_->plugin().host().options().clock->monotonic_ns();
  if (pinned.operations_ != nullptr) begun_ = pinned.operations_->begin();
}

void CallMeasure::end(bool failed) const {
  if (pinned_.operations_ != nullptr) pinned_.operations_->end(member_.name, begun_, !failed);
  if (pinned_.instance_ == nullptr) return;
  auto& plugin = pinned_.instance_->plugin();
  const auto handles = plugin.call_metrics(member_);
  const auto took = plugin.host().options().clock->monotonic_ns() - begun_ns_;
  plugin.host().metrics().record(handles.duration, static_cast<double>(took) / 1e9);
  if (failed) plugin.host().metrics().record(handles.errors, 1);
}

Pinned::Call::Call(const Pinned& pinned, const Member& member, About about) : measure_(pinned, member) {
  if (pinned.instance_ != nullptr) scope_.emplace(*pinned.instance_, member, std::move(about));
}

Expected<std::string> Pinned::Call::end(gantry_code code) {
  scope_.reset();
  measure_.end(code != 0);
  if (code != 0) return status_of(code, error.view());
  return std::string(response.view());
}

Expected<Pinned::Found> Pinned::find(size_t offset) const {
  if (table_ == nullptr) return Status::unavailable("the plugin is not running");
  const auto* member = known_ == nullptr ? nullptr : known_->at(offset);
  if (member == nullptr) return Status::internal("no function of this interface lies at " + std::to_string(offset));
  const Found found{member, function_at(table_, offset)};
  if (found.function != nullptr) return found;
  return Status(501, "NotImplemented",
                "the plugin \"" + (instance_ == nullptr ? "of a test" : instance_->plugin().name()) +
                    "\" does not implement " + member->name);
}

Expected<std::string> Pinned::ask(const Found& verb, std::string_view request) const {
  if (verb.member->threads == Threads::kMain) {
    return ask_main(verb, [request = std::string(request)](Function function, void* self, gantry_buffer* response,
                                                           gantry_buffer* error) {
      return invoke_verb(function, self, request, response, error);
    });
  }
  Call call(*this, *verb.member);
  return call.end(invoke_verb(verb.function, self_, request, call.response.out(), call.error.out()));
}

Expected<std::string> Pinned::ask_main(const Found& found, Invoke invoke) const {
  const auto state = std::make_shared<MainCall>();
  state->invoke = std::move(invoke);
  Call call(*this, *found.member);
  const auto work = [state, function = found.function, self = self_] {
    state->code = state->invoke(function, self, state->response.out(), state->error.out());
  };
  Status done;
  if (instance_ != nullptr) {
    done = instance_->call_main(found.member->name, work);
  } else {
    work();
  }
  const auto ended = call.end(done.ok() ? state->code : done.code());
  if (!done.ok()) return done;
  if (state->code != 0) return status_of(state->code, state->error.view());
  return std::string(state->response.view());
}

Callee::Callee(std::shared_ptr<Plugin> plugin, const char* id, std::shared_ptr<Operations> operations)
    : plugin_(std::move(plugin)), id_(id), known_(find_interface(id)), operations_(std::move(operations)) {}

Pinned Callee::pin_table(CallKind kind) const {
  Pinned pinned;
  pinned.known_ = known_;
  pinned.operations_ = operations_;
  pinned.table_ = table_;
  pinned.self_ = self_;
  if (plugin_ == nullptr) return pinned;
  auto call = plugin_->enter(kind);
  if (!call) return pinned;
  pinned = pin_table(call.pinned());
  pinned.call_ = std::move(call);
  return pinned;
}

Pinned Callee::pin_table(Instance& instance) const {
  Pinned pinned;
  pinned.known_ = known_;
  pinned.operations_ = operations_;
  pinned.table_ = instance.find_interface(id_);
  pinned.self_ = instance.get();
  pinned.instance_ = &instance;
  return pinned;
}

Status Callee::absent() const {
  return Status::unavailable("the plugin \"" + name() + "\" is not running; see: gantryctl plugin list");
}

Status Callee::undecodable() const {
  return Status::internal("the answer of plugin " + name() + " could not be decoded");
}

Expected<std::string> Callee::ask(size_t offset, std::string_view request) const {
  const auto* member = known_ == nullptr ? nullptr : known_->at(offset);
  const bool lasts = member != nullptr && member->shape == Shape::kLongVerb;
  const auto pinned = pin_table(lasts ? CallKind::kLong : CallKind::kShort);
  if (!pinned) return absent();
  const auto found = pinned.find(offset);
  return found ? pinned.ask(*found, request) : Status(found.error());
}

void Callee::ask_long(size_t offset, std::string request, Then then) const {
  auto pinned = pin_table(CallKind::kLong);
  if (!pinned) return then(absent());
  const auto found = pinned.find(offset);
  if (!found) return then(Status(found.error()));
  const auto shape = found->member->shape;
  auto* calls = pinned.instance() == nullptr ? long_calls_ : &pinned.instance()->plugin().host().long_calls();
  if (shape != Shape::kLongVerb || calls == nullptr) {
    return then(Status::internal(std::string(found->member->name) + " is no long verb"));
  }
  calls->begin(std::move(pinned), *found, std::move(request), std::move(then));
}

}  // namespace gantry::plugin
