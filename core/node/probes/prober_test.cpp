// When probes run and what they change, with real timers of one second and less.
#include "core/node/probes/prober.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <thread>

#include "core/node/probes/http_action.hpp"
#include "core/node/probes/probe_testing.hpp"

namespace gantry::node {
namespace {

using testing::ClosedPort;
using testing::PlayedServer;
using testing::reply;

struct ProberTest : ::testing::Test {
  ProberTest() {
    ProberHooks hooks;
    hooks.exec = [this](const std::string&, const std::vector<std::string>&, int, const ProberHooks::ExecDone& done) {
      std::unique_lock lock(mutex);
      ++execs;
      woken.notify_all();
      if (holds_execs) {
        held.push_back(done);
        woken.notify_all();
        return;
      }
      const auto answer = exec_answer;
      lock.unlock();
      done(answer);
    };
    hooks.changed = [this](const std::string&, const std::string&) {
      const std::lock_guard lock(mutex);
      ++changes;
      woken.notify_all();
    };
    hooks.warn = [this](const ProbeTarget&, std::string_view reason, std::string_view message) {
      const std::lock_guard lock(mutex);
      warnings.push_back(std::string(reason) + ": " + std::string(message));
      woken.notify_all();
    };
    prober = make_prober(timers, std::move(hooks));
    target.pod_uid = "u";
    target.container_id = "c1";
    target.pod_ip = "127.0.0.1";
    target.container.set_name("c");
  }
  static void exec(corev1::Probe* probe, int failures = 1) {
    probe->mutable_probe_handler()->mutable_exec()->add_command("check");
    probe->set_period_seconds(1);
    probe->set_failure_threshold(failures);
  }
  bool wait(const std::function<bool()>& so) {
    std::unique_lock lock(mutex);
    return woken.wait_for(lock, std::chrono::seconds(10), so);
  }
  ProberHooks::ExecDone next_held() {
    const std::lock_guard lock(mutex);
    auto next = std::move(held.front());
    held.pop_front();
    return next;
  }
  std::string warning() {
    const std::lock_guard lock(mutex);
    return warnings.front();
  }
  void answer(int code, const std::string& output = {}) {
    const std::lock_guard lock(mutex);
    exec_answer = std::pair<int, std::string>(code, output);
  }

  plugin::SystemClock clock;
  plugin::Timers timers{clock};
  std::mutex mutex;
  std::condition_variable woken;
  Expected<std::pair<int, std::string>> exec_answer = std::pair<int, std::string>(0, "");
  int execs = 0, changes = 0;
  bool holds_execs = false;
  std::deque<ProberHooks::ExecDone> held;
  std::vector<std::string> warnings;
  ProbeTarget target;
  std::unique_ptr<Prober> prober;
};

TEST_F(ProberTest, WithoutProbesAContainerIsReady) {
  EXPECT_TRUE(prober->state("unknown").ready);
  prober->add(target, false);
  EXPECT_TRUE(prober->state("c1").ready);
  EXPECT_TRUE(prober->state("c1").started);
}

TEST_F(ProberTest, ReadinessTurnsWithTheAnswers) {
  exec(target.container.mutable_readiness_probe());
  answer(1, "not yet \xE9\n");
  prober->add(target, false);
  EXPECT_FALSE(prober->state("c1").ready);
  ASSERT_TRUE(wait([&] { return !warnings.empty(); }));
  EXPECT_EQ(warning(), "Unhealthy: Readiness probe failed: not yet \xEF\xBF\xBD\n");
  answer(0);
  ASSERT_TRUE(wait([&] { return changes == 1; }));
  EXPECT_TRUE(prober->state("c1").ready);
  answer(1);
  ASSERT_TRUE(wait([&] { return changes == 2; }));
  EXPECT_FALSE(prober->state("c1").ready);
  EXPECT_FALSE(prober->state("c1").failed_liveness);
}

TEST_F(ProberTest, LivenessFailsAfterItsThresholdAndThenRests) {
  holds_execs = true;
  exec(target.container.mutable_liveness_probe(), 2);
  prober->add(target, false);
  for (int i = 0; i < 2; ++i) {
    EXPECT_FALSE(prober->state("c1").failed_liveness);
    ASSERT_TRUE(wait([&] { return !held.empty(); }));
    next_held()(std::pair<int, std::string>(3, "dead"));
  }
  const auto state = prober->state("c1");
  EXPECT_TRUE(state.failed_liveness);
  EXPECT_EQ(state.message, "Liveness probe failed: dead");
  const std::lock_guard lock(mutex);
  EXPECT_EQ(changes, 1);
  EXPECT_EQ(execs, 2);
  EXPECT_EQ(warnings.size(), 2u);
}

TEST_F(ProberTest, NothingElseRunsBeforeTheStartupProbePasses) {
  const ClosedPort closed;
  exec(target.container.mutable_startup_probe(), 1'000);
  exec(target.container.mutable_liveness_probe());
  target.container.mutable_readiness_probe()
      ->mutable_probe_handler()
      ->mutable_tcp_socket()
      ->mutable_port()
      ->set_int_val(closed.port());
  answer(1, "starting");
  prober->add(target, false);
  ASSERT_TRUE(wait([&] { return execs >= 2; }));
  {
    const std::lock_guard lock(mutex);
    for (const auto& warning : warnings) EXPECT_EQ(warning, "Unhealthy: Startup probe failed: starting");
  }
  EXPECT_FALSE(prober->state("c1").started);
  answer(0);
  ASSERT_TRUE(wait([&] { return changes >= 1; }));
  EXPECT_TRUE(prober->state("c1").started);
  EXPECT_FALSE(prober->state("c1").ready);
  // At once, not after a period of its own.
  ASSERT_TRUE(wait([&] { return warnings.back().find("Readiness probe failed: dial tcp") != std::string::npos; }));
}

TEST_F(ProberTest, ATimeoutIsAFailureAndAnErrorIsNot) {
  exec(target.container.mutable_liveness_probe());
  {
    const std::lock_guard lock(mutex);
    exec_answer = Status::internal("no such container");
  }
  prober->add(target, false);
  ASSERT_TRUE(wait([&] { return !warnings.empty(); }));
  EXPECT_EQ(warning(), "Unhealthy: Liveness probe errored and resulted in unknown state: no such container");
  EXPECT_FALSE(prober->state("c1").failed_liveness);
  {
    const std::lock_guard lock(mutex);
    exec_answer = Status::timeout("timed out");
  }
  ASSERT_TRUE(wait([&] { return changes == 1; }));
  EXPECT_EQ(prober->state("c1").message, "Liveness probe failed: command timed out: \"check\" timed out after 1s");
}

TEST_F(ProberTest, CommandsThatRunKeepNoOtherProbeWaiting) {
  holds_execs = true;
  exec(target.container.mutable_readiness_probe());
  constexpr int kMany = 100;  // more than there are threads for probes
  for (int i = 0; i < kMany; ++i) {
    target.container_id = "held-" + std::to_string(i);
    prober->add(target, false);
  }
  ASSERT_TRUE(wait([&] { return execs == kMany; }));
  PlayedServer server({reply(200)});
  auto& handler = *target.container.mutable_readiness_probe()->mutable_probe_handler();
  handler.clear_exec();
  handler.mutable_http_get()->mutable_port()->set_int_val(server.port());
  target.container_id = "free";
  prober->add(target, false);
  ASSERT_TRUE(wait([&] { return changes == 1; }));
  EXPECT_TRUE(prober->state("free").ready);
  EXPECT_FALSE(prober->state("held-0").ready);
  next_held()(std::pair<int, std::string>(0, ""));
  EXPECT_TRUE(prober->state("held-0").ready);
  // One that ends when the prober has is heard by nobody.
  prober.reset();
  held.back()(std::pair<int, std::string>(0, ""));
  EXPECT_EQ(changes, 2);
}

TEST_F(ProberTest, NamedPortsAndWrongOnes) {
  PlayedServer server({reply(200)});
  auto& port = *target.container.add_ports();
  port.set_name("web");
  port.set_container_port(server.port());
  auto& get = *target.container.mutable_readiness_probe()->mutable_probe_handler()->mutable_http_get();
  get.mutable_port()->set_type(1);
  get.mutable_port()->set_str_val("web");
  prober->add(target, false);
  ASSERT_TRUE(wait([&] { return changes == 1; }));
  EXPECT_TRUE(prober->state("c1").ready);
  get.mutable_port()->set_str_val("none");
  target.container_id = "c2";
  prober->add(target, false);
  ASSERT_TRUE(wait([&] { return !warnings.empty(); }));
  EXPECT_NE(warning().find("couldn't find port: \"none\""), std::string::npos);
}

TEST_F(ProberTest, KindsThatAreNotToBeHadSaySo) {
  auto& probe = *target.container.mutable_readiness_probe();
  probe.mutable_probe_handler()->mutable_grpc()->set_port(1);
  prober->add(target, false);
  ASSERT_TRUE(wait([&] { return !warnings.empty(); }));
  EXPECT_EQ(warning(), "Unhealthy: Readiness probe failed: grpc probes are not supported by this node");
  prober->remove_pod("u");
  {
    const std::lock_guard lock(mutex);
    warnings.clear();
  }
  probe.mutable_probe_handler()->Clear();
  target.container_id = "c2";
  target.pod.mutable_metadata()->set_namespace_("ns");
  target.pod.mutable_metadata()->set_name("p");
  prober->add(target, false);
  ASSERT_TRUE(wait([&] { return !warnings.empty(); }));
  EXPECT_EQ(warning(),
            "Unhealthy: Readiness probe errored and resulted in unknown state: missing probe handler for ns/p:c");
  EXPECT_FALSE(prober->state("c2").ready);
}

TEST(ResolvePort, ByNumberAndByName) {
  corev1::Container container;
  auto& known = *container.add_ports();
  known.set_name("web");
  known.set_container_port(8080);
  k8s::io::apimachinery::pkg::util::intstr::IntOrString port;
  port.set_type(0);
  const auto number = [&](int value) {
    port.set_int_val(value);
    return resolve_port(port, container);
  };
  EXPECT_EQ(*number(1), 1);
  EXPECT_EQ(*number(65535), 65535);
  EXPECT_EQ(number(0).error().message(), "invalid port number: 0");
  EXPECT_EQ(number(65536).error().message(), "invalid port number: 65536");
  port.set_type(1);
  const auto text = [&](const char* value) {
    port.set_str_val(value);
    return resolve_port(port, container);
  };
  EXPECT_EQ(*text("web"), 8080);
  EXPECT_EQ(*text("9090"), 9090);
  EXPECT_EQ(text("other").error().message(), "couldn't find port: \"other\"");
}

TEST_F(ProberTest, FoundAgainItStaysReady) {
  exec(target.container.mutable_readiness_probe());
  prober->add(target, true);
  EXPECT_TRUE(prober->state("c1").ready);
}

TEST_F(ProberTest, AProbeInFlightHoldsNobodyUp) {
  PlayedServer server({""});
  auto& probe = *target.container.mutable_liveness_probe();
  probe.mutable_probe_handler()->mutable_http_get()->mutable_port()->set_int_val(server.port());
  probe.set_timeout_seconds(60);
  prober->add(target, false);
  for (int i = 0; i < 6000 && server.request().empty(); ++i) std::this_thread::sleep_for(std::chrono::milliseconds(5));
  ASSERT_FALSE(server.request().empty());
  prober->remove_pod("u");
  EXPECT_TRUE(prober->state("c1").ready);
  const auto began = std::chrono::steady_clock::now();
  prober.reset();
  EXPECT_LT(std::chrono::steady_clock::now() - began, std::chrono::seconds(10));
  EXPECT_EQ(changes, 0);
  EXPECT_TRUE(warnings.empty());
}

}  // namespace
}  // namespace gantry::node
