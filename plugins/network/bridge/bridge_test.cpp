// bridge against the real kernel, inside a network namespace of the test's own: run as root.
#include "bridge.hpp"

#include <arpa/inet.h>
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sched.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <functional>
#include <thread>

#include "../netlink/netlink.hpp"

namespace gantry::bridge {
namespace {

namespace fs = std::filesystem;

// A host that answers get_daemon("data_dir") and nothing else.
struct FakeHost {
  explicit FakeHost(std::string dir) : data_dir(std::move(dir)) {
    host = {sizeof(gantry_host), 1, 0, this, [](const gantry_host*, const char* id) -> const void* {
              static constexpr gantry_config config = {
                  sizeof(gantry_config),
                  [](const gantry_host*, gantry_slice, gantry_buffer*, gantry_buffer*) -> gantry_code { return 404; },
                  [](const gantry_host*, gantry_slice, int64_t*, gantry_buffer*) -> gantry_code { return 404; },
                  [](const gantry_host*, gantry_slice, int32_t*, gantry_buffer*) -> gantry_code { return 404; },
                  [](const gantry_host*, gantry_slice, gantry_buffer*, gantry_buffer*) -> gantry_code { return 404; },
                  [](const gantry_host* self, gantry_slice key, gantry_buffer* value, gantry_buffer*) -> gantry_code {
                    if (to_view(key) != "data_dir") return 404;
                    fill_buffer(value, static_cast<FakeHost*>(self->context)->data_dir);
                    return 0;
                  }};
              return std::string_view(id) == GANTRY_CONFIG_ID ? &config : nullptr;
            }};
  }
  std::string data_dir;
  gantry_host host{};
};

// A program that runs as long as this.
class Server {
 public:
  explicit Server(const std::string& command) : pid_(::fork()) {
    if (pid_ != 0) return;
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    ::execl("/bin/sh", "sh", "-c", ("exec " + command).c_str(), nullptr);
    ::_exit(127);
  }
  ~Server() {
    ::kill(pid_, SIGKILL);
    ::waitpid(pid_, nullptr, 0);
  }
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

 private:
  pid_t pid_;
};

// The whole test lives in a namespace of its own: the machine's network is not touched.
class BridgeTest : public testing::Test {
 protected:
  void SetUp() override {
    if (geteuid() != 0) GTEST_SKIP() << "needs root";
    dir_ = fs::temp_directory_path() / ("gantry-bridge-" + std::to_string(getpid()) + "-" +
                                        testing::UnitTest::GetInstance()->current_test_info()->name());
    fs::create_directories(dir_);
    std::ofstream(dir_ / "file") << "hello";
    home_ = ::open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
    ASSERT_EQ(::unshare(CLONE_NEWNET), 0);
    here_ = "/proc/self/task/" + std::to_string(gettid()) + "/ns/net";
    host_ = std::make_unique<FakeHost>(dir_.string());
    make_plugin();
  }
  void TearDown() override {
    plugin_.reset();
    for (const auto& path : pinned_) ::umount2(path.c_str(), MNT_DETACH);
    if (home_ >= 0) {
      ::setns(home_, CLONE_NEWNET);
      ::close(home_);
    }
    fs::remove_all(dir_);
  }
  void make_plugin() {
    auto made = Bridge::create(sdk::Host(&host_->host));
    ASSERT_TRUE(made.ok()) << made.error().message();
    plugin_ = std::move(*made);
    abi::NetworkNode node;
    node.add_pod_cidrs("10.77.1.0/24");
    node.set_cluster_cidr("10.77.0.0/16");
    const auto status = plugin_->set_node(node);
    ASSERT_TRUE(status.ok()) << status.message();
  }
  // A pod's namespace, pinned in the test's folder.
  abi::NetworkAttachment pod(const std::string& id) {
    const auto path = dir_ / ("ns-" + id);
    ::close(::open(path.c_str(), O_CREAT | O_RDWR | O_CLOEXEC, 0600));
    std::thread([&] {
      EXPECT_EQ(::unshare(CLONE_NEWNET), 0);
      EXPECT_EQ(::mount(("/proc/self/task/" + std::to_string(gettid()) + "/ns/net").c_str(), path.c_str(), "", MS_BIND,
                        nullptr),
                0);
    }).join();
    pinned_.push_back(path);
    abi::NetworkAttachment attachment;
    attachment.set_sandbox_id(id);
    attachment.set_netns(path.string());
    attachment.set_interface("eth0");
    return attachment;
  }
  int ping(const std::string& netns, const std::string& address) {
    return std::system(("nsenter --net=" + netns + " busybox ping -c1 -W5 " + address + " >/dev/null").c_str());
  }
  // 0 when the server there, asked from a network namespace, answers with the test's file.
  static int fetch(const std::string& netns, const std::string& address, uint16_t port) {
    std::string answer;
    std::thread([&] {
      const int there = ::open(netns.c_str(), O_RDONLY | O_CLOEXEC);
      ASSERT_EQ(::setns(there, CLONE_NEWNET), 0);
      ::close(there);
      const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
      const struct timeval patience = {2, 0};
      ::setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
      ::setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
      sockaddr_in to{};
      to.sin_family = AF_INET;
      to.sin_port = htons(port);
      ::inet_pton(AF_INET, address.c_str(), &to.sin_addr);
      const std::string request = "GET /file HTTP/1.0\r\n\r\n";
      if (::connect(fd, reinterpret_cast<sockaddr*>(&to), sizeof to) == 0 &&
          ::send(fd, request.data(), request.size(), MSG_NOSIGNAL) > 0) {
        char block[512];
        for (ssize_t n = 0; (n = ::recv(fd, block, sizeof block, 0)) > 0;) answer.append(block, static_cast<size_t>(n));
      }
      ::close(fd);
    }).join();
    return answer.ends_with("hello") ? 0 : 1;
  }
  static std::string rules() {
    FILE* out = ::popen("nft list ruleset", "r");
    std::string text;
    char block[4096];
    while (const size_t n = std::fread(block, 1, sizeof block, out)) text.append(block, n);
    ::pclose(out);
    return text;
  }
  static bool eventually(const std::function<bool()>& check) {
    for (int tries = 0; tries < 500; tries++) {
      if (check()) return true;
      std::this_thread::sleep_for(std::chrono::milliseconds(20));
    }
    return false;
  }
  static std::string route_localnet() {
    std::string text;
    std::ifstream("/proc/sys/net/ipv4/conf/gantry0/route_localnet") >> text;
    return text;
  }
  size_t veths() {
    size_t count = 0;
    for (const auto& name : (*netlink::Netlink::open())->link_names()) count += name.size() == 15 && name[0] == 'g';
    return count;
  }

  fs::path dir_;
  std::string here_;  // the host's network namespace
  int home_ = -1;
  std::unique_ptr<FakeHost> host_;
  std::unique_ptr<Bridge> plugin_;
  std::vector<fs::path> pinned_;
};

TEST_F(BridgeTest, PodsReachEachOtherAndTheHostReachesThem) {
  const auto a = pod("a"), b = pod("b");
  const auto first = plugin_->add(a), second = plugin_->add(b);
  ASSERT_TRUE(first.ok()) << first.error().message();
  ASSERT_TRUE(second.ok()) << second.error().message();
  EXPECT_EQ(first->ips(0), "10.77.1.2");
  EXPECT_EQ(first->gateways(0), "10.77.1.1");
  EXPECT_FALSE(first->mac().empty());
  EXPECT_EQ(ping(a.netns(), second->ips(0)), 0);
  EXPECT_EQ(ping("/proc/self/ns/net", first->ips(0)), 0);
  EXPECT_TRUE(plugin_->check(a).ok());
}

TEST_F(BridgeTest, EveryCallMayComeAgainAlsoAfterARestart) {
  const auto a = pod("a");
  const auto first = plugin_->add(a);
  ASSERT_TRUE(first.ok());
  make_plugin();
  const auto again = plugin_->add(a);
  ASSERT_TRUE(again.ok()) << again.error().message();
  EXPECT_EQ(again->ips(0), first->ips(0));
  EXPECT_EQ(again->mac(), first->mac());
  EXPECT_EQ(veths(), 1u);
  EXPECT_TRUE(plugin_->del(a).ok());
  EXPECT_TRUE(plugin_->del(a).ok());
  EXPECT_EQ(veths(), 0u);
  EXPECT_FALSE(plugin_->check(a).ok());
}

TEST_F(BridgeTest, GcRemovesWhatNobodyOwns) {
  const auto a = pod("a"), b = pod("b");
  ASSERT_TRUE(plugin_->add(a).ok());
  ASSERT_TRUE(plugin_->add(b).ok());
  abi::NetworkLive live;
  live.add_sandbox_ids("b");
  EXPECT_TRUE(plugin_->gc(live).ok());
  EXPECT_EQ(veths(), 1u);
  EXPECT_FALSE(plugin_->check(a).ok());
  EXPECT_TRUE(plugin_->check(b).ok());
}

TEST_F(BridgeTest, HostPortsLeadToThePod) {
  auto a = pod("a");
  auto& port = *a.add_ports();
  port.set_host_port(8088);
  port.set_container_port(80);
  const auto result = plugin_->add(a);
  ASSERT_TRUE(result.ok());
  EXPECT_NE(rules().find("dport 8088 dnat to " + result->ips(0) + ":80"), std::string::npos) << rules();
  EXPECT_NE(rules().find("masquerade"), std::string::npos);
  make_plugin();
  EXPECT_NE(rules().find("dport 8088"), std::string::npos);
  EXPECT_TRUE(plugin_->del(a).ok());
  EXPECT_EQ(rules().find("dport 8088"), std::string::npos);
}

// Attaching pods was host-gw's business once: its pods go on, with their addresses and ports.
TEST_F(BridgeTest, WhatHostGwKeptIsTakenOver) {
  fs::create_directories(dir_ / "bridge");
  fs::create_directories(dir_ / "host-gw" / "addresses");
  std::ofstream(dir_ / "host-gw" / "addresses" / "10.77.1.2") << "old";
  auto old = pod("old");
  auto& port = *old.add_ports();
  port.set_host_port(8088);
  port.set_container_port(80);
  auto kept = old;
  kept.set_netns("10.77.1.2");
  const auto bytes = kept.SerializeAsString();
  std::ofstream(dir_ / "host-gw" / "ports", std::ios::binary) << bytes.size() << "\n" << bytes;
  host_ = std::make_unique<FakeHost>((dir_ / "bridge").string());
  for (int start = 0; start < 2; ++start) {
    make_plugin();
    EXPECT_NE(rules().find("dport 8088 dnat to 10.77.1.2:80"), std::string::npos) << rules();
    EXPECT_FALSE(fs::exists(dir_ / "bridge" / "ports")) << "it has another form now";
  }
  EXPECT_EQ(plugin_->add(pod("new"))->ips(0), "10.77.1.3");
  EXPECT_TRUE(plugin_->del(old).ok());
  EXPECT_EQ(rules().find("dport 8088"), std::string::npos);
}

TEST_F(BridgeTest, AHostPortOfIPv6IsLeftOutAndTheOthersServed) {
  auto a = pod("a");
  for (const auto& [host_port, host_ip] : {std::pair(8088, "fd00::1"), std::pair(8089, "")}) {
    auto& port = *a.add_ports();
    port.set_host_port(host_port);
    port.set_container_port(80);
    port.set_host_ip(host_ip);
  }
  ASSERT_TRUE(plugin_->add(a).ok());
  EXPECT_EQ(rules().find("8088"), std::string::npos);
  EXPECT_NE(rules().find("dport 8089"), std::string::npos);
}

TEST_F(BridgeTest, HostPortsAnswerOnTheLoopback) {
  auto a = pod("a"), b = pod("b");
  for (const auto& [host_port, host_ip] : {std::pair(18080, ""), std::pair(18081, "127.0.0.1")}) {
    auto& port = *a.add_ports();
    port.set_host_port(host_port);
    port.set_container_port(80);
    port.set_host_ip(host_ip);
  }
  EXPECT_EQ(route_localnet(), "0");
  ASSERT_TRUE(plugin_->add(a).ok());
  ASSERT_TRUE(plugin_->add(b).ok());
  ASSERT_TRUE((*netlink::Netlink::open())->ensure_up("lo").ok());
  EXPECT_EQ(route_localnet(), "1");
  const Server server("nsenter --net=" + a.netns() + " busybox httpd -f -p 80 -h " + dir_.string());
  for (const auto& [address, host_port] :
       {std::pair("10.77.1.1", 18080), std::pair("127.0.0.1", 18080), std::pair("127.0.0.1", 18081)}) {
    EXPECT_TRUE(eventually([&, to = address, at = host_port] { return fetch(here_, to, at) == 0; })) << address;
  }
  EXPECT_EQ(fetch(b.netns(), "10.77.1.1", 18080), 0);
  EXPECT_NE(fetch(b.netns(), "10.77.1.1", 18081), 0);
  make_plugin();
  EXPECT_EQ(fetch(here_, "127.0.0.1", 18081), 0);
  EXPECT_TRUE(plugin_->del(a).ok());
  EXPECT_EQ(route_localnet(), "0");
}

TEST_F(BridgeTest, NobodyElseReachesTheLoopback) {
  auto a = pod("a"), b = pod("b");
  auto& port = *a.add_ports();
  port.set_host_port(18081);
  port.set_container_port(80);
  port.set_host_ip("127.0.0.1");
  ASSERT_TRUE(plugin_->add(a).ok());
  ASSERT_TRUE(plugin_->add(b).ok());
  ASSERT_TRUE((*netlink::Netlink::open())->ensure_up("lo").ok());
  const Server inside("nsenter --net=" + a.netns() + " busybox httpd -f -p 80 -h " + dir_.string());
  const Server here("busybox httpd -f -p 127.0.0.1:18099 -h " + dir_.string());
  EXPECT_TRUE(eventually([&] { return fetch(here_, "127.0.0.1", 18099) == 0; }));
  EXPECT_TRUE(eventually([&] { return fetch(here_, "127.0.0.1", 18081) == 0; }));
  // A pod that sends packets for 127.0.0.1 over the wire, as only a hostile one does.
  const auto in_b = "nsenter --net=" + b.netns() + " sh -c '";
  ASSERT_EQ(std::system((in_b + "echo 1 > /proc/sys/net/ipv4/conf/all/route_localnet; ip addr flush dev lo;"
                                "ip route add 127.0.0.1/32 via 10.77.1.1 dev eth0'")
                            .c_str()),
            0);
  for (const int to : {18099, 18081}) EXPECT_NE(fetch(b.netns(), "127.0.0.1", to), 0) << to;
  // What was kept out is this, and not a route that is missing: without the guard the first one answers.
  ASSERT_EQ(std::system("nft flush chain ip gantry guard"), 0);
  EXPECT_EQ(fetch(b.netns(), "127.0.0.1", 18099), 0);
}

TEST_F(BridgeTest, AMissingNamespaceIsAClearError) {
  abi::NetworkAttachment gone;
  gone.set_sandbox_id("x");
  gone.set_netns((dir_ / "nowhere").string());
  const auto result = plugin_->add(gone);
  ASSERT_FALSE(result.ok());
  EXPECT_NE(result.error().message().find("nowhere"), std::string::npos);
  EXPECT_TRUE(plugin_->del(gone).ok());
}

}  // namespace
}  // namespace gantry::bridge
