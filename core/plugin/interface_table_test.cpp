// The table of interfaces says of the frozen interfaces what their header says, and what was released.
#include "core/plugin/interface_table.hpp"

#include <gtest/gtest.h>

#include <set>
#include <string>

#include "core/plugin/interface_checks.hpp"
#include "gantry/abi/controller.h"
#include "gantry/abi/draft/calls.h"
#include "gantry/abi/network.h"
#include "gantry/abi/runtime.h"

namespace gantry::plugin {
namespace {

const Member& member_at(std::string_view id, size_t offset) {
  const auto* found = find_interface(id)->at(offset);
  EXPECT_NE(found, nullptr) << id << " " << offset;
  return *found;
}

TEST(InterfaceTable, SizesAreThoseOfTheFirstRelease) {
  const std::pair<const char*, size_t> released[] = {{"gantry.controller/1", 32}, {"gantry.runtime/1", 208},
                                                     {"gantry.network/1", 56},    {"gantry.reload/1", 24},
                                                     {"gantry.kinds/1", 16},      {"gantry.handover/1", 16}};
  for (const auto& [id, size] : released) {
    EXPECT_EQ(find_interface(id)->first_size(), size) << id;
    EXPECT_EQ(find_interface(id)->side, Side::kPlugin) << id;
  }
  EXPECT_EQ(find_interface(GANTRY_RUNTIME_ID)->size, sizeof(gantry_runtime));
  EXPECT_EQ(member_at(GANTRY_RUNTIME_ID, offsetof(gantry_runtime, signal_container)).since, 1001);
}

TEST(InterfaceTable, MembersAreWhatTheirHeaderSays) {
  const auto& pull = member_at(GANTRY_RUNTIME_ID, offsetof(gantry_runtime, pull_image));
  EXPECT_STREQ(pull.name, "pull_image");
  EXPECT_EQ(pull.shape, Shape::kLongVerb);
  EXPECT_EQ(pull.threads, Threads::kWorker);
  EXPECT_FALSE(pull.required);
  EXPECT_EQ(pull.crossing, Crossing::kByRule);
  const auto& map = member_at(GANTRY_CONTROLLER_ID, offsetof(gantry_controller, map));
  EXPECT_EQ(map.shape, Shape::kCustom);
  EXPECT_EQ(map.threads, Threads::kAny);
  EXPECT_EQ(map.crossing, Crossing::kByHand);
  const auto& describe = member_at(GANTRY_CONTROLLER_ID, offsetof(gantry_controller, describe));
  EXPECT_EQ(describe.threads, Threads::kMain);
  EXPECT_EQ(describe.shape, Shape::kVerb);
  EXPECT_TRUE(describe.required);
  EXPECT_EQ(member_at(GANTRY_CALLS_ID, offsetof(gantry_calls, call_all)).crossing, Crossing::kNone);
  EXPECT_EQ(member_at(GANTRY_RUNTIME_ID, offsetof(gantry_runtime, exec)).shape, Shape::kStream);
  EXPECT_EQ(find_interface(GANTRY_RUNTIME_ID)->at(1), nullptr);
  EXPECT_TRUE(find_interface(GANTRY_CONTROLLER_ID)->side_by_side);
  EXPECT_FALSE(find_interface(GANTRY_NETWORK_ID)->side_by_side);
}

TEST(InterfaceTable, NumbersLeadToTheirMembers) {
  size_t number = 0;
  std::set<std::string> names;
  for (const auto& known : interfaces()) {
    for (const auto& one : known.members) {
      EXPECT_EQ(one.number, number);
      EXPECT_EQ(member(number), &one);
      EXPECT_EQ(interface_of(number), &known);
      EXPECT_EQ(name_of_member(number),
                (known.side == Side::kHost ? name_of_member(number).substr(0, name_of_member(number).find(' ') + 1)
                                           : std::string()) +
                    one.name);
      ++number;
    }
  }
  EXPECT_EQ(member_count(), number);
  EXPECT_EQ(member(number), nullptr);
  EXPECT_EQ(interface_of(number), nullptr);
  EXPECT_EQ(find_interface("gantry.unheard-of/1"), nullptr);
}

TEST(InterfaceTable, WhoLacksARequiredFunctionIsTold) {
  gantry_network table{};
  table.size = sizeof table;
  const auto verb = [](void*, gantry_slice, gantry_buffer*, gantry_buffer*) -> gantry_code { return 0; };
  table.set_node = table.set_nodes = table.add = table.del = verb;
  EXPECT_EQ(check_interface(GANTRY_NETWORK_ID, &table).message(), "interface gantry.network/1 lacks its function gc");
  table.gc = verb;
  EXPECT_TRUE(check_interface(GANTRY_NETWORK_ID, &table).ok()) << "check is optional";
  table.size = 48;
  EXPECT_EQ(check_interface(GANTRY_NETWORK_ID, &table).message(),
            "interface gantry.network/1 has size 48, at least 56 is needed");
  EXPECT_FALSE(known_interface("gantry.client/1")) << "of the host";
  EXPECT_TRUE(check_interface("gantry.client/1", &table).ok());
}

}  // namespace
}  // namespace gantry::plugin
