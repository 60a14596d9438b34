// Registration against a played API.
#include "core/node/machine/registration.hpp"

#include <gtest/gtest.h>

#include "core/limits/notices.hpp"
#include "core/node/machine/node_status.hpp"
#include "core/node/node_testing.hpp"
#include "core/plugin/worker_pool.hpp"

namespace gantry::node {
namespace {

struct RegistrationTest : ::testing::Test {
  RegistrationTest() {
    options.client = &api;
    options.plugins = &host;
    options.node_name = "n1";
    options.node_address = "10.0.0.1";
    options.labels = {{"zone", "a"}};
    options.data_dir = "/tmp/gantry-none/node";
    options.version = "v1.36.0+test";
    options.record_event = [this](std::string_view, std::string_view, std::string_view reason, std::string_view) {
      const std::lock_guard lock(mutex);
      events.emplace_back(reason);
    };
    facts.runtime_ready = facts.network_ready = true;
    facts.runtime_name_version = "oci://1.1.5";
  }
  void start() {
    registration = make_registration(
        options,
        [this] {
          ++looks;
          const std::lock_guard lock(mutex);
          return facts;
        },
        [this] { ++changes; }, read);
    registration->start();
  }
  std::optional<corev1::Node> node() { return api.find<corev1::Node>("nodes", "", "n1"); }
  std::string condition(const std::string& type) {
    const auto found = node();
    if (!found) return {};
    for (const auto& one : found->status().conditions()) {
      if (one.type() == type) return one.status() + " " + one.reason() + " " + one.message();
    }
    return {};
  }

  testing::PlayedApi api;
  plugin::SystemClock clock;
  plugin::Timers timers{clock};
  plugin::PluginHost host{plugin::PluginHostOptions{.clock = &clock,
                                                    .timers = &timers,
                                                    .tasks = nullptr,
                                                    .log = [](std::string_view, int32_t, std::string_view) {},
                                                    .log_level = 1,
                                                    .run_dir = {},
                                                    .data_dir = {},
                                                    .facts = {}}};
  NodeOptions options;
  std::mutex mutex;
  NodeFacts facts;
  std::vector<std::string> events;
  std::atomic<int> changes{0}, looks{0};
  std::function<void(std::function<void()>)> read;
  std::unique_ptr<Registration> registration;
};

TEST_F(RegistrationTest, ReadsWhereItIsTold) {
  std::vector<std::function<void()>> reads;
  read = [&](std::function<void()> one) {
    const std::lock_guard lock(mutex);
    reads.push_back(std::move(one));
  };
  start();
  ASSERT_TRUE(api.wait([&] {
    const std::lock_guard lock(mutex);
    return node().has_value() && reads.size() >= 2;  // the list, and the answer to what made the node
  }));
  EXPECT_FALSE(registration->registered()) << "not on the client's thread";
  for (size_t i = 0; !registration->registered() && i < 10; ++i) {
    std::vector<std::function<void()>> now;
    {
      const std::lock_guard lock(mutex);
      now.swap(reads);
    }
    for (const auto& one : now) one();
  }
  EXPECT_TRUE(registration->registered());
  registration.reset();
}

TEST_F(RegistrationTest, MakesTheNodeAndItsLease) {
  start();
  ASSERT_TRUE(api.wait([&] { return condition("Ready") == "True KubeletReady kubelet is posting ready status"; }));
  ASSERT_TRUE(api.wait([&] { return api.find<coordinationv1::Lease>("leases", "kube-node-lease", "n1").has_value(); }));
  const auto made = *node();
  EXPECT_EQ(made.metadata().labels().at("kubernetes.io/hostname"), "n1");
  EXPECT_EQ(made.metadata().labels().at("kubernetes.io/os"), "linux");
  EXPECT_EQ(made.metadata().labels().at("zone"), "a");
  EXPECT_EQ(made.status().addresses(0).type(), "InternalIP");
  EXPECT_EQ(made.status().addresses(0).address(), "10.0.0.1");
  EXPECT_EQ(made.status().addresses(1).address(), "n1");
  EXPECT_EQ(made.status().node_info().container_runtime_version(), "oci://1.1.5");
  EXPECT_FALSE(made.status().node_info().boot_id().empty());
  EXPECT_EQ(made.status().capacity().at("pods").string(), "110");
  EXPECT_TRUE(made.status().allocatable().contains("memory"));
  EXPECT_EQ(condition("MemoryPressure"), "False KubeletHasSufficientMemory kubelet has sufficient memory available");
  const auto lease = *api.find<coordinationv1::Lease>("leases", "kube-node-lease", "n1");
  EXPECT_EQ(lease.spec().holder_identity(), "n1");
  EXPECT_EQ(lease.spec().lease_duration_seconds(), 40);
  EXPECT_TRUE(lease.spec().has_renew_time());
  EXPECT_EQ(lease.metadata().owner_references(0).uid(), made.metadata().uid());
  EXPECT_TRUE(registration->registered());
}

TEST_F(RegistrationTest, AdoptsAndRepairsTheNodeOfBefore) {
  corev1::Node old;
  old.mutable_metadata()->set_name("n1");
  (*old.mutable_metadata()->mutable_labels())["mine"] = "x";
  (*old.mutable_metadata()->mutable_labels())["kubernetes.io/os"] = "plan9";
  old.mutable_spec()->set_pod_cidr("10.42.3.0/24");
  api.put("nodes", old);
  start();
  ASSERT_TRUE(api.wait([&] { return registration->node().spec().pod_cidr() == "10.42.3.0/24"; }));
  ASSERT_TRUE(api.wait([&] { return !condition("Ready").empty(); }));
  EXPECT_EQ(node()->metadata().labels().at("mine"), "x");
  EXPECT_EQ(node()->metadata().labels().at("kubernetes.io/os"), "linux");
}

TEST_F(RegistrationTest, SaysWhyItIsNotReadyAndWhenItIs) {
  facts.runtime_ready = false;
  facts.why_not_ready = "container runtime is down";
  start();
  ASSERT_TRUE(api.wait([&] { return condition("Ready") == "False KubeletNotReady container runtime is down"; }));
  {
    const std::lock_guard lock(mutex);
    facts.runtime_ready = true;
    facts.why_not_ready.clear();
  }
  registration->poke();
  ASSERT_TRUE(api.wait([&] { return condition("Ready").starts_with("True KubeletReady"); }));
  ASSERT_TRUE(api.wait([&] {
    const std::lock_guard lock(mutex);
    return !events.empty() && events.back() == "NodeReady";
  }));
}

TEST_F(RegistrationTest, HearsOfItsPodRange) {
  start();
  ASSERT_TRUE(api.wait([&] { return !condition("Ready").empty() && api.watchers() == 1; }));
  const int before = changes;
  auto changed = *node();
  changed.mutable_spec()->set_pod_cidr("10.42.0.0/24");
  api.put("nodes", changed);
  ASSERT_TRUE(api.wait([&] { return changes > before && registration->node().spec().pod_cidr() == "10.42.0.0/24"; }));
}

TEST_F(RegistrationTest, GoesOnWhenTheApiRefusesForAWhile) {
  // Shared: the registration still asks when this function has ended.
  const auto left = std::make_shared<std::atomic<int>>(3);
  api.refuse = [left](const client::ApiRequest&) { return (*left)-- > 0 ? Status::unavailable("starting") : Status(); };
  start();
  ASSERT_TRUE(api.wait([&] { return !condition("Ready").empty(); }));
}

TEST_F(RegistrationTest, RegistersAgainWhenTheNodeIsDeleted) {
  start();
  ASSERT_TRUE(api.wait([&] { return !condition("Ready").empty() && api.watchers() == 1; }));
  api.remove("nodes", "", "n1");
  ASSERT_TRUE(api.wait([&] { return !condition("Ready").empty(); }));
}

TEST_F(RegistrationTest, StopsAtAnyMoment) {
  for (int i = 0; i < 50; ++i) {
    start();
    registration->poke();
    registration.reset();
  }
}

TEST_F(RegistrationTest, ARefusedStatusIsNotRepeatedUntilItSaysSomethingElse) {
  std::vector<std::string> topics;
  std::mutex topics_mutex;
  const auto told = [&] {
    const std::lock_guard lock(topics_mutex);
    return topics;
  };
  limits::Notices notices({[](std::string_view, int32_t, std::string_view) {},
                           [&](std::string_view topic) {
                             const std::lock_guard lock(topics_mutex);
                             topics.emplace_back(topic);
                           },
                           [] { return int64_t{0}; }});
  options.notices = &notices;
  std::atomic<int> writes{0};
  api.refuse = [&](const client::ApiRequest& request) {
    if (request.subresource() != "status") return Status();
    ++writes;
    return Status::invalid("no such condition");
  };
  start();
  ASSERT_TRUE(api.wait([&] { return told().size() == 1; }));
  EXPECT_EQ(told().front(), "status-refused");
  // Asked to look again, it says the same and is silent; with a change it speaks.
  const int looked = looks;
  registration->poke();
  ASSERT_TRUE(api.wait([&] { return looks > looked; }));
  {
    const std::lock_guard lock(mutex);
    facts.runtime_ready = false;
    facts.why_not_ready = "gone";
  }
  registration->poke();
  ASSERT_TRUE(api.wait([&] { return told().size() == 2; }));
  EXPECT_EQ(writes, 2);
  registration.reset();
}

TEST_F(RegistrationTest, AnUnchangedStatusIsNoChange) {
  corev1::Node at;
  EXPECT_TRUE(apply_status(options, facts, 1'000'000'000, at).changed);
  const auto again = apply_status(options, facts, 2'000'000'000, at);
  EXPECT_TRUE(again.events.empty());
  EXPECT_EQ(at.status().conditions(3).last_transition_time().seconds(), 1);
  EXPECT_EQ(at.status().conditions(3).last_heartbeat_time().seconds(), 2);
}

}  // namespace
}  // namespace gantry::node
