// Calls of a plugin's verbs by the room of the core that uses its interface. Each call finds the plugin's instance of
// the moment and pins it (a reload waits for it, but not for a long verb), is watched while it runs (long verbs are
// not), marked for the crash record, and counted and timed by interface and verb: all by what the table of interfaces
// says. [any-thread]; blocks as long as the verb does.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "core/plugin/interface_table.hpp"
#include "core/plugin/plugin.hpp"
#include "gantry/abi/base.h"

namespace gantry::plugin {

// One call of a plugin's function on this thread, from here to the end of the scope: watched, marked, measured.
// What it refers to must outlive it.
class VerbScope {
 public:
  // The names, if any, say what the call is about.
  VerbScope(Instance& instance, const Member& member, std::string_view ns = {}, std::string_view name = {});
  ~VerbScope();
  VerbScope(const VerbScope&) = delete;
  VerbScope& operator=(const VerbScope&) = delete;
  // With what the call ended; without it, with success.
  void end(gantry_code code) { failed_ = code != 0; }

 private:
  Instance& instance_;
  const Member& member_;
  const int64_t begun_ns_;
  bool failed_ = false;
  const Watchdog::Watch watch_;
  const CallMark mark_;
};

using Verb = gantry_code (*)(void* instance, gantry_slice request, gantry_buffer* response, gantry_buffer* error);

// Calls the verb that lies at `offset` in the plugin's interface of this id, which the table of interfaces knows. Its
// answer; 503 when the plugin is not running, 501 when it lacks the verb.
Expected<std::string> call_verb(Plugin& plugin, std::string_view id, size_t offset, std::string_view request);

template <typename Table>
class PluginVerbs {
 public:
  PluginVerbs(std::shared_ptr<Plugin> plugin, const char* id) : plugin_(std::move(plugin)), id_(id) {}

  Expected<std::string> call(Verb Table::*verb, std::string_view request) const {
    static constexpr Table kNone{};
    const auto* at = reinterpret_cast<const char*>(&(kNone.*verb));
    return call_verb(*plugin_, id_, static_cast<size_t>(at - reinterpret_cast<const char*>(&kNone)), request);
  }
  // The same with messages.
  template <typename Response, typename Request>
  Expected<Response> call(Verb Table::*verb, const Request& request) const {
    const auto answer = call(verb, std::string_view(request.SerializeAsString()));
    if (!answer) return Status(answer.error());
    Response response;
    if (response.ParseFromString(*answer)) return response;
    return Status::internal("the answer of plugin " + plugin_->name() + " could not be decoded");
  }

  Plugin& plugin() const { return *plugin_; }

 private:
  std::shared_ptr<Plugin> plugin_;
  const char* id_;
};

}  // namespace gantry::plugin
