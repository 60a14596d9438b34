// The plugin interfaces that cross between processes: both ends agree on them here. A table crosses as the mask of its
// functions that are there.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>

#include "gantry/abi/controller.h"
#include "gantry/abi/draft/kinds.h"
#include "gantry/abi/network.h"
#include "gantry/abi/reload.h"
#include "gantry/abi/runtime.h"

namespace gantry::isolation {

enum InterfaceIndex : uint8_t { kController, kNetwork, kRuntime, kReload, kKinds, kInterfaces };

constexpr std::array<const char*, kInterfaces> kInterfaceIds = {GANTRY_CONTROLLER_ID, GANTRY_NETWORK_ID,
                                                                GANTRY_RUNTIME_ID, GANTRY_RELOAD_ID, GANTRY_KINDS_ID};
constexpr std::array<size_t, kInterfaces> kTableSizes = {sizeof(gantry_controller), sizeof(gantry_network),
                                                         sizeof(gantry_runtime), sizeof(gantry_reload),
                                                         sizeof(gantry_kinds)};

// Tables are a size and then functions: the n-th function lies here.
constexpr size_t function_offset(size_t n) { return sizeof(size_t) + n * sizeof(void (*)()); }

// Bit n: the table has its n-th function.
inline uint64_t functions_of(const void* table, size_t known_size) {
  size_t size = 0;
  std::memcpy(&size, table, sizeof size);
  uint64_t mask = 0;
  for (size_t n = 0; function_offset(n + 1) <= known_size && function_offset(n + 1) <= size; ++n) {
    void (*function)() = nullptr;
    std::memcpy(&function, static_cast<const char*>(table) + function_offset(n), sizeof function);
    if (function != nullptr) mask |= uint64_t{1} << n;
  }
  return mask;
}

// Takes the functions out of a full table that the mask lacks.
inline void keep_functions(void* table, size_t known_size, uint64_t mask) {
  for (size_t n = 0; function_offset(n + 1) <= known_size; ++n) {
    if ((mask >> n & 1) == 0) {
      std::memset(static_cast<char*>(table) + function_offset(n), 0, sizeof(void (*)()));
    }
  }
}

}  // namespace gantry::isolation
