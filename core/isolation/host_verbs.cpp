#include "core/isolation/host_verbs.hpp"

#include <array>

#include "core/isolation/marshal.hpp"
#include "core/plugin/member_numbers.hpp"
#include "gantry_interfaces.hpp"

namespace gantry::isolation {
namespace {

using plugin::Threads;

constexpr std::array<HostVerb, plugin::kMemberCount> kVerbs = {{
#define MEMBER(...) {},
#define HOST_VERB(TABLE, NAME, SHAPE, THREADS, CROSSING, REQUIRED, SINCE, HAS_ERROR)        \
  {[](const void* table, const gantry_host* host, std::string_view payload, Reply& reply) { \
     return run_member<HAS_ERROR>(&TABLE::NAME, table, host, payload, reply);               \
   },                                                                                       \
   answers(&TABLE::NAME), Threads::THREADS == Threads::kWorker},
#include "gantry_interfaces.inc"
}};

}  // namespace

const HostVerb* host_verb(size_t member) {
  return member < kVerbs.size() && kVerbs[member].run != nullptr ? &kVerbs[member] : nullptr;
}

}  // namespace gantry::isolation
