#include "core/isolation/child/host_tables.hpp"

#include <algorithm>
#include <array>
#include <cstring>

#include "core/isolation/child/host_by_hand.hpp"
#include "core/isolation/marshal.hpp"
#include "core/plugin/interface_table.hpp"
#include "core/plugin/member_numbers.hpp"
#include "gantry/status_proto.hpp"
#include "gantry_interfaces.hpp"

namespace gantry::isolation {
namespace {

using Function = void (*)();
using Functions = std::array<Function, plugin::kMemberCount>;

template <uint16_t member, bool has_error, typename R, typename... Args>
R call(const gantry_host* host, Args... args) {
  using Crossing = Marshal<has_error, R, Args...>;
  const auto payload = Crossing::request(args...);
  if constexpr (Crossing::kAnswers) {
    return Crossing::finish(ask(host, op_of(member), payload), args...);
  } else {
    remote_host(host).link.post(op_of(member), 0, payload);
  }
}

template <uint16_t member, bool has_error, typename Table, typename R, typename... Args>
Function proxy(R (*Table::*)(const gantry_host*, Args...)) {
  return reinterpret_cast<Function>(&call<member, has_error, R, Args...>);
}

// By the members' numbers; null for what the plugin implements, and for what does not cross.
Functions make_functions() {
  Functions all = {
#define MEMBER(...) nullptr,
#define HOST_VERB(TABLE, NAME, SHAPE, THREADS, CROSSING, REQUIRED, SINCE, HAS_ERROR) \
  proxy<plugin::k_##TABLE##_##NAME, HAS_ERROR>(&TABLE::NAME),
#define HOST_BY_HAND(TABLE, NAME, ...) reinterpret_cast<Function>(&by_hand::TABLE##_##NAME),
#include "gantry_interfaces.inc"
  };
  // A rule would do, these do better.
  all[plugin::k_gantry_client_call] = reinterpret_cast<Function>(&by_hand::gantry_client_call);
  all[plugin::k_gantry_timer_cancel] = reinterpret_cast<Function>(&by_hand::gantry_timer_cancel);
  all[plugin::k_gantry_log_write] = reinterpret_cast<Function>(&by_hand::gantry_log_write);
  all[plugin::k_gantry_log_enabled] = reinterpret_cast<Function>(&by_hand::gantry_log_enabled);
  return all;
}

std::vector<std::byte> make_table(const plugin::Interface& known) {
  static const auto functions = make_functions();
  std::vector<std::byte> table(known.size);
  std::memcpy(table.data(), &known.size, sizeof known.size);
  for (const auto& member : known.members) {
    std::memcpy(table.data() + member.offset, &functions[member.number], sizeof(Function));
  }
  return table;
}

const void* find_interface(const gantry_host* host, const char* id) {
  const auto all = plugin::interfaces();
  const auto found = std::ranges::find(all, std::string_view(id), &plugin::Interface::id);
  const auto index = static_cast<size_t>(found - all.begin());
  return found == all.end() || (remote_host(host).offered >> index & 1) == 0 ? nullptr : remote_host(host).table(index);
}

}  // namespace

Reply ask(const gantry_host* host, Op op, std::string_view payload, std::vector<std::string>* parts) {
  auto& link = remote_host(host).link;
  if (const auto fit = link.fits(op, payload); !fit.ok()) {
    return {fit.code(), {}, to_proto(fit).SerializeAsString()};
  }
  Reply reply;
  if (!Reply::decode(link.call(op, payload, parts), reply)) leave("the daemon's answer can not be read");
  return reply;
}

RemoteHost::RemoteHost(Link& to, Tasks& workers) : link(to), tasks(workers) {
  host = {sizeof(gantry_host), GANTRY_ABI_MAJOR, GANTRY_ABI_MINOR, this, &find_interface};
  for (const auto& known : plugin::interfaces()) {
    tables_.push_back(known.side == plugin::Side::kHost ? make_table(known) : std::vector<std::byte>());
  }
}

}  // namespace gantry::isolation
