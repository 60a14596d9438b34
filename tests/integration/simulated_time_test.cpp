// The control plane on simulated time: a day of leases, backoffs and deadlines in seconds, and the same day twice.
#include <google/protobuf/io/coded_stream.h>
#include <google/protobuf/io/zero_copy_stream_impl_lite.h>

#include <chrono>

#include "gantry/times.hpp"
#include "k8s.io/api/coordination/v1/lease.pb.h"
#include "k8s.io/api/core/v1/node.pb.h"
#include "tests/integration/workloads.hpp"

namespace gantry::integration {
namespace {

using std::chrono::hours;
using std::chrono::minutes;
using std::chrono::seconds;

constexpr int64_t kStart = 1'893'456'000;  // 2030-01-01T00:00:00Z
constexpr int64_t kDay = 86'400;

// A deployment whose pods behave as the annotations of plugins/runtime/sim say.
Deployment simulated(const std::string& name, int32_t replicas, const std::map<std::string, std::string>& behaviour) {
  auto deployment = make_deployment(name, replicas);
  auto& annotations = *deployment.mutable_spec()->mutable_template_()->mutable_metadata()->mutable_annotations();
  for (const auto& [key, value] : behaviour) annotations["sim.gantry.dev/" + key] = value;
  return deployment;
}

class SimulatedTime : public ::testing::Test {
 protected:
  static std::unique_ptr<TestPlane> start(uint64_t seed, int64_t nodes, int64_t heartbeat_ms) {
    TestPlane::Options options;
    options.plugins = {"sim", "replicaset", "deployment"};
    options.config["sim"] = {{"nodes", nodes}, {"heartbeat_ms", heartbeat_ms}};
    options.simulated_seed = seed;
    options.scheduler = true;
    auto plane = TestPlane::start(std::move(options));
    EXPECT_TRUE(plane.ok()) << plane.error().message();
    return plane ? std::move(*plane) : nullptr;
  }
  // What a test asks for takes turns with what goes on inside.
  template <typename M>
  static void create(TestPlane& plane, const M& object) {
    const simulation::Turn turn(&plane.time()->turns(), "the test");
    const auto made = plane.create(object);
    ASSERT_TRUE(made.ok()) << made.error().message();
  }
  static plugin::SimulatedTime::State advance(TestPlane& plane, seconds by) {
    const auto state = plane.advance(by);
    EXPECT_TRUE(state.ok()) << state.error().message();
    if (!state) return {};
    EXPECT_EQ(state->broken, 0U);
    return *state;
  }
  template <typename M>
  static std::vector<M> all(TestPlane& plane, const std::string& ns) {
    auto request = sdk::Host::request_for<M>(ApiRequest::LIST, ns, "");
    std::vector<M> out;
    const auto answer = plane.client().call(request);
    for (int i = 0; answer && i < answer->objects_size(); ++i) out.emplace_back().ParseFromString(answer->objects(i));
    return out;
  }
};

TEST_F(SimulatedTime, LeasesAreRenewedByTheSimulatedClock) {
  const auto plane = start(1, 20, 10'000);
  ASSERT_TRUE(plane);
  advance(*plane, minutes(40));
  const auto leases = all<coordinationv1::Lease>(*plane, "kube-node-lease");
  ASSERT_EQ(leases.size(), 20U);
  for (const auto& lease : leases) {
    const auto age = kStart + 2'400 - lease.spec().renew_time().seconds();
    EXPECT_GE(age, 0);
    EXPECT_LE(age, 10) << lease.metadata().name();
    EXPECT_EQ(lease.metadata().creation_timestamp().seconds(), kStart);
  }
}

TEST_F(SimulatedTime, CrashLoopsBackOffAsAKubeletsDo) {
  const auto plane = start(1, 1, 0);
  ASSERT_TRUE(plane);
  std::map<int32_t, int64_t> waits;  // by restart: how long the container was down
  View<Pod> pods(*plane, [&](const Pods& known) {
    for (const auto& [name, pod] : known) {
      if (pod.status().container_statuses_size() == 0) continue;
      const auto& status = pod.status().container_statuses(0);
      if (!status.state().has_running() || !status.last_state().has_terminated()) continue;
      waits[status.restart_count()] =
          status.state().running().started_at().seconds() - status.last_state().terminated().finished_at().seconds();
    }
  });
  auto pod = make_pod("crash", "crash");
  (*pod.mutable_metadata()->mutable_annotations())["sim.gantry.dev/fail-rate"] = "100%";
  create(*plane, pod);
  advance(*plane, hours(1));
  std::vector<int64_t> delays;
  for (const auto& [restart, wait] : waits) delays.push_back(wait);
  ASSERT_GE(delays.size(), 9U);
  EXPECT_EQ(std::vector<int64_t>(delays.begin(), delays.begin() + 9),
            (std::vector<int64_t>{0, 10, 20, 40, 80, 160, 300, 300, 300}));
}

TEST_F(SimulatedTime, AStuckRolloutExceedsItsDeadlineOnTime) {
  const auto plane = start(1, 3, 0);
  ASSERT_TRUE(plane);
  advance(*plane, seconds(60));
  auto stuck = simulated("stuck", 2, {{"ready", "false"}});
  stuck.mutable_spec()->set_progress_deadline_seconds(600);
  create(*plane, stuck);
  const auto progressing = [&] {
    const auto now = plane->get<Deployment>("stuck");
    for (const auto& condition : now->status().conditions()) {
      if (condition.type() == "Progressing") return condition;
    }
    return appsv1::DeploymentCondition();
  };
  advance(*plane, seconds(590));
  EXPECT_EQ(progressing().status(), "True");
  advance(*plane, seconds(20));
  EXPECT_EQ(progressing().status(), "False");
  EXPECT_EQ(progressing().reason(), "ProgressDeadlineExceeded");
  EXPECT_NEAR(static_cast<double>(progressing().last_update_time().seconds()), kStart + 660, 2);
}

// Everything at once for a day, and what it left behind as bytes.
struct Day {
  plugin::SimulatedTime::State state;
  std::string objects;
  size_t restarts = 0, events = 0;
  double real_seconds = 0;
};

// Maps in the order of their keys.
template <typename M>
std::string bytes_of(const M& message) {
  std::string out;
  {
    google::protobuf::io::StringOutputStream stream(&out);
    google::protobuf::io::CodedOutputStream coded(&stream);
    coded.SetSerializationDeterministic(true);
    message.SerializeToCodedStream(&coded);
  }
  return out;
}

class ADay : public SimulatedTime {
 protected:
  static Day run(uint64_t seed, int64_t nodes, int32_t replicas) {
    const auto begin = std::chrono::steady_clock::now();
    const auto plane = start(seed, nodes, 300'000);
    if (plane == nullptr) return {};
    advance(*plane, seconds(1));
    create(*plane, simulated("web", replicas, {{"fail-rate", "20%"}, {"run-for", "3h"}, {"start-latency", "2s"}}));
    auto stuck = simulated("stuck", 3, {{"ready", "false"}});
    stuck.mutable_spec()->set_progress_deadline_seconds(600);
    create(*plane, stuck);
    Day day;
    day.state = advance(*plane, hours(24) - seconds(1));
    day.real_seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
    const auto keep = [&](const auto& found) {
      for (const auto& one : found) day.objects += bytes_of(one);
    };
    keep(all<corev1::Node>(*plane, ""));
    keep(all<coordinationv1::Lease>(*plane, "kube-node-lease"));
    keep(all<Deployment>(*plane, "default"));
    keep(all<ReplicaSet>(*plane, "default"));
    const auto events = all<corev1::Event>(*plane, "default");
    keep(events);
    day.events = events.size();
    const auto pods = all<Pod>(*plane, "default");
    keep(pods);
    for (const auto& pod : pods)
      day.restarts += static_cast<size_t>(pod.status().container_statuses(0).restart_count());
    EXPECT_EQ(pods.size(), static_cast<size_t>(replicas) + 3);
    return day;
  }
};

TEST_F(ADay, PassesInSecondsAndTheSameWayTwice) {
  const auto first = run(7, 40, 20);
  std::printf("a day of 40 nodes and 23 pods: %.1f s, %llu timers\n", first.real_seconds,
              static_cast<unsigned long long>(first.state.fired));
  EXPECT_EQ(first.state.now_unix_ns, (kStart + kDay) * kNanosPerSecond);
  EXPECT_GT(first.restarts, 120U);
  const auto second = run(7, 40, 20);
  EXPECT_EQ(first.state.fired, second.state.fired);
  EXPECT_EQ(first.state.digest, second.state.digest);
  EXPECT_TRUE(first.objects == second.objects);  // not EXPECT_EQ: nobody could read the difference
}

TEST_F(ADay, AnotherSeedIsAnotherDay) {
  const auto first = run(1, 5, 5), second = run(2, 5, 5);
  EXPECT_NE(first.state.digest, second.state.digest);
  EXPECT_FALSE(first.objects == second.objects);
}

}  // namespace
}  // namespace gantry::integration
