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

class LongCalls;
class Operations;

// What a call works on, for sentences, and who hears when it is over its deadline (on the watchdog's thread).
struct About {
  std::string_view ns = {}, name = {};
  std::function<void()> noted = nullptr;
};

// One call of a plugin's function on this thread, from here to the end of the scope: watched and marked. What it refers
// to must outlive it.
class VerbScope {
 public:
  VerbScope(Instance& instance, const Member& member, About about = {});

 private:
  const Watchdog::Watch watch_;
  const CallMark mark_;
};

class Pinned;

// One call from here to its end, told to the plugin's metrics. What it refers to must outlive it.
class CallMeasure {
 public:
  CallMeasure(const Pinned& pinned, const Member& member);
  void end(bool failed) const;

 private:
  const Pinned& pinned_;
  const Member& member_;
  int64_t begun_ns_ = 0, begun_ = 0;
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
    const CallMeasure measure_;
    std::optional<VerbScope> scope_;
  };
  void* self() const { return self_; }

 private:
  friend class Callee;
  friend class CallMeasure;
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
  // `long_calls` for those of the test that has them.
  Callee(const void* table, void* self, const char* id, LongCalls* long_calls = nullptr)
      : id_(id), known_(find_interface(id)), table_(table), self_(self), long_calls_(long_calls) {}

  // Told of the answer to a long verb, once, on whatever thread, that of the call too; must not block, nor call the
  // plugin.
  using Then = std::function<void(Expected<std::string>)>;

  // Null: a test's.
  Plugin* plugin() const { return plugin_.get(); }

 protected:
  Pinned pin_table(CallKind kind) const;
  Pinned pin_table(Instance& instance) const;
  Status absent() const;
  // The verb at `offset`; 503 when the plugin is not running, 501 when it lacks the verb.
  Expected<std::string> ask(size_t offset, std::string_view request) const;
  // The same of a long verb, without a thread that waits: see LongCalls.
  void ask_long(size_t offset, std::string request, Then then) const;
  Status undecodable() const;

 private:
  std::string name() const { return plugin_ == nullptr ? std::string("of a test") : plugin_->name(); }

  std::shared_ptr<Plugin> plugin_;
  const char* id_;
  const Interface* known_;
  const void* table_ = nullptr;
  void* self_ = nullptr;
  LongCalls* long_calls_ = nullptr;
  std::shared_ptr<Operations> operations_;
};

// Where a member lies in its table.
template <typename Table, typename Function>
size_t offset_of(Function Table::*member) {
  static constexpr Table kNone{};
  const auto* at = reinterpret_cast<const char*>(&(kNone.*member));
  return static_cast<size_t>(at - reinterpret_cast<const char*>(&kNone));
}

// Of an answer that says nothing but whether it went well.
template <typename T>
Status only_status(const Expected<T>& result) {
  return result ? Status() : result.error();
}

template <typename Table>
class PinnedVerbs : public Pinned {
 public:
  PinnedVerbs() = default;
  explicit PinnedVerbs(Pinned pinned) : Pinned(std::move(pinned)) {}

  // A function of any signature that gives a code: `use(function, self, response, error)` calls it.
  template <typename F, typename Use>
  Expected<std::string> call_with(F Table::*member, Use&& use, About about = {}) const {
    const auto found = find(offset_of(member));
    if (!found) return Status(found.error());
    Call call(*this, *found->member, std::move(about));
    const auto function = reinterpret_cast<F>(found->function);
    return call.end(use(function, self(), call.response.out(), call.error.out()));
  }
  // The same of what belongs to [main]; `use` must own what it uses.
  template <typename F, typename Use>
  Expected<std::string> call_main_with(F Table::*member, Use use) const {
    const auto found = find(offset_of(member));
    if (!found) return Status(found.error());
    return ask_main(*found, [use](Function function, void* self, gantry_buffer* response, gantry_buffer* error) {
      return use(reinterpret_cast<F>(function), self, response, error);
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
  // A long verb that tells its answer instead of holding a thread. `then` as Callee says.
  void call_long(Verb Table::*verb, std::string request, Then then) const {
    ask_long(offset_of(verb), std::move(request), std::move(then));
  }
  template <typename Response, typename Request>
  void call_long(Verb Table::*verb, const Request& request, std::function<void(Expected<Response>)> then) const {
    ask_long(offset_of(verb), request.SerializeAsString(),
             [self = *this, then = std::move(then)](const Expected<std::string>& answer) {
               then(self.template decode<Response>(answer));
             });
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
