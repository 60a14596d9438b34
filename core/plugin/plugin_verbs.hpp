// Calls of a plugin's functions by the room of the core that uses its interface. Each call finds the plugin's instance
// of the moment and pins it (a reload waits for it, but not for a long verb), is watched while it runs (long verbs are
// not), marked for the crash record, and counted and timed by interface and function: all by what the table of
// interfaces says. [any-thread]; blocks as long as the function does.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "core/plugin/interface_table.hpp"
#include "core/plugin/plugin.hpp"
#include "gantry/abi/base.h"
#include "gantry/bytes.hpp"

namespace gantry::plugin {

class Operations;

// What a call works on, for sentences, and who hears when it is over its deadline (on the watchdog's thread).
struct About {
  std::string_view ns = {}, name = {};
  std::function<void()> noted = nullptr;
};

// One call of a plugin's function on this thread, from here to the end of the scope: watched, marked, measured.
// What it refers to must outlive it.
class VerbScope {
 public:
  VerbScope(Instance& instance, const Member& member, About about = {});
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

// One instance's table, pinned while this lives. Empty when the plugin is not running or lacks the interface.
class Pinned {
 public:
  using Function = void (*)();
  struct Found {
    const Member* member = nullptr;
    Function function = nullptr;
  };
  // Calls a function that was found, with buffers for its answer and its error.
  using Invoke = std::function<gantry_code(Function, void* self, gantry_buffer* response, gantry_buffer* error)>;

  Pinned() = default;
  explicit operator bool() const { return table_ != nullptr; }
  // Of none when the table is a test's.
  Instance* instance() const { return instance_; }

  // 501 when its table ends before the function, or has nothing there.
  Expected<Found> find(size_t offset) const;
  Expected<std::string> ask(const Found& verb, std::string_view request) const;
  // What belongs to [main], on that thread and within its limit of time: `invoke` must own what it uses.
  Expected<std::string> ask_main(const Found& found, Invoke invoke) const;

 protected:
  // One call from here to its end; the buffers are the answer's and the error's.
  class Call {
   public:
    Call(const Pinned& pinned, const Member& member, About about = {});
    Expected<std::string> end(gantry_code code);
    Buffer response, error;

   private:
    const Pinned& pinned_;
    const Member& member_;
    int64_t begun_ = 0;
    std::optional<VerbScope> scope_;
  };
  void* self() const { return self_; }

 private:
  friend class Callee;
  Plugin::Call call_;
  const Interface* known_ = nullptr;
  const void* table_ = nullptr;
  void* self_ = nullptr;
  Instance* instance_ = nullptr;
  std::shared_ptr<Operations> operations_;
};

// Who is called: a plugin by one of its interfaces, or a table of a test's. PluginVerbs without its types.
class Callee {
 public:
  // `id` is one of the table of interfaces, and outlives this. `operations` is told of each call, too; null: nobody.
  Callee(std::shared_ptr<Plugin> plugin, const char* id, std::shared_ptr<Operations> operations = nullptr);
  Callee(const void* table, void* self, const char* id)
      : id_(id), known_(find_interface(id)), table_(table), self_(self) {}

  // Null: a test's.
  Plugin* plugin() const { return plugin_.get(); }

 protected:
  Pinned pin_table(CallKind kind) const;
  Pinned pin_table(Instance& instance) const;
  Status absent() const;
  // The verb at `offset`; 503 when the plugin is not running, 501 when it lacks the verb.
  Expected<std::string> ask(size_t offset, std::string_view request) const;
  Status undecodable() const;

 private:
  std::string name() const { return plugin_ == nullptr ? std::string("of a test") : plugin_->name(); }

  std::shared_ptr<Plugin> plugin_;
  const char* id_;
  const Interface* known_;
  const void* table_ = nullptr;
  void* self_ = nullptr;
  std::shared_ptr<Operations> operations_;
};

// Where a member lies in its table.
template <typename Table, typename Function>
size_t offset_of(Function Table::*member) {
  static constexpr Table kNone{};
  const auto* at = reinterpret_cast<const char*>(&(kNone.*member));
  return static_cast<size_t>(at - reinterpret_cast<const char*>(&kNone));
}

template <typename Table>
class PinnedVerbs : public Pinned {
 public:
  PinnedVerbs() = default;
  explicit PinnedVerbs(Pinned pinned) : Pinned(std::move(pinned)) {}

  // A function of any signature that gives a code: `invoke(function, self, response, error)` calls it.
  template <typename Function, typename Invoke>
  Expected<std::string> call_with(Function Table::*member, Invoke&& invoke, About about = {}) const {
    const auto found = find(offset_of(member));
    if (!found) return Status(found.error());
    Call call(*this, *found->member, std::move(about));
    const auto function = reinterpret_cast<Function>(found->function);
    return call.end(invoke(function, self(), call.response.out(), call.error.out()));
  }
  // The same of what belongs to [main]; `invoke` must own what it uses.
  template <typename Function, typename Invoke>
  Expected<std::string> call_main_with(Function Table::*member, Invoke invoke) const {
    const auto found = find(offset_of(member));
    if (!found) return Status(found.error());
    return ask_main(*found,
                    [invoke](Pinned::Function function, void* self, gantry_buffer* response, gantry_buffer* error) {
                      return invoke(reinterpret_cast<Function>(function), self, response, error);
                    });
  }
  // One that gives nothing back. False: it is not there.
  template <typename... Given, typename... Args>
  bool tell(void (*Table::*member)(void*, Given...), Args... args) const {
    const auto found = find(offset_of(member));
    if (!found) return false;
    Call call(*this, *found->member);
    reinterpret_cast<void (*)(void*, Given...)>(found->function)(self(), args...);
    return call.end(0).ok();
  }
  Expected<std::string> call(Verb Table::*verb, std::string_view request) const {
    const auto found = find(offset_of(verb));
    return found ? ask(*found, request) : Status(found.error());
  }
};

template <typename Table>
class PluginVerbs : public Callee {
 public:
  using Callee::absent;
  using Callee::Callee;

  PinnedVerbs<Table> pin(CallKind kind = CallKind::kShort) const { return PinnedVerbs<Table>(pin_table(kind)); }
  // This instance's, whether or not it is the plugin's already; who asks keeps it.
  PinnedVerbs<Table> of(Instance& instance) const { return PinnedVerbs<Table>(pin_table(instance)); }

  Expected<std::string> call(Verb Table::*verb, std::string_view request) const {
    return ask(offset_of(verb), request);
  }
  // The same with messages.
  template <typename Response, typename Request>
  Expected<Response> call(Verb Table::*verb, const Request& request) const {
    return decode<Response>(call(verb, std::string_view(request.SerializeAsString())));
  }
  template <typename Response>
  Expected<Response> decode(const Expected<std::string>& answer) const {
    if (!answer) return Status(answer.error());
    Response response;
    if (response.ParseFromString(*answer)) return response;
    return undecodable();
  }
};

}  // namespace gantry::plugin
