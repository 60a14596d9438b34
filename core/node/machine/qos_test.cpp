#include "core/node/machine/qos.hpp"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "core/node/agent_testing.hpp"
#include "core/node/machine/cgroups.hpp"
#include "core/node/pod/backoff.hpp"

namespace gantry::node {
namespace {

namespace fs = std::filesystem;
using testing::add_init;
using testing::make_pod;
using testing::set_amounts;

corev1::Pod with(const std::string& request_cpu, const std::string& request_memory, const std::string& limit_cpu,
                 const std::string& limit_memory) {
  auto pod = make_pod("p");
  auto& resources = *pod.mutable_spec()->mutable_containers(0)->mutable_resources();
  set_amounts(*resources.mutable_requests(), request_cpu, request_memory);
  set_amounts(*resources.mutable_limits(), limit_cpu, limit_memory);
  return pod;
}

TEST(Qos, Classes) {
  EXPECT_EQ(qos_class(make_pod("p")), QosClass::kBestEffort);
  EXPECT_EQ(qos_class(with("1", "1Gi", "1", "1Gi")), QosClass::kGuaranteed);
  EXPECT_EQ(qos_class(with("", "", "1", "1Gi")), QosClass::kGuaranteed);
  EXPECT_EQ(qos_class(with("500m", "1Gi", "1", "1Gi")), QosClass::kBurstable);
  EXPECT_EQ(qos_class(with("1m", "", "", "")), QosClass::kBurstable);
  auto known = make_pod("p");
  known.mutable_status()->set_qos_class("Guaranteed");
  EXPECT_EQ(qos_class(known), QosClass::kGuaranteed);
}

TEST(Qos, SharesAndQuota) {
  EXPECT_EQ(milli_to_shares(-1), 2);
  EXPECT_EQ(milli_to_shares(0), 2);
  EXPECT_EQ(milli_to_shares(1), 2);
  EXPECT_EQ(milli_to_shares(100), 102);
  EXPECT_EQ(milli_to_shares(1000), 1024);
  EXPECT_EQ(milli_to_shares(1'000'000), 262'144);
  EXPECT_EQ(milli_to_quota(500), 50'000);
  EXPECT_EQ(milli_to_quota(1), 1'000);
  const auto limits = container_limits(with("", "", "250m", "64Mi").spec().containers(0));
  EXPECT_EQ(limits.cpu_shares, 256);
  EXPECT_EQ(limits.cpu_quota, 25'000);
  EXPECT_EQ(limits.cpu_period, 100'000);
  EXPECT_EQ(limits.memory, 64 << 20);
}

TEST(Qos, PodLimitsNeedEveryContainersLimit) {
  auto pod = with("100m", "16Mi", "200m", "32Mi");
  auto limits = pod_limits(pod);
  EXPECT_EQ(limits.cpu_shares, 102);
  EXPECT_EQ(limits.cpu_quota, 20'000);
  EXPECT_EQ(limits.memory, 32 << 20);
  *pod.mutable_spec()->add_containers() = testing::make_container("free");
  limits = pod_limits(pod);
  EXPECT_EQ(limits.cpu_quota, 0);
  EXPECT_EQ(limits.memory, 0);
  auto& init = add_init(pod, "i");
  set_amounts(*init.mutable_resources()->mutable_requests(), "1", "");
  EXPECT_EQ(pod_cpu_request_milli(pod), 1000);
  EXPECT_EQ(pod_limits(make_pod("p")).cpu_shares, 2);
}

TEST(Qos, OomScores) {
  constexpr int64_t kMemory = 1'000 << 20;
  const auto score = [](const corev1::Pod& pod) { return oom_score_adj(pod, pod.spec().containers(0), kMemory); };
  EXPECT_EQ(score(make_pod("p")), 1000);
  EXPECT_EQ(score(with("1", "1Gi", "1", "1Gi")), -997);
  EXPECT_EQ(score(with("", "250Mi", "", "")), 750);
  EXPECT_EQ(score(with("1m", "", "", "")), 999);
  EXPECT_EQ(score(with("", "2000Mi", "", "")), 3);
  auto critical = make_pod("p");
  critical.mutable_spec()->set_priority(2'000'001'000);
  EXPECT_EQ(score(critical), -997);
}

TEST(Cgroups, ReadsHybridMounts) {
  const auto mounts = Cgroups::parse_mounts(
      "31 25 0:27 / /sys/fs/cgroup/unified rw,nosuid - cgroup2 cgroup2 rw\n"
      "32 25 0:28 / /sys/fs/cgroup/cpu,cpuacct rw - cgroup cgroup rw,cpu,cpuacct\n"
      "33 25 0:29 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n"
      "34 25 0:30 / /proc rw - proc proc rw\n");
  EXPECT_EQ(mounts.v2, "/sys/fs/cgroup/unified");
  ASSERT_EQ(mounts.v1.size(), 3u);
  EXPECT_EQ(mounts.v1[0].first, "cpu");
  EXPECT_EQ(mounts.v1[1].second, "/sys/fs/cgroup/cpu,cpuacct");
}

// The kernel's files stand in as ordinary ones, so that what is written can be read.
struct CgroupFolders : ::testing::Test {
  fs::path dir = fs::temp_directory_path() / ("gantry-cgroups-" + std::to_string(::getpid()));
  void SetUp() override {
    for (const char* name : {"cpu", "memory"}) fs::create_directories(dir / name);
  }
  void TearDown() override { fs::remove_all(dir); }
};

TEST_F(CgroupFolders, NamesByClassAndReportsWhatItCannotWrite) {
  const Cgroups cgroups("gantry", {{{"cpu", dir / "cpu"}, {"memory", dir / "memory"}}, {}});
  EXPECT_EQ(cgroups.pod_cgroup(make_pod("p")), "/gantry/besteffort/poduid-p");
  EXPECT_EQ(cgroups.pod_cgroup(with("1", "1Gi", "1", "1Gi")), "/gantry/poduid-p");
  EXPECT_EQ(cgroups.pod_cgroup(with("1", "", "", "")), "/gantry/burstable/poduid-p");
  // No kernel makes cpu.shares appear here: the failure is told, and can be tried again.
  EXPECT_FALSE(cgroups.make(make_pod("p")).ok());
  EXPECT_FALSE(cgroups.make(make_pod("p")).ok());
  EXPECT_TRUE(cgroups.remove("uid-p").ok());
  EXPECT_TRUE(cgroups.remove("uid-p").ok());
  EXPECT_TRUE(cgroups.known().empty());
}

TEST(CgroupsOfTheHost, MakesAndRemovesAPodsCgroup) {
  const std::string root = "gantry-test-" + std::to_string(::getpid());
  const auto cgroups = Cgroups::of_host(root);
  const auto pod = with("100m", "16Mi", "200m", "64Mi");
  if (auto status = cgroups.make(pod); !status.ok()) GTEST_SKIP() << status.message();
  EXPECT_TRUE(cgroups.make(pod).ok());
  EXPECT_EQ(cgroups.known(), std::vector<std::string>{"uid-p"});
  EXPECT_TRUE(cgroups.remove("uid-p").ok());
  EXPECT_TRUE(cgroups.known().empty());
  std::ifstream mounts("/proc/self/mountinfo");
  const std::string text{std::istreambuf_iterator<char>(mounts), {}};
  const auto parsed = Cgroups::parse_mounts(text);
  std::vector<fs::path> bases;
  for (const auto& [name, path] : parsed.v1) bases.push_back(path);
  if (!parsed.v2.empty()) bases.push_back(parsed.v2);
  for (const auto& base : bases) {
    std::error_code ignored;
    fs::remove(base / root / "burstable", ignored);
    fs::remove(base / root, ignored);
    EXPECT_FALSE(fs::exists(base / root));
  }
}

TEST(Backoff, DoublesAndIsForgotten) {
  constexpr int64_t kSecond = Backoff::kSecond;
  Backoff backoff;
  int64_t now = 1'000 * kSecond;
  EXPECT_EQ(backoff.remaining_ns("k", now, now), 0);
  backoff.next("k", now, now);
  EXPECT_EQ(backoff.remaining_ns("k", now, now), 10 * kSecond);
  EXPECT_EQ(backoff.remaining_ns("k", now, now + 10 * kSecond), 0);
  for (const int64_t delay : {20, 40, 80, 160, 300, 300}) {
    now += 300 * kSecond;
    backoff.next("k", now, now);
    EXPECT_EQ(backoff.delay_ns("k"), delay * kSecond);
  }
  // Ran for more than ten minutes before it ended: begins anew.
  now += 601 * kSecond;
  EXPECT_EQ(backoff.remaining_ns("k", now, now), 0);
  backoff.next("k", now, now);
  EXPECT_EQ(backoff.delay_ns("k"), 10 * kSecond);
  backoff.forget("k");
  EXPECT_EQ(backoff.delay_ns("k"), 0);
}

}  // namespace
}  // namespace gantry::node
