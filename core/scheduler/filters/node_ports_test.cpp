#include <gtest/gtest.h>

#include "core/files/testing.hpp"
#include "core/scheduler/scheduler_testing.hpp"

namespace gantry::scheduler {
namespace {

TEST(NodePorts, AddressesAndProtocols) {
  auto node = node_with("1", "1Gi");
  node.ports.add({"0.0.0.0", "TCP", 80});
  node.ports.add({"127.0.0.1", "UDP", 53});
  const auto is_free = [&](const std::string& ip, const std::string& protocol, int port) {
    auto pod = pod_with("", "");
    auto& wanted = *pod.mutable_spec()->mutable_containers(0)->add_ports();
    wanted.set_host_ip(ip);
    wanted.set_protocol(protocol);
    wanted.set_host_port(port);
    return fits(pod, node);
  };
  EXPECT_FALSE(is_free("", "TCP", 80));
  EXPECT_FALSE(is_free("10.0.0.1", "TCP", 80));
  EXPECT_TRUE(is_free("", "UDP", 80));
  EXPECT_FALSE(is_free("", "UDP", 53));
  EXPECT_TRUE(is_free("127.0.0.2", "UDP", 53));
  node.ports.add({"0.0.0.0", "TCP", 80});
  node.ports.remove({"0.0.0.0", "TCP", 80});
  EXPECT_FALSE(is_free("", "TCP", 80)) << "another pod has it still";
  node.ports.remove({"0.0.0.0", "TCP", 80});
  EXPECT_TRUE(is_free("", "TCP", 80));
  EXPECT_FALSE(asks(read_waiting_pod(pod_with("", ""))->filters, "NodePorts"));
}

// Each times each would take minutes.
TEST(NodePorts, VeryMany) {
  constexpr int kVeryMany = testing_support::scaled(200'000, 20'000);
  corev1::Pod first = pod_with("", "");
  for (int i = 0; i < kVeryMany; ++i) {
    auto& port = *first.mutable_spec()->mutable_containers(0)->add_ports();
    port.set_host_ip("10." + std::to_string(i >> 16) + "." + std::to_string(i >> 8 & 255) + "." +
                     std::to_string(i & 255));
    port.set_host_port(80);
  }
  corev1::Pod second = first;
  for (auto& port : *second.mutable_spec()->mutable_containers(0)->mutable_ports()) port.set_host_port(81);
  NodeCache cache;
  cache.set_node(node_with("1", "1Gi").facts);
  cache.add_pod(read_pod(first), "n");
  EXPECT_EQ(reasons_against(second, *cache.nodes()[0]), Said{});
  EXPECT_EQ(judged(first, *cache.nodes()[0]), (Judged{Verdict::kUnschedulable,
                                                      {"node(s) didn't have free ports for the requested pod ports"},
                                                      Changes::kPodGone}));
  EXPECT_TRUE(cache.remove_pod("u"));
  EXPECT_EQ(reasons_against(first, *cache.nodes()[0]), Said{});
}

}  // namespace
}  // namespace gantry::scheduler
