// host-gw against the real kernel, inside a network namespace of the test's own: run as root.
#include "host_gw.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sched.h>
#include <sys/mount.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <thread>

#include "netlink.hpp"

namespace gantry::host_gw {
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

// The whole test lives in a namespace of its own: the machine's network is not touched.
class HostGwTest : public testing::Test {
 protected:
  void SetUp() override {
    if (geteuid() != 0) GTEST_SKIP() << "needs root";
    dir_ = fs::temp_directory_path() / ("gantry-hostgw-" + std::to_string(getpid()) + "-" +
                                        testing::UnitTest::GetInstance()->current_test_info()->name());
    fs::create_directories(dir_);
    home_ = ::open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
    ASSERT_EQ(::unshare(CLONE_NEWNET), 0);
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
    auto made = HostGw::create(sdk::Host(&host_->host));
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
  size_t veths() {
    size_t count = 0;
    for (const auto& name : (*Netlink::open())->link_names()) count += name.size() == 15 && name[0] == 'g';
    return count;
  }

  fs::path dir_;
  int home_ = -1;
  std::unique_ptr<FakeHost> host_;
  std::unique_ptr<HostGw> plugin_;
  std::vector<fs::path> pinned_;
};

TEST_F(HostGwTest, PodsReachEachOtherAndTheHostReachesThem) {
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

TEST_F(HostGwTest, EveryCallMayComeAgainAlsoAfterARestart) {
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

TEST_F(HostGwTest, GcRemovesWhatNobodyOwns) {
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

TEST_F(HostGwTest, HostPortsLeadToThePod) {
  auto a = pod("a");
  auto& port = *a.add_ports();
  port.set_host_port(8088);
  port.set_container_port(80);
  const auto result = plugin_->add(a);
  ASSERT_TRUE(result.ok());
  const auto rules = [] {
    FILE* out = ::popen("nft list ruleset", "r");
    std::string text;
    char block[4096];
    while (const size_t n = std::fread(block, 1, sizeof block, out)) text.append(block, n);
    ::pclose(out);
    return text;
  };
  EXPECT_NE(rules().find("dport 8088 dnat to " + result->ips(0) + ":80"), std::string::npos) << rules();
  EXPECT_NE(rules().find("masquerade"), std::string::npos);
  make_plugin();
  EXPECT_NE(rules().find("dport 8088"), std::string::npos);
  EXPECT_TRUE(plugin_->del(a).ok());
  EXPECT_EQ(rules().find("dport 8088"), std::string::npos);
}

TEST_F(HostGwTest, AMissingNamespaceIsAClearError) {
  abi::NetworkAttachment gone;
  gone.set_sandbox_id("x");
  gone.set_netns((dir_ / "nowhere").string());
  const auto result = plugin_->add(gone);
  ASSERT_FALSE(result.ok());
  EXPECT_NE(result.error().message().find("nowhere"), std::string::npos);
  EXPECT_TRUE(plugin_->del(gone).ok());
}

}  // namespace
}  // namespace gantry::host_gw
