// A cluster of three daemons on three hosts, which are network namespaces on one wire: pods of one node reach another
// node, and routes follow the Nodes.
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <sys/mount.h>
#include <unistd.h>

#include <fstream>
#include <sstream>
#include <thread>

#include "tests/e2e/suite.hpp"

namespace gantry::e2e {
namespace {

namespace fs = std::filesystem;

std::string text_of(const fs::path& file) {
  std::ifstream in(file);
  std::stringstream text;
  text << in.rdbuf();
  return text.str();
}

void replace(std::string& text, const std::string& what, const std::string& with) {
  const auto at = text.find(what);
  ASSERT_NE(at, std::string::npos) << what << " in " << text;
  text.replace(at, what.size(), with);
}

// This process lives on the first host; what it starts does, too, unless it is told where.
class Nodes : public Suite {
 public:
  static void SetUpTestSuite() {
    home_ = ::open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
    ASSERT_EQ(::unshare(CLONE_NEWNET), 0);
    must("ip link set lo up; ip link add wire type bridge; ip link set wire up; ip addr add 192.0.2.1/24 dev wire");
    cluster_ = std::make_unique<Cluster>();
    auto config = text_of(cluster_->config());
    replace(config,
            "listen = [\"127.0.0.1:", "advertise_address = \"192.0.2.1\"\nlisten = [\"192.0.2.1:0\", \"127.0.0.1:");
    const auto first = config.find("127.0.0.1:") + 10;
    const auto port = config.substr(first, config.find('"', first) - first);
    replace(config, "192.0.2.1:0", "192.0.2.1:" + port);
    const auto range = config.find("pod_cidr");
    pod_cidr_ = config.substr(range, config.find('\n', range) - range);
    std::ofstream(cluster_->config()) << config;
    cluster_->start();
    cluster_->import_image();
    auto kubeconfig = text_of(cluster_->kubeconfig());
    replace(kubeconfig, "https://192.0.2.1:" + port, "https://192.0.2.1:" + port);
    std::ofstream(cluster_->dir() / "remote") << kubeconfig;
    for (int i : {2, 3}) add_host(i);
  }
  static void TearDownTestSuite() {
    for (int i : {2, 3}) daemons_[i].reset();
    for (int i : {2, 3}) ::umount2(netns(i).c_str(), MNT_DETACH);
    cluster_.reset();
    ::setns(home_, CLONE_NEWNET);
    ::close(home_);
  }

 protected:
  static void must(const std::string& command) { EXPECT_EQ(std::system(command.c_str()), 0) << command; }
  static std::string output(const std::string& command) { return run({"sh", "-c", command}).out; }
  static fs::path netns(int i) { return cluster_->dir() / ("host" + std::to_string(i)); }
  static std::string inside(int i) { return "nsenter --net=" + netns(i).string() + " "; }
  static std::string name(int i) { return "node-" + std::to_string(i); }

  static void add_host(int i) {
    const auto n = std::to_string(i), path = netns(i).string();
    std::ofstream(path).flush();
    std::thread([&] {
      ASSERT_EQ(::unshare(CLONE_NEWNET), 0);
      const auto own = "/proc/self/task/" + std::to_string(::gettid()) + "/ns/net";
      ASSERT_EQ(::mount(own.c_str(), path.c_str(), "", MS_BIND, nullptr), 0);
    }).join();
    must("ip link add to" + n + " type veth peer name eth0 netns " + path + "; ip link set to" + n + " master wire up");
    must(inside(i) + "sh -c 'ip link set lo up; ip addr add 192.0.2." + n + "/24 dev eth0; ip link set eth0 up'");
    write_config(i, "192.0.2." + n);
    start(i);
  }
  static void write_config(int i, const std::string& address) {
    const auto dir = cluster_->dir() / name(i);
    std::ofstream(cluster_->dir() / (name(i) + ".toml"))
        << "[daemon]\nroles = \"agent\"\ndata_dir = \"" << (dir / "data").string() << "\"\nrun_dir = \""
        << (dir / "run").string() << "\"\n[api]\nadvertise_address = \"" << address << "\"\n[node]\nname = \""
        << name(i) << "\"\nkubeconfig = \"" << (cluster_->dir() / "remote").string() << "\"\n[network]\n"
        << pod_cidr_ << "\n"
        << (i == 3 ? "[plugin.host-gw]\nisolation = \"process\"\n" : "");
  }
  static void start(int i) {
    fs::create_directories(cluster_->dir() / name(i));
    daemons_[i] = std::make_unique<Background>(
        std::vector<std::string>{"nsenter", "--net=" + netns(i).string(), GANTRY_BIN_DIR "/gantryd", "--config",
                                 (cluster_->dir() / (name(i) + ".toml")).string()},
        (cluster_->dir() / (name(i) + ".log")).string());
    EXPECT_TRUE(eventually([&] { return cluster_->kubectl({"get", "node", name(i)}).code == 0; }));
    cluster_->must({"wait", "--for=condition=Ready", "node/" + name(i), "--timeout=50s"});
  }
  static void end(int i, int signal) {
    daemons_[i]->signal(signal);
    daemons_[i]->wait(std::chrono::seconds(30));
    daemons_[i].reset();
  }
  static std::string range(int i) { return cluster_->must({"get", "node", name(i), "-o", "jsonpath={.spec.podCIDR}"}); }
  // Whether the host has a route to this range over this address; the first host is this process's.
  static bool routed(int host, const std::string& to, const std::string& via) {
    return contains(output((host == 1 ? "" : inside(host)) + "ip route show"), to + " via " + via + " ");
  }

  static inline int home_ = -1;
  static inline std::string pod_cidr_;
  static inline std::map<int, std::unique_ptr<Background>> daemons_;
};

TEST_F(Nodes, ReachEachOtherAndFollow) {
  const auto of2 = range(2), of3 = range(3);
  for (int i : {1, 2, 3}) {
    EXPECT_EQ(cluster_->jsonpath({"node", name(i)}, "{.metadata.annotations.overlay\\.gantry\\.dev/backend-type}"),
              "host-gw");
  }
  EXPECT_TRUE(eventually([&] { return routed(1, of2, "192.0.2.2") && routed(1, of3, "192.0.2.3"); }));
  EXPECT_TRUE(eventually([&] { return routed(3, of2, "192.0.2.2") && routed(3, range(1), "192.0.2.1"); }));
  must("ip route add 10.127.0.0/24 via 192.0.2.2 proto static");

  // From a pod here to what stands on the other node's bridge.
  k({"apply", "-f", "-"}, pod("p", "sleep 1000", "  nodeName: node-1\n"));
  k({"wait", "--for=condition=Ready", "pod/p", "--timeout=50s"});
  const auto there = of2.substr(0, of2.rfind('.')) + ".1";
  EXPECT_EQ(try_k({"exec", "p", "--", "ping", "-c1", "-W5", there}).code, 0);

  // A node's daemon dies: the kernel's state stays, there and here, and is found again.
  end(2, SIGKILL);
  EXPECT_TRUE(routed(1, of2, "192.0.2.2"));
  EXPECT_EQ(try_k({"exec", "p", "--", "ping", "-c1", "-W5", there}).code, 0);
  start(2);
  EXPECT_EQ(range(2), of2);
  EXPECT_TRUE(routed(2, of3, "192.0.2.3"));

  // Another address.
  end(3, SIGTERM);
  must(inside(3) + "sh -c 'ip addr flush dev eth0; ip addr add 192.0.2.33/24 dev eth0'");
  write_config(3, "192.0.2.33");
  start(3);
  EXPECT_TRUE(eventually([&] { return routed(1, of3, "192.0.2.33") && routed(2, of3, "192.0.2.33"); }));
  EXPECT_TRUE(eventually([&] { return routed(3, of2, "192.0.2.2"); }));
  EXPECT_FALSE(routed(1, of3, "192.0.2.3"));

  // A node goes; then it comes again, and has a range again.
  end(2, SIGKILL);
  cluster_->must({"delete", "node", name(2)});
  EXPECT_TRUE(eventually([&] { return !routed(1, of2, "192.0.2.2") && !routed(3, of2, "192.0.2.2"); }));
  EXPECT_TRUE(routed(1, of3, "192.0.2.33"));
  EXPECT_NE(try_k({"exec", "p", "--", "ping", "-c1", "-W1", there}).code, 0);
  start(2);
  EXPECT_TRUE(eventually([&] { return routed(1, range(2), "192.0.2.2"); }));
  EXPECT_TRUE(routed(1, "10.127.0.0/24", "192.0.2.2")) << "somebody else's";
}

}  // namespace
}  // namespace gantry::e2e
