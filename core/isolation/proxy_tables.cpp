#include "core/isolation/proxy_tables.hpp"

#include <algorithm>
#include <array>
#include <cstring>

#include "core/isolation/marshal.hpp"
#include "core/isolation/proxies_by_hand.hpp"
#include "core/plugin/member_numbers.hpp"
#include "gantry_interfaces.hpp"

namespace gantry::isolation {
namespace {

using plugin::Shape;
using plugin::Threads;
using Function = void (*)();

// What the table says of a member, as far as a call of it needs it.
struct Facts {
  Shape shape;
  Threads threads;
  bool has_error;
};

Reply ask(void* instance, uint16_t member, const Facts& facts, std::string_view payload) {
  auto& session = session_of(instance);
  if (facts.shape == Shape::kLongVerb) return session.long_call(op_of(member), payload);
  return session.call(op_of(member), payload,
                      facts.threads == Threads::kMain ? Session::Where::kMain : Session::Where::kAnyLane);
}

template <uint16_t member, Facts facts, typename R, typename... Args>
R call(void* instance, Args... args) {
  using Crossing = Marshal<facts.has_error, R, Args...>;
  auto reply = ask(instance, member, facts, Crossing::request(args...));
  if constexpr (std::is_same_v<R, gantry_slice>) {
    return static_cast<Remote*>(instance)->keep(member, reply.code == 0 ? std::move(reply.response) : std::string());
  } else {
    return Crossing::finish(std::move(reply), args...);
  }
}

template <uint16_t member, Facts facts, typename Table, typename R, typename... Args>
Function proxy(R (*Table::*)(void*, Args...)) {
  return reinterpret_cast<Function>(&call<member, facts, R, Args...>);
}

// By the members' numbers; null for what the host implements, and for what does not cross.
const std::array<Function, plugin::kMemberCount>& proxies() {
  static const std::array<Function, plugin::kMemberCount> all = {
#define MEMBER(...) nullptr,
#define PLUGIN_VERB(TABLE, NAME, SHAPE, THREADS, CROSSING, REQUIRED, SINCE, HAS_ERROR) \
  proxy<plugin::k_##TABLE##_##NAME, Facts{Shape::SHAPE, Threads::THREADS, HAS_ERROR}>(&TABLE::NAME),
#define PLUGIN_BY_HAND(TABLE, NAME, ...) reinterpret_cast<Function>(&by_hand::TABLE##_##NAME),
#include "gantry_interfaces.inc"
  };
  return all;
}

}  // namespace

gantry_code give(Reply reply, gantry_buffer* response, gantry_buffer* error) {
  if (reply.code == 0) fill_buffer(response, std::move(reply.response));
  fill_buffer(error, std::move(reply.error));
  return reply.code;
}

void Remote::add_table(size_t interface, uint64_t mask) {
  const auto& known = plugin::interfaces()[interface];
  auto table = std::make_unique<std::byte[]>(known.size);
  std::memcpy(table.get(), &known.size, sizeof known.size);
  for (size_t n = 0; n < known.members.size(); ++n) {
    const auto function = proxies()[known.members[n].number];
    if ((mask >> n & 1) != 0) std::memcpy(table.get() + known.members[n].offset, &function, sizeof function);
  }
  tables_[interface] = std::move(table);
}

const void* Remote::table(std::string_view id) const {
  const auto all = plugin::interfaces();
  const auto found = std::ranges::find(all, id, &plugin::Interface::id);
  return found == all.end() ? nullptr : tables_[static_cast<size_t>(found - all.begin())].get();
}

gantry_slice Remote::keep(uint16_t member, std::string bytes) {
  const std::lock_guard lock(mutex_);
  return to_slice(kept_[member] = std::move(bytes));
}

}  // namespace gantry::isolation
