#include "core/isolation/child/plugin_verbs.hpp"

#include <array>

#include "core/isolation/marshal.hpp"
#include "core/plugin/member_numbers.hpp"
#include "gantry_interfaces.hpp"

namespace gantry::isolation {
namespace {

constexpr std::array<PluginVerb, plugin::kMemberCount> kVerbs = {
#define MEMBER(...) nullptr,
#define PLUGIN_VERB(TABLE, NAME, SHAPE, THREADS, CROSSING, REQUIRED, SINCE, HAS_ERROR) \
  [](const void* table, void* instance, std::string_view payload, Reply& reply) {      \
    return run_member<HAS_ERROR>(&TABLE::NAME, table, instance, payload, reply);       \
  },
#include "gantry_interfaces.inc"
};

}  // namespace

PluginVerb plugin_verb(size_t member) { return member < kVerbs.size() ? kVerbs[member] : nullptr; }

}  // namespace gantry::isolation
