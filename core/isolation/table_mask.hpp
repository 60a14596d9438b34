// Which functions of a table are there, as a mask: bit n is the n-th of its interface. So a plugin's tables cross.
#pragma once

#include <cstdint>
#include <cstring>

#include "core/plugin/interface_table.hpp"

namespace gantry::isolation {

inline uint64_t functions_of(const void* table, const plugin::Interface& known) {
  size_t size = 0;
  std::memcpy(&size, table, sizeof size);
  uint64_t mask = 0;
  for (size_t n = 0; n < known.members.size(); ++n) {
    void (*function)() = nullptr;
    const size_t offset = known.members[n].offset;
    if (offset + sizeof function > size) break;
    std::memcpy(&function, static_cast<const char*>(table) + offset, sizeof function);
    if (function != nullptr) mask |= uint64_t{1} << n;
  }
  return mask;
}

}  // namespace gantry::isolation
