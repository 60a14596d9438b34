#include "core/plugin/interface_table.hpp"

#include <algorithm>
#include <array>
#include <vector>

#include "core/plugin/member_numbers.hpp"
#include "gantry_interfaces.hpp"

namespace gantry::plugin {
namespace {

// The members of each interface.
#define PLUGIN_INTERFACE(TABLE, ID, SIDE_BY_SIDE) constexpr Member members_of_##TABLE[] = {
#define HOST_INTERFACE PLUGIN_INTERFACE
#define MEMBER(TABLE, NAME, SHAPE, THREADS, CROSSING, REQUIRED, SINCE, HAS_ERROR)                                  \
  {#NAME, k_##TABLE##_##NAME, offsetof(TABLE, NAME), Shape::SHAPE, Threads::THREADS, Crossing::CROSSING, REQUIRED, \
   SINCE},
// clang-format off
#define END_INTERFACE(TABLE) };
// clang-format on
#include "gantry_interfaces.inc"

constexpr Interface kInterfaces[] = {
#define PLUGIN_INTERFACE(TABLE, ID, SIDE_BY_SIDE) {ID, Side::kPlugin, sizeof(TABLE), members_of_##TABLE, SIDE_BY_SIDE},
#define HOST_INTERFACE(TABLE, ID, SIDE_BY_SIDE) {ID, Side::kHost, sizeof(TABLE), members_of_##TABLE, SIDE_BY_SIDE},
#include "gantry_interfaces.inc"
};

// A table is its size, then functions alone.
constexpr bool of_functions(const Interface& table) {
  for (size_t i = 0; i < table.members.size(); ++i) {
    if (table.members[i].offset != sizeof(size_t) + i * sizeof(void (*)())) return false;
  }
  return table.size == sizeof(size_t) + table.members.size() * sizeof(void (*)());
}
static_assert(std::ranges::all_of(kInterfaces, of_functions));
static_assert(std::size(kInterfaces) <= 64, "which of them there are crosses to a process as a mask");

std::vector<std::string> make_names() {
  std::vector<std::string> names;
  for (const auto& table : kInterfaces) {
    const std::string_view id = table.id;
    const auto begin = id.find('.') + 1;
    const auto host = std::string(id.substr(begin, id.find('/') - begin)) + " ";
    for (const auto& known : table.members) names.push_back((table.side == Side::kHost ? host : "") + known.name);
  }
  return names;
}

}  // namespace

size_t Interface::first_size() const {
  size_t first = 0;
  for (const auto& known : members) {
    if (known.since == members.front().since) first = known.offset + sizeof(void (*)());
  }
  return first;
}

const Member* Interface::at(size_t offset) const {
  const auto found = std::ranges::find(members, offset, &Member::offset);
  return found == members.end() ? nullptr : &*found;
}

std::span<const Interface> interfaces() { return kInterfaces; }

size_t member_count() { return kMemberCount; }

const Interface* find_interface(std::string_view id) {
  const auto* found = std::ranges::find(kInterfaces, id, &Interface::id);
  return found == std::end(kInterfaces) ? nullptr : found;
}

const Interface* interface_of(size_t number) {
  for (const auto& table : kInterfaces) {
    if (number <= table.members.back().number) return &table;
  }
  return nullptr;
}

const Member* member(size_t number) {
  const auto* table = interface_of(number);
  return table == nullptr ? nullptr : &table->members[number - table->members.front().number];
}

const std::string& name_of_member(size_t number) {
  static const auto names = make_names();
  return names.at(number);
}

uint32_t table_digest() {
  uint32_t digest = 2'166'136'261u;  // FNV-1a
  const auto add = [&](std::string_view text) {
    for (const char letter : text) digest = (digest ^ static_cast<uint8_t>(letter)) * 16'777'619u;
  };
  for (const auto& table : kInterfaces) {
    add(table.id);
    for (const auto& known : table.members) {
      add(known.name);
      add({reinterpret_cast<const char*>(&known.crossing), 1});
    }
  }
  return digest;
}

}  // namespace gantry::plugin
