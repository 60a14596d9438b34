// The runtime through its entry point, as a node uses it.
#include <gtest/gtest.h>

#include "gantry/abi/runtime.h"
#include "gantry/runtime.pb.h"
#include "gantry/testkit/plugin_under_test.hpp"

namespace {

using namespace gantry;
namespace cri = gantry::runtime::v1;

struct @CLASS@Test : ::testing::Test {
  std::string sandbox() {
    cri::RunPodSandboxRequest request;
    request.mutable_config()->mutable_metadata()->set_name("pod");
    (*request.mutable_config()->mutable_labels())["app"] = "web";
    const auto made = plugin.call<cri::RunPodSandboxResponse>(table.run_pod_sandbox, request);
    return made ? made->pod_sandbox_id() : made.error().message();
  }
  std::string container(const std::string& in) {
    cri::CreateContainerRequest create;
    create.set_pod_sandbox_id(in);
    create.mutable_config()->mutable_metadata()->set_name("main");
    const auto made = plugin.call<cri::CreateContainerResponse>(table.create_container, create);
    return made ? made->container_id() : made.error().message();
  }
  cri::ContainerState state(const std::string& id) {
    cri::ContainerStatusRequest request;
    request.set_container_id(id);
    const auto found = plugin.call<cri::ContainerStatusResponse>(table.container_status, request);
    return found ? found->status().state() : cri::CONTAINER_UNKNOWN;
  }

  testkit::ScriptedHost host;
  testkit::PluginUnderTest plugin{host};
  const gantry_runtime& table = plugin.table<gantry_runtime>(GANTRY_RUNTIME_ID);
};

TEST_F(@CLASS@Test, AContainerLivesFromStartToStop) {
  const auto id = container(sandbox());
  EXPECT_EQ(state(id), cri::CONTAINER_CREATED);
  cri::StartContainerRequest start;
  start.set_container_id(id);
  ASSERT_TRUE(plugin.run(table.start_container, start).ok());
  EXPECT_EQ(state(id), cri::CONTAINER_RUNNING);
  EXPECT_FALSE(plugin.run(table.start_container, start).ok());

  std::string told;
  table.set_event_sink(
      plugin.instance(),
      [](void* context, gantry_slice, gantry_slice container) {
        *static_cast<std::string*>(context) = std::string(to_view(container));
      },
      &told);
  cri::StopContainerRequest stop;
  stop.set_container_id(id);
  ASSERT_TRUE(plugin.run(table.stop_container, stop).ok());
  EXPECT_EQ(told, id);
  EXPECT_EQ(state(id), cri::CONTAINER_EXITED);
  table.set_event_sink(plugin.instance(), nullptr, nullptr);
}

TEST_F(@CLASS@Test, WhatIsGoneIsStoppedAndRemoved) {
  cri::StopContainerRequest stop;
  stop.set_container_id("none");
  EXPECT_TRUE(plugin.run(table.stop_container, stop).ok());
  cri::RemovePodSandboxRequest remove;
  remove.set_pod_sandbox_id("none");
  EXPECT_TRUE(plugin.run(table.remove_pod_sandbox, remove).ok());
  EXPECT_EQ(container("none"), "no sandbox none");
}

// A daemon loads no runtime that lacks one of them.
TEST_F(@CLASS@Test, HasEveryFunction) {
  EXPECT_TRUE(table.import_image && table.exec && table.exec_resize && table.exec_cancel && table.set_event_sink);
  Buffer error;
  uint64_t id = 0;
  EXPECT_EQ(table.exec(plugin.instance(), {}, -1, -1, -1, nullptr, nullptr, &id, error.out()), 501);
}

TEST_F(@CLASS@Test, ListsByLabels) {
  const auto id = sandbox();
  cri::ListPodSandboxRequest request;
  (*request.mutable_filter()->mutable_label_selector())["app"] = "web";
  const auto found = plugin.call<cri::ListPodSandboxResponse>(table.list_pod_sandbox, request);
  ASSERT_TRUE(found);
  ASSERT_EQ(found->items_size(), 1);
  EXPECT_EQ(found->items(0).id(), id);
  (*request.mutable_filter()->mutable_label_selector())["app"] = "db";
  EXPECT_EQ(plugin.call<cri::ListPodSandboxResponse>(table.list_pod_sandbox, request)->items_size(), 0);
}

}  // namespace
