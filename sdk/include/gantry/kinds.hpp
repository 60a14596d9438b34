// API kinds of a plugin's own, gantry.kinds/1 in C++. Any thread.
//
// `Kinds` is a class with `static gantry_slice descriptor_set()`; gantry_add_plugin(NAME ... PROTOS file.proto) makes
// one in NAME.kinds.hpp, beside the messages' C++ types and which resource each kind's type is, so that caches and
// clients take them like built-in ones.
#pragma once

#include "gantry/abi/draft/kinds.h"

namespace gantry::sdk {

// For the get_interface of any plugin; a controller has it from GANTRY_CONTROLLER_WITH_KINDS.
template <typename Kinds>
const gantry_kinds* kinds_table() {
  static constexpr gantry_kinds table = {sizeof(gantry_kinds), [](void*) { return Kinds::descriptor_set(); }};
  return &table;
}

}  // namespace gantry::sdk
