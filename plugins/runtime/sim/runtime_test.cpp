// Imaginary containers and their network.
#include "runtime.hpp"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "imaginary_network.hpp"
#include "testing.hpp"

namespace gantry::sim {
namespace {

namespace fs = std::filesystem;

class RuntimeTest : public ::testing::Test {
 protected:
  RuntimeTest() {
    std::string pattern = (fs::temp_directory_path() / "gantry-sim-XXXXXX").string();
    host_.data_dir = ::mkdtemp(pattern.data());
    host_.now_ns = testing::kNow;
  }
  ~RuntimeTest() override { fs::remove_all(host_.data_dir); }

  std::string sandbox(Runtime& runtime) {
    cri::RunPodSandboxRequest request;
    auto& config = *request.mutable_config();
    config.mutable_metadata()->set_name("web");
    config.mutable_metadata()->set_uid("u1");
    config.set_log_directory(host_.data_dir + "/logs");
    (*config.mutable_labels())["pod"] = "u1";
    return runtime.run_pod_sandbox(request)->pod_sandbox_id();
  }
  std::string container(Runtime& runtime, const std::string& in) {
    cri::CreateContainerRequest request;
    request.set_pod_sandbox_id(in);
    request.mutable_config()->mutable_metadata()->set_name("main");
    request.mutable_config()->mutable_image()->set_image("nginx:1");
    request.mutable_config()->set_log_path("main/0.log");
    const auto id = runtime.create_container(request)->container_id();
    cri::StartContainerRequest start;
    start.set_container_id(id);
    EXPECT_TRUE(runtime.start_container(start).ok());
    return id;
  }
  static cri::ContainerStatus status(Runtime& runtime, const std::string& id) {
    cri::ContainerStatusRequest request;
    request.set_container_id(id);
    const auto found = runtime.container_status(request);
    return found ? found->status() : cri::ContainerStatus();
  }

  testing::Host host_;
};

TEST_F(RuntimeTest, AContainerRunsAndStops) {
  Runtime runtime{sdk::Host(&host_.host)};
  const auto pod = sandbox(runtime);
  const auto id = container(runtime, pod);
  EXPECT_EQ(status(runtime, id).state(), cri::CONTAINER_RUNNING);
  std::ifstream log(host_.data_dir + "/logs/main/0.log");
  std::string line;
  std::getline(log, line);
  EXPECT_EQ(line, "2023-11-14T22:13:20.000000000Z stdout F container main is simulated");
  cri::ExecSyncRequest exec;
  exec.set_container_id(id);
  exec.add_cmd("echo");
  exec.add_cmd("hi");
  EXPECT_EQ(runtime.exec_sync(exec)->stdout(), "echo hi\n");
  cri::StopContainerRequest stop;
  stop.set_container_id(id);
  stop.set_timeout(30);
  EXPECT_TRUE(runtime.stop_container(stop).ok());
  EXPECT_TRUE(runtime.stop_container(stop).ok());
  EXPECT_EQ(status(runtime, id).state(), cri::CONTAINER_EXITED);
  EXPECT_EQ(status(runtime, id).exit_code(), 0);
  EXPECT_FALSE(runtime.exec_sync(exec).ok());
}

TEST_F(RuntimeTest, WhatRanIsFoundAgain) {
  std::string pod, id;
  {
    Runtime runtime{sdk::Host(&host_.host)};
    pod = sandbox(runtime);
    id = container(runtime, pod);
  }
  Runtime runtime{sdk::Host(&host_.host)};
  EXPECT_EQ(status(runtime, id).state(), cri::CONTAINER_RUNNING);
  cri::ListPodSandboxRequest list;
  (*list.mutable_filter()->mutable_label_selector())["pod"] = "u1";
  EXPECT_EQ(runtime.list_pod_sandbox(list)->items_size(), 1);
  (*list.mutable_filter()->mutable_label_selector())["pod"] = "u2";
  EXPECT_EQ(runtime.list_pod_sandbox(list)->items_size(), 0);
  cri::RemovePodSandboxRequest remove;
  remove.set_pod_sandbox_id(pod);
  EXPECT_TRUE(runtime.remove_pod_sandbox(remove).ok());
  EXPECT_TRUE(runtime.remove_pod_sandbox(remove).ok());
  EXPECT_EQ(runtime.list_containers({})->containers_size(), 0);
}

TEST_F(RuntimeTest, ADamagedStateFileIsAnEmptyOne) {
  std::ofstream(host_.data_dir + "/runtime") << "\x40\0\0\0nonsense";
  Runtime runtime{sdk::Host(&host_.host)};
  EXPECT_EQ(runtime.list_pod_sandbox({})->items_size(), 0);
}

TEST_F(RuntimeTest, EveryImageExists) {
  Runtime runtime{sdk::Host(&host_.host)};
  cri::ImageStatusRequest request;
  request.mutable_image()->set_image("nginx:1");
  const auto id = runtime.image_status(request)->image().id();
  EXPECT_EQ(id.substr(0, 7), "sha256:");
  request.mutable_image()->set_image(id);
  EXPECT_EQ(runtime.image_status(request)->image().id(), id);
}

TEST(ImaginaryNetwork, GivesEachSandboxOneAddressOfTheNode) {
  ImaginaryNetwork network;
  abi::NetworkAttachment one, two;
  one.set_sandbox_id("00000000aa");
  two.set_sandbox_id("00000000bb");
  EXPECT_FALSE(network.add(one).ok());
  abi::NetworkNode node;
  node.add_pod_cidrs("10.42.3.0/24");
  ASSERT_TRUE(network.set_node(node).ok());
  const auto first = network.add(one)->ips(0);
  EXPECT_EQ(first, "10.42.3.2");
  EXPECT_EQ(network.add(one)->ips(0), first);
  EXPECT_EQ(network.add(two)->ips(0), "10.42.3.3");
  EXPECT_TRUE(network.del(one).ok());
  EXPECT_TRUE(network.gc({}).ok());
  EXPECT_EQ(network.add(two)->ips(0), "10.42.3.2");
}

}  // namespace
}  // namespace gantry::sim
