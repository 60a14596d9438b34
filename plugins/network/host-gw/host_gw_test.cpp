// host-gw against the real kernel: network namespaces are hosts, joined by veth pairs. Run as root.
#include "host_gw.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sched.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <functional>
#include <sstream>
#include <thread>

namespace gantry::host_gw {
namespace {

namespace fs = std::filesystem;

const gantry_host* bare_host() {
  static const gantry_host host = {sizeof(gantry_host), 1, 0, nullptr,
                                   [](const gantry_host*, const char*) -> const void* { return nullptr; }};
  return &host;
}

// A network namespace, pinned in a folder.
class Host {
 public:
  explicit Host(fs::path path) : path_(std::move(path)) {
    std::ofstream(path_).flush();
    std::thread([&] {
      EXPECT_EQ(::unshare(CLONE_NEWNET), 0);
      const auto own = "/proc/self/task/" + std::to_string(gettid()) + "/ns/net";
      EXPECT_EQ(::mount(own.c_str(), path_.c_str(), "", MS_BIND, nullptr), 0);
    }).join();
  }
  ~Host() { ::umount2(path_.c_str(), MNT_DETACH); }
  Host(const Host&) = delete;
  Host& operator=(const Host&) = delete;

  const fs::path& path() const { return path_; }
  void in(const std::function<void()>& act) const {
    std::thread([&] {
      const int fd = ::open(path_.c_str(), O_RDONLY | O_CLOEXEC);
      ASSERT_EQ(::setns(fd, CLONE_NEWNET), 0);
      ::close(fd);
      act();
    }).join();
  }
  int run(const std::string& command) const {
    return std::system(("nsenter --net=" + path_.string() + " sh -c '" + command + "'").c_str());
  }
  std::string output(const std::string& command) const {
    FILE* out = ::popen(("nsenter --net=" + path_.string() + " " + command + " 2>&1").c_str(), "r");
    std::string text;
    char block[4096];
    while (const size_t n = std::fread(block, 1, sizeof block, out)) text.append(block, n);
    ::pclose(out);
    return text;
  }

 private:
  const fs::path path_;
};

abi::OverlayNode node(int number, const std::string& name = {}) {
  const auto n = std::to_string(number);
  abi::OverlayNode out;
  out.set_name(name.empty() ? "n" + n : name);
  out.add_pod_cidrs("10.88." + n + ".0/24");
  out.add_pod_cidrs("fd00:88:0:" + n + "::/64");
  out.add_addresses("192.0.2." + n);
  out.add_addresses("fd00:9::" + n);
  out.set_backend("host-gw");
  return out;
}

// Three hosts on one wire, each with a range of pods and an instance of the plugin.
class HostGwTest : public testing::Test {
 protected:
  void SetUp() override {
    if (geteuid() != 0) GTEST_SKIP() << "needs root";
    dir_ = fs::temp_directory_path() / ("gantry-hostgw-" + std::to_string(getpid()) + "-" +
                                        testing::UnitTest::GetInstance()->current_test_info()->name());
    fs::create_directories(dir_);
    wire_ = std::make_unique<Host>(dir_ / "wire");
    ASSERT_EQ(wire_->run("ip link add wire type bridge && ip link set wire up"), 0);
    for (int i = 1; i <= 3; ++i) {
      hosts_.push_back(std::make_unique<Host>(dir_ / ("host" + std::to_string(i))));
      join(i);
      plugins_.push_back(start(i));
    }
  }
  void TearDown() override {
    plugins_.clear();
    hosts_.clear();
    wire_.reset();
    if (!dir_.empty()) fs::remove_all(dir_);
  }
  // Its device on the wire, and what stands for its pods.
  void join(int i) {
    const auto n = std::to_string(i);
    ASSERT_EQ(wire_->run("ip link add to" + n + " type veth peer name eth0 netns " + host(i).path().string() +
                         " && ip link set to" + n + " master wire up"),
              0);
    ASSERT_EQ(host(i).run("ip link set lo up; ip addr add 192.0.2." + n + "/24 dev eth0 && ip addr add fd00:9::" + n +
                          "/64 dev eth0 nodad && ip link set eth0 up && ip link add pods type bridge && ip addr add "
                          "10.88." +
                          n + ".1/24 dev pods && ip addr add fd00:88:0:" + n +
                          "::1/64 dev pods nodad && ip link set pods up"),
              0);
  }
  Host& host(int i) { return *hosts_.at(static_cast<size_t>(i - 1)); }
  std::unique_ptr<HostGw> start(int i) {
    auto made = HostGw::create(sdk::Host(bare_host()));
    EXPECT_TRUE(made.ok());
    abi::OverlaySelf self;
    *self.mutable_node() = node(i);
    self.add_cluster_cidrs("10.88.0.0/16");
    self.add_cluster_cidrs("fd00:88::/48");
    host(i).in([&] { EXPECT_TRUE((*made)->set_node(self).ok()); });
    return std::move(*made);
  }
  Status tell(int i, const abi::OverlayNodes& nodes) {
    Status done;
    host(i).in([&] { done = plugins_.at(static_cast<size_t>(i - 1))->set_nodes(nodes); });
    return done;
  }
  static abi::OverlayNodes all(std::initializer_list<abi::OverlayNode> nodes) {
    auto out = changed(nodes);
    out.set_complete(true);
    return out;
  }
  static abi::OverlayNodes changed(std::initializer_list<abi::OverlayNode> nodes) {
    abi::OverlayNodes out;
    for (const auto& one : nodes) *out.add_nodes() = one;
    return out;
  }
  static abi::OverlayNodes gone(const std::string& name) {
    abi::OverlayNodes out;
    out.add_gone(name);
    return out;
  }
  void tell_all_of_all() {
    for (int i = 1; i <= 3; ++i) {
      abi::OverlayNodes others;
      others.set_complete(true);
      for (int j = 1; j <= 3; ++j) {
        if (j != i) *others.add_nodes() = node(j);
      }
      const auto done = tell(i, others);
      EXPECT_TRUE(done.ok()) << done.message();
    }
  }
  bool reaches(int from, const std::string& address) {
    const bool ipv6 = address.find(':') != address.npos;
    const auto n = std::to_string(from);
    const auto source = ipv6 ? "fd00:88:0:" + n + "::1" : "10.88." + n + ".1";
    return host(from).run(std::string("busybox ping") + (ipv6 ? " -6" : "") + " -c1 -W5 -I " + source + " " + address +
                          " >/dev/null") == 0;
  }
  // "RANGE via ADDRESS" of the plugin's routes, sorted.
  std::set<std::string> routes(int i) {
    std::set<std::string> found;
    for (const char* family : {"-4", "-6"}) {
      std::istringstream lines(host(i).output(std::string("ip ") + family + " route show proto 71"));
      for (std::string line; std::getline(lines, line);) found.insert(line.substr(0, line.find(" dev ")));
    }
    return found;
  }
  // What the kernel says of changed routes while `act` runs.
  std::string changes(int i, const std::function<void()>& act) {
    const auto file = dir_ / "monitor";
    const pid_t monitor = ::fork();
    if (monitor == 0) {
      ::prctl(PR_SET_PDEATHSIG, SIGKILL);
      const auto command = "exec nsenter --net=" + host(i).path().string() + " ip -o monitor route >" + file.string();
      ::execl("/bin/sh", "sh", "-c", command.c_str(), nullptr);
      ::_exit(127);
    }
    std::string text;
    const auto said = [&](const char* what) {
      std::ifstream in(file);
      text.assign(std::istreambuf_iterator<char>(in), {});
      return text.find(what) != text.npos;
    };
    // It listens once it has told of a route, and has told all once it tells of the last.
    int tries = 0;
    while (!said("198.51.100.0/24") && ++tries < 200) {
      host(i).run("ip route add 198.51.100.0/24 dev eth0; ip route del 198.51.100.0/24");
    }
    act();
    EXPECT_EQ(host(i).run("ip route add 203.0.113.0/24 dev eth0; ip route del 203.0.113.0/24"), 0);
    for (tries = 0; !said("Deleted 203.0.113.0/24") && tries < 5000; ++tries) ::usleep(2'000);
    ::kill(monitor, SIGKILL);
    ::waitpid(monitor, nullptr, 0);
    std::string out;
    std::istringstream lines(text);
    for (std::string line; std::getline(lines, line);) {
      if (line.find("10.88.") != line.npos || line.find("fd00:88:") != line.npos) out += line + "\n";
    }
    return out;
  }

  const std::set<std::string> kOf1 = {"10.88.2.0/24 via 192.0.2.2", "10.88.3.0/24 via 192.0.2.3",
                                      "fd00:88:0:2::/64 via fd00:9::2", "fd00:88:0:3::/64 via fd00:9::3"};
  fs::path dir_;
  std::unique_ptr<Host> wire_;
  std::vector<std::unique_ptr<Host>> hosts_;
  std::vector<std::unique_ptr<HostGw>> plugins_;
};

TEST_F(HostGwTest, PodsOfThreeNodesReachEachOther) {
  EXPECT_FALSE(reaches(1, "10.88.2.1"));
  tell_all_of_all();
  for (int from = 1; from <= 3; ++from) {
    for (int to = 1; to <= 3; ++to) {
      EXPECT_TRUE(reaches(from, "10.88." + std::to_string(to) + ".1")) << from << " to " << to;
      EXPECT_TRUE(reaches(from, "fd00:88:0:" + std::to_string(to) + "::1")) << from << " to " << to;
    }
    EXPECT_EQ(host(from).output("cat /proc/sys/net/ipv4/ip_forward /proc/sys/net/ipv6/conf/all/forwarding"), "1\n1\n");
  }
  EXPECT_EQ(routes(1), kOf1);
  EXPECT_EQ(changes(1, [&] { EXPECT_TRUE(tell(1, all({node(3), node(2)})).ok()); }), "") << "the same again";
  EXPECT_EQ(changes(1, [&] { EXPECT_TRUE(tell(1, changed({node(2)})).ok()); }), "");
}

TEST_F(HostGwTest, ANodesNewAddressIsFollowedAndNoOtherRouteTouched) {
  tell_all_of_all();
  ASSERT_EQ(host(2).run("ip addr add 192.0.2.22/24 dev eth0; ip addr del 192.0.2.2/24 dev eth0; "
                        "ip addr add 192.0.2.22/24 dev eth0 2>/dev/null; true"),
            0);
  auto moved = node(2);
  moved.set_addresses(0, "192.0.2.22");
  const auto seen = changes(1, [&] { EXPECT_TRUE(tell(1, changed({moved})).ok()); });
  EXPECT_NE(seen.find("10.88.2.0/24 via 192.0.2.22"), seen.npos) << seen;
  EXPECT_EQ(seen.find("10.88.3.0/24"), seen.npos) << seen;
  EXPECT_EQ(seen.find("fd00:88:"), seen.npos) << seen;
  // With its address the kernel took the other host's routes away; the complete list mends that.
  EXPECT_TRUE(tell(2, all({node(1), node(3)})).ok());
  EXPECT_TRUE(reaches(1, "10.88.2.1"));
  EXPECT_TRUE(reaches(1, "10.88.3.1"));
}

TEST_F(HostGwTest, ANodesNewRangeIsFollowedAndTheOldOneForgotten) {
  tell_all_of_all();
  auto moved = node(2);
  moved.set_pod_cidrs(0, "10.88.77.0/24");
  const auto seen = changes(1, [&] { EXPECT_TRUE(tell(1, changed({moved})).ok()); });
  EXPECT_EQ(seen.find("10.88.3.0/24"), seen.npos) << seen;
  EXPECT_EQ(routes(1), (std::set<std::string>{"10.88.77.0/24 via 192.0.2.2", "10.88.3.0/24 via 192.0.2.3",
                                              "fd00:88:0:2::/64 via fd00:9::2", "fd00:88:0:3::/64 via fd00:9::3"}));
  ASSERT_EQ(host(2).run("ip addr add 10.88.77.1/24 dev pods"), 0);
  EXPECT_TRUE(reaches(1, "10.88.77.1"));
}

TEST_F(HostGwTest, ANodeThatGoesTakesItsRoutesAndNoOthers) {
  tell_all_of_all();
  const auto seen = changes(1, [&] { EXPECT_TRUE(tell(1, gone("n2")).ok()); });
  EXPECT_EQ(routes(1), (std::set<std::string>{"10.88.3.0/24 via 192.0.2.3", "fd00:88:0:3::/64 via fd00:9::3"}));
  EXPECT_EQ(seen.find("88.3.0"), seen.npos) << seen;
  EXPECT_EQ(seen.find(":3::/64"), seen.npos) << seen;
  EXPECT_FALSE(reaches(1, "10.88.2.1"));
  EXPECT_TRUE(reaches(1, "10.88.3.1"));
  EXPECT_TRUE(tell(1, gone("n2")).ok()) << "twice is nothing";
  EXPECT_TRUE(tell(1, gone("n9")).ok());
}

TEST_F(HostGwTest, ARangeThatGoesToAnotherNodeIsNotLostOnTheWay) {
  tell_all_of_all();
  auto heir = node(3);
  const auto former = node(2);
  for (const auto& range : former.pod_cidrs()) heir.add_pod_cidrs(range);
  auto both = changed({heir});
  both.add_gone("n2");
  EXPECT_TRUE(tell(1, both).ok());
  EXPECT_TRUE(routes(1).contains("10.88.2.0/24 via 192.0.2.3"));
  EXPECT_EQ(routes(1).size(), 4u);
  EXPECT_TRUE(tell(1, gone("n3")).ok());
  EXPECT_TRUE(routes(1).empty());
}

TEST_F(HostGwTest, AfterAKillTheKernelsStateIsFoundAgain) {
  const pid_t child = ::fork();
  if (child == 0) {
    const int fd = ::open(host(1).path().c_str(), O_RDONLY | O_CLOEXEC);
    ::setns(fd, CLONE_NEWNET);
    auto former = HostGw::create(sdk::Host(bare_host()));
    const bool done = (*former)->set_nodes(all({node(2), node(3), node(4)})).ok();
    if (done) ::kill(getpid(), SIGKILL);
    ::_exit(1);
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  ASSERT_TRUE(WIFSIGNALED(status));
  ASSERT_EQ(routes(1).size(), 6u);
  const auto seen = changes(1, [&] { EXPECT_TRUE(tell(1, all({node(2), node(3)})).ok()); });
  EXPECT_EQ(routes(1), kOf1);
  EXPECT_EQ(seen.find("88.2.0"), seen.npos) << "touched: " << seen;
  EXPECT_EQ(seen.find("88.3.0"), seen.npos) << "touched: " << seen;
  // A node of before that has another address now, and a difference for one that this instance knows from the kernel.
  auto moved = node(2);
  moved.set_addresses(0, "192.0.2.23");
  plugins_[0] = start(1);
  EXPECT_TRUE(tell(1, all({moved, node(3)})).ok());
  EXPECT_TRUE(routes(1).contains("10.88.2.0/24 via 192.0.2.23"));
  EXPECT_TRUE(tell(1, gone("n2")).ok());
  EXPECT_EQ(routes(1).size(), 2u);
}

TEST_F(HostGwTest, RoutesOfStrangersStay) {
  const auto strangers = [&] { return host(1).output("ip route show proto static"); };
  ASSERT_EQ(host(1).run("ip route add 10.88.2.0/24 via 192.0.2.3 proto static; "
                        "ip route add 10.88.9.0/24 via 192.0.2.3 proto static; "
                        "ip route add 10.99.1.0/24 via 192.0.2.3 proto 71"),
            0);
  const auto before = strangers();
  const auto refused = tell(1, all({node(2), node(3)}));
  EXPECT_EQ(refused.code(), 409);
  EXPECT_EQ(refused.message(), "node n2: there is a route to 10.88.2.0/24 that is somebody else's");
  EXPECT_EQ(strangers(), before);
  auto own = kOf1;
  own.erase("10.88.2.0/24 via 192.0.2.2");
  own.insert("10.99.1.0/24 via 192.0.2.3");  // of another cluster's daemon, outside of our ranges
  EXPECT_EQ(routes(1), own) << "the others are served";
  EXPECT_TRUE(tell(1, all({})).ok());
  EXPECT_EQ(strangers(), before);
  EXPECT_EQ(routes(1), std::set<std::string>{"10.99.1.0/24 via 192.0.2.3"});
  ASSERT_EQ(host(1).run("ip route del 10.88.2.0/24"), 0);
  EXPECT_TRUE(tell(1, all({node(2), node(3)})).ok()) << "as the host will say again";
  EXPECT_TRUE(routes(1).contains("10.88.2.0/24 via 192.0.2.2"));
}

TEST_F(HostGwTest, WhoIsOnNoCommonNetworkIsSaidAndTheOthersAreServed) {
  auto far = node(2);
  far.clear_addresses();
  far.add_addresses("203.0.113.2");
  auto further = node(3);
  further.set_addresses(0, "203.0.113.3");
  further.add_addresses("192.0.2.3");
  const auto failed = tell(1, all({far, further}));
  EXPECT_NE(failed.message().find("node n2: "), std::string::npos) << failed.message();
  EXPECT_EQ(routes(1), (std::set<std::string>{"10.88.3.0/24 via 192.0.2.3", "fd00:88:0:3::/64 via fd00:9::3"}))
      << "over a further address";
  // It comes nearer; and goes far again: no route leads where it was.
  EXPECT_TRUE(tell(1, changed({node(2)})).ok());
  EXPECT_EQ(routes(1), kOf1);
  EXPECT_FALSE(tell(1, changed({far})).ok());
  EXPECT_EQ(routes(1).size(), 2u);
}

TEST_F(HostGwTest, ANodeWithAnotherOverlayGetsNoRoute) {
  tell_all_of_all();
  auto other = node(2);
  other.set_backend("vxlan");
  EXPECT_TRUE(tell(1, changed({other})).ok());
  EXPECT_EQ(routes(1).size(), 2u);
  other.clear_backend();  // not known yet
  EXPECT_TRUE(tell(1, changed({other})).ok());
  EXPECT_EQ(routes(1), kOf1);
}

TEST_F(HostGwTest, RangesAreReadAsTheyMayBeWritten) {
  auto odd = node(2);
  odd.set_pod_cidrs(1, "fd00:0088:0000:0002:0000::/64");
  odd.set_addresses(1, "FD00:9:0::2");
  EXPECT_TRUE(tell(1, all({odd, node(3)})).ok());
  EXPECT_EQ(routes(1), kOf1);
  EXPECT_EQ(changes(1, [&] { EXPECT_TRUE(tell(1, all({odd, node(3)})).ok()); }), "");
  odd.set_pod_cidrs(0, "no range");
  EXPECT_FALSE(tell(1, changed({odd})).ok());
  EXPECT_EQ(routes(1).size(), 3u);
}

}  // namespace
}  // namespace gantry::host_gw
