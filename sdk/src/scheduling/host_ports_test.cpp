#include "gantry/scheduling/host_ports.hpp"

#include <gtest/gtest.h>

namespace gantry::sdk {
namespace {

TEST(HostPorts, OfContainersAndSidecars) {
  corev1::PodSpec spec;
  auto& container = *spec.add_containers();
  container.add_ports()->set_container_port(8080);
  container.add_ports()->set_host_port(80);
  auto& full = *container.add_ports();
  full.set_host_ip("127.0.0.1");
  full.set_protocol("UDP");
  full.set_host_port(53);
  spec.add_init_containers()->add_ports()->set_host_port(81);
  auto& sidecar = *spec.add_init_containers();
  sidecar.set_restart_policy("Always");
  sidecar.add_ports()->set_host_port(82);
  const auto ports = host_ports_of(spec);
  ASSERT_EQ(ports.size(), 3U);
  const auto text = [](const HostPort& port) {
    return port.ip + " " + port.protocol + " " + std::to_string(port.port);
  };
  EXPECT_EQ(text(ports[0]), "0.0.0.0 TCP 80");
  EXPECT_EQ(text(ports[1]), "127.0.0.1 UDP 53");
  EXPECT_EQ(text(ports[2]), "0.0.0.0 TCP 82");
}

TEST(HostPorts, ClashByAddressProtocolAndPort) {
  HostPorts taken;
  taken.add({"0.0.0.0", "TCP", 80});
  taken.add({"127.0.0.1", "UDP", 53});
  EXPECT_TRUE(taken.clashes({"0.0.0.0", "TCP", 80}));
  EXPECT_TRUE(taken.clashes({"10.0.0.1", "TCP", 80}));
  EXPECT_FALSE(taken.clashes({"0.0.0.0", "UDP", 80}));
  EXPECT_FALSE(taken.clashes({"0.0.0.0", "TCP", 81}));
  EXPECT_TRUE(taken.clashes({"0.0.0.0", "UDP", 53}));
  EXPECT_TRUE(taken.clashes({"127.0.0.1", "UDP", 53}));
  EXPECT_FALSE(taken.clashes({"127.0.0.2", "UDP", 53}));
  taken.remove({"127.0.0.2", "UDP", 53});
  taken.remove({"127.0.0.1", "UDP", 54});
  EXPECT_TRUE(taken.clashes({"127.0.0.1", "UDP", 53}));
  taken.add({"127.0.0.1", "UDP", 53});
  taken.remove({"127.0.0.1", "UDP", 53});
  EXPECT_TRUE(taken.clashes({"127.0.0.1", "UDP", 53})) << "another pod has it still";
  taken.remove({"127.0.0.1", "UDP", 53});
  EXPECT_FALSE(taken.clashes({"0.0.0.0", "UDP", 53}));
}

}  // namespace
}  // namespace gantry::sdk
