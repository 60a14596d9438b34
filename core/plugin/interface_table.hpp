// The interfaces of the ABI as one table, made at build time from its headers (sdk/cmake/abi_table.py): what a plugin's
// tables must have, what their functions are called in sentences, on which threads and for how long they run. Loading,
// the isolation protocol, watching and metrics read it; none of them knows an interface by name. Constant; any thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace gantry::plugin {

enum class Shape : uint8_t { kVerb, kLongVerb, kStream, kCustom };  // as docs/reference/abi.md says
enum class Threads : uint8_t { kAny, kWorker, kMain };
enum class Side : uint8_t { kHost, kPlugin };
// How a function crosses to a plugin's process: by the rules of its signature, by code of its own, not at all.
enum class Crossing : uint8_t { kByRule, kByHand, kNone };

struct Member {
  const char* name;
  uint16_t number;  // among the members of all interfaces, from 0 on
  uint32_t offset;  // in its table
  Shape shape;
  Threads threads;
  Crossing crossing;
  bool required;   // of a plugin that has the interface
  uint16_t since;  // 1000 * major + minor of the release that has it first
};

struct Interface {
  const char* id;
  Side side;
  size_t size;  // of today's table
  std::span<const Member> members;
  bool side_by_side;  // two instances may work at a time, while one takes the other's place

  // Of the table when the interface was first released: what every plugin must have.
  size_t first_size() const;
  const Member* at(size_t offset) const;  // null: no function begins there
};

std::span<const Interface> interfaces();
size_t member_count();
const Interface* find_interface(std::string_view id);
// Where a member's number leads; null beyond the last.
const Interface* interface_of(size_t number);
const Member* member(size_t number);
// As sentences name it: "reconcile", and of the host's "events record".
const std::string& name_of_member(size_t number);
// Tells one table from another, for two programs that must have the same.
uint32_t table_digest();

}  // namespace gantry::plugin
