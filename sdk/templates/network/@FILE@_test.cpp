// The network through its entry point, as a node uses it; entering a pod's namespace is left to the daemon's tests.
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>

#include "gantry/abi/network.h"
#include "gantry/testkit/plugin_under_test.hpp"

namespace {

using namespace gantry;

struct @CLASS@Test : ::testing::Test {
  @CLASS@Test() { std::filesystem::create_directories(dir); }
  ~@CLASS@Test() override { std::filesystem::remove_all(dir); }
  static testkit::ScriptedHost& with_folder(testkit::ScriptedHost& host, const std::filesystem::path& dir) {
    host.config["daemon.data_dir"] = dir.string();
    return host;
  }
  gantry::abi::NetworkAttachment attachment(const std::string& sandbox) {
    gantry::abi::NetworkAttachment made;
    made.set_sandbox_id(sandbox);
    made.set_netns("/no/such/namespace");
    return made;
  }

  const std::filesystem::path dir =
      std::filesystem::temp_directory_path() / ("@NAME@-test-" + std::to_string(::getpid()));
  testkit::ScriptedHost host;
  testkit::PluginUnderTest plugin{with_folder(host, dir)};
  const gantry_network& table = plugin.table<gantry_network>(GANTRY_NETWORK_ID);
};

TEST_F(@CLASS@Test, WithoutARangeNobodyIsAttached) {
  const auto refused = plugin.call<gantry::abi::NetworkResult>(table.add, attachment("one"));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().message(), "the node has no IPv4 pod range yet");
  EXPECT_FALSE(plugin.run(table.check, attachment("one")).ok());
}

TEST_F(@CLASS@Test, ADetachedSandboxIsForgottenAndWhatIsGoneIsSuccess) {
  gantry::abi::NetworkNode node;
  node.set_name("here");
  node.add_pod_cidrs("10.1.2.0/30");
  ASSERT_TRUE(plugin.run(table.set_node, node).ok());
  // The namespace is none, but the address is given out, so that a second try gets the same.
  EXPECT_FALSE(plugin.call<gantry::abi::NetworkResult>(table.add, attachment("one")));
  EXPECT_TRUE(plugin.run(table.check, attachment("one")).ok());
  EXPECT_TRUE(plugin.run(table.del, attachment("one")).ok());
  EXPECT_TRUE(plugin.run(table.del, attachment("one")).ok());
  EXPECT_FALSE(plugin.run(table.check, attachment("one")).ok());
}

TEST_F(@CLASS@Test, WhatNobodyHasAnyMoreIsCollected) {
  gantry::abi::NetworkNode node;
  node.add_pod_cidrs("10.1.2.0/29");
  ASSERT_TRUE(plugin.run(table.set_node, node).ok());
  for (const char* sandbox : {"one", "two"}) (void)plugin.call<gantry::abi::NetworkResult>(table.add, attachment(sandbox));
  gantry::abi::NetworkLive live;
  live.add_sandbox_ids("two");
  ASSERT_TRUE(plugin.run(table.gc, live).ok());
  EXPECT_FALSE(plugin.run(table.check, attachment("one")).ok());
  EXPECT_TRUE(plugin.run(table.check, attachment("two")).ok());
}

}  // namespace
