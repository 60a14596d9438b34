// Every member's number in the table of interfaces, by its name. For who is compiled against that table alone.
#pragma once

#include <cstdint>

namespace gantry::plugin {

enum MemberNumber : uint16_t {
#define MEMBER(TABLE, NAME, ...) k_##TABLE##_##NAME,
#include "gantry_interfaces.inc"
  kMemberCount
};

}  // namespace gantry::plugin
