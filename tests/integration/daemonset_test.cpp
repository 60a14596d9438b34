// DaemonSets in a real control plane: simulated nodes, the scheduler, and the plugin's file.
#include <atomic>
#include <chrono>
#include <set>

#include "gantry/template_patch.hpp"
#include "k8s.io/api/apps/v1/controller_revision.pb.h"
#include "k8s.io/api/apps/v1/daemon_set.pb.h"
#include "k8s.io/api/core/v1/node.pb.h"
#include "tests/integration/workloads.hpp"

namespace gantry::integration {
namespace {

using appsv1::ControllerRevision;
using appsv1::DaemonSet;
using corev1::Node;

DaemonSet make_daemon_set(const std::string& name, int32_t unavailable = 1, int32_t surge = 0) {
  DaemonSet set;
  set.mutable_metadata()->set_name(name);
  auto& spec = *set.mutable_spec();
  (*spec.mutable_selector()->mutable_match_labels())["app"] = name;
  fill_template(*spec.mutable_template_(), name, "agent:1");
  auto& strategy = *spec.mutable_update_strategy();
  strategy.set_type("RollingUpdate");
  strategy.mutable_rolling_update()->mutable_max_unavailable()->set_int_val(unavailable);
  strategy.mutable_rolling_update()->mutable_max_surge()->set_int_val(surge);
  return set;
}

std::string node_named_by(const Pod& pod) {
  const auto& required = pod.spec().affinity().node_affinity().required_during_scheduling_ignored_during_execution();
  if (required.node_selector_terms_size() != 1 || required.node_selector_terms(0).match_fields_size() != 1) return {};
  return required.node_selector_terms(0).match_fields(0).values(0);
}

struct DaemonSets : Workloads {
  void SetUp() override {}
  void TearDown() override {
    pods.reset();
    sets.reset();
    plane.reset();
  }
  void start_with(int64_t nodes) {
    TestPlane::Options options;
    options.plugins = {"sim", "daemonset"};
    options.config["sim"] = {{"nodes", nodes}, {"heartbeat_ms", 0}};
    options.scheduler = true;
    start(std::move(options));
    watch();
  }
  void watch() {
    sets = std::make_unique<View<DaemonSet>>(*plane);
    pods = std::make_unique<View<Pod>>(*plane, [this](const Pods& all) {
      if (!armed) return;
      std::set<std::string> served;
      for (const auto& [name, pod] : all) {
        if (sdk::is_active(pod) && sdk::is_ready(pod)) served.insert(pod.spec().node_name());
      }
      fewest_served = std::min(fewest_served.load(), served.size());
    });
  }
  void arm() {
    fewest_served = 1'000;
    armed = true;
  }
  // The end of a rollout as `kubectl rollout status` sees it.
  static bool rolled_out(const DaemonSet& set, int32_t nodes) {
    const auto& status = set.status();
    return status.observed_generation() >= set.metadata().generation() && status.desired_number_scheduled() == nodes &&
           status.updated_number_scheduled() == nodes && status.number_available() == nodes &&
           status.number_misscheduled() == 0;
  }
  void wait_rolled_out(const std::string& name, int32_t nodes) {
    const auto wanted = must(plane->get<DaemonSet>(name)).metadata().generation();
    ASSERT_TRUE(sets->wait([&](const auto& all) {
      const auto it = all.find(name);
      return it != all.end() && it->second.metadata().generation() >= wanted && rolled_out(it->second, nodes);
    })) << must(plane->get<DaemonSet>(name)).status().ShortDebugString();
  }
  bool wait_status(const std::string& name, const std::function<bool(const appsv1::DaemonSetStatus&)>& check) {
    return sets->wait([&](const auto& all) { return all.contains(name) && check(all.at(name).status()); });
  }
  // The nodes of the set's active pods; each once, or they are not what they shall be.
  static std::multiset<std::string> places(const Pods& all) {
    std::multiset<std::string> out;
    for (const auto& [name, pod] : all) {
      if (sdk::is_active(pod)) out.insert(node_named_by(pod));
    }
    return out;
  }
  bool wait_places(const std::multiset<std::string>& wanted) {
    return pods->wait([&](const Pods& all) {
      return places(all) == wanted && count_ready(all) == static_cast<int32_t>(wanted.size());
    });
  }
  void patch_node(const std::string& name, const std::string& json) {
    auto request = sdk::Host::request_for<Node>(ApiRequest::PATCH, "", name);
    request.set_patch_type(ApiRequest::STRATEGIC_MERGE_PATCH);
    request.set_body(json);
    const auto answer = plane->client().call(request);
    ASSERT_TRUE(answer.ok()) << answer.error().message();
  }
  void remove_node(const std::string& name) {
    ASSERT_TRUE(plane->client().call(sdk::Host::request_for<Node>(ApiRequest::DELETE, "", name)).ok());
  }
  std::vector<ControllerRevision> revisions() {
    auto all = plane->list<ControllerRevision>();
    std::sort(all.begin(), all.end(), [](const auto& a, const auto& b) { return a.revision() < b.revision(); });
    return all;
  }
  std::unique_ptr<View<DaemonSet>> sets;
  std::unique_ptr<View<Pod>> pods;
  std::atomic<size_t> fewest_served = 1'000;
  std::atomic<bool> armed = false;
};

TEST_F(DaemonSets, OnePodOnEveryNodePlacedByTheScheduler) {
  start_with(5);
  must(plane->create(make_daemon_set("agent")));
  wait_rolled_out("agent", 5);
  const auto set = must(plane->get<DaemonSet>("agent"));
  EXPECT_EQ(set.status().current_number_scheduled(), 5);
  EXPECT_EQ(set.status().number_ready(), 5);
  EXPECT_EQ(set.status().number_unavailable(), 0);
  const auto history = revisions();
  ASSERT_EQ(history.size(), 1u);
  for (const auto& [name, pod] : pods->objects()) {
    EXPECT_EQ(pod.spec().node_name(), node_named_by(pod));
    EXPECT_EQ(pod.metadata().labels().at("pod-template-generation"), "1");
    EXPECT_EQ(pod.metadata().labels().at("controller-revision-hash"),
              history[0].metadata().labels().at("controller-revision-hash"));
    EXPECT_EQ(sdk::controller_of(pod.metadata())->uid(), set.metadata().uid());
  }
  EXPECT_EQ(pods->ever(), 5u);
  const auto victim = pods->objects().begin()->first;
  ASSERT_TRUE(plane->remove<Pod>(victim).ok());
  ASSERT_TRUE(pods->wait([&](const Pods& all) { return count_ready(all) == 5 && !all.contains(victim); }));
  EXPECT_TRUE(plane->log(3).empty()) << plane->log(3).front();
}

TEST_F(DaemonSets, FollowsLabelsAndTaints) {
  start_with(3);
  auto set = make_daemon_set("agent");
  (*set.mutable_spec()->mutable_template_()->mutable_spec()->mutable_node_selector())["disk"] = "ssd";
  must(plane->create(set));
  ASSERT_TRUE(wait_status("agent", [](const auto& status) { return status.observed_generation() == 1; }));
  EXPECT_EQ(pods->ever(), 0u);
  patch_node("sim-0001", R"({"metadata":{"labels":{"disk":"ssd"}}})");
  ASSERT_TRUE(wait_places({"sim-0001"}));
  patch_node("sim-0002", R"({"metadata":{"labels":{"disk":"ssd"}}})");
  ASSERT_TRUE(wait_places({"sim-0001", "sim-0002"}));
  patch_node("sim-0001", R"({"metadata":{"labels":{"disk":null}}})");
  ASSERT_TRUE(wait_places({"sim-0002"}));
  patch_node("sim-0002", R"({"spec":{"taints":[{"key":"t","effect":"NoSchedule"}]}})");
  ASSERT_TRUE(wait_status("agent", [](const auto& status) { return status.number_misscheduled() == 1; }));
  EXPECT_EQ(count_ready(pods->objects()), 1) << "it may stay";
  patch_node("sim-0002", R"({"spec":{"taints":[{"key":"t","effect":"NoExecute"}]}})");
  ASSERT_TRUE(wait_places({}));
  patch_node("sim-0002", R"({"spec":{"taints":null}})");
  ASSERT_TRUE(wait_places({"sim-0002"}));
  patch_node("sim-0002", R"({"spec":{"unschedulable":true}})");
  ASSERT_TRUE(plane->remove<Pod>(pods->objects().begin()->first).ok());
  EXPECT_TRUE(pods->wait([](const Pods& all) { return count_ready(all) == 1; })) << "a daemon goes to a cordoned node";
}

TEST_F(DaemonSets, FollowsNodesThatComeAndGo) {
  start_with(2);
  must(plane->create(make_daemon_set("agent")));
  wait_rolled_out("agent", 2);
  Node node;  // nobody runs its pods
  node.mutable_metadata()->set_name("paper");
  auto request = sdk::Host::request_for<Node>(ApiRequest::CREATE, "", "");
  request.set_body(node.SerializeAsString());
  ASSERT_TRUE(plane->client().call(request).ok());
  ASSERT_TRUE(wait_status("agent", [](const auto& status) {
    return status.desired_number_scheduled() == 3 && status.current_number_scheduled() == 3 &&
           status.number_unavailable() == 1;
  }));
  // It has no room for pods, so that the one for it waits: when the node goes, that one does, too.
  remove_node("paper");
  ASSERT_TRUE(wait_places({"sim-0000", "sim-0001"}));
  wait_rolled_out("agent", 2);
}

TEST_F(DaemonSets, RollsWithinWhatMayBeMissed) {
  start_with(6);
  must(plane->create(make_daemon_set("agent", 2)));
  wait_rolled_out("agent", 6);
  arm();
  must(plane->patch<DaemonSet>("agent", image_patch("agent:2")));
  wait_rolled_out("agent", 6);
  EXPECT_GE(fewest_served, 4u);
  EXPECT_EQ(pods->ever(), 12u);
  EXPECT_EQ(revisions().size(), 2u);
}

TEST_F(DaemonSets, WithASurgeNoNodeIsEverWithout) {
  start_with(6);
  must(plane->create(make_daemon_set("agent", 0, 2)));
  wait_rolled_out("agent", 6);
  arm();
  must(plane->patch<DaemonSet>("agent", image_patch("agent:2")));
  wait_rolled_out("agent", 6);
  EXPECT_EQ(fewest_served, 6u);
  ASSERT_TRUE(pods->wait([](const Pods& all) { return all.size() == 6; }));
}

TEST_F(DaemonSets, OnDeleteWaitsForWhoeverDeletes) {
  start_with(2);
  auto set = make_daemon_set("agent");
  set.mutable_spec()->mutable_update_strategy()->set_type("OnDelete");
  set.mutable_spec()->mutable_update_strategy()->clear_rolling_update();
  must(plane->create(set));
  wait_rolled_out("agent", 2);
  must(plane->patch<DaemonSet>("agent", image_patch("agent:2")));
  ASSERT_TRUE(wait_status("agent", [](const auto& status) {
    return status.observed_generation() == 2 && status.updated_number_scheduled() == 0;
  }));
  EXPECT_EQ(pods->ever(), 2u);
  ASSERT_TRUE(plane->remove<Pod>(pods->objects().begin()->first).ok());
  ASSERT_TRUE(wait_status("agent", [](const auto& status) {
    return status.updated_number_scheduled() == 1 && status.number_ready() == 2;
  }));
}

// As `kubectl rollout undo` does it: a revision's data is the patch that brings its template back.
TEST_F(DaemonSets, GoesBackToAFormerRevision) {
  start_with(2);
  auto set = make_daemon_set("agent");
  auto& pod_spec = *set.mutable_spec()->mutable_template_()->mutable_spec();
  auto& probe = *pod_spec.mutable_containers(0)->mutable_readiness_probe()->mutable_probe_handler();
  probe.mutable_http_get()->set_path("/?a<b&c");
  probe.mutable_http_get()->mutable_port()->set_int_val(80);
  (*pod_spec.mutable_containers(0)->mutable_resources()->mutable_requests())["cpu"].set_string("10m");
  auto& volume = *pod_spec.add_volumes();
  volume.set_name("tmp");
  volume.mutable_volume_source()->mutable_empty_dir();
  const auto first = must(plane->create(set)).spec().template_();
  wait_rolled_out("agent", 2);
  must(plane->patch<DaemonSet>("agent", image_patch("agent:2")));
  wait_rolled_out("agent", 2);
  auto history = revisions();
  ASSERT_EQ(history.size(), 2u);
  const auto undone = must(plane->patch<DaemonSet>("agent", history[0].data().raw()));
  EXPECT_EQ(sdk::template_patch(undone.spec().template_()), sdk::template_patch(first));
  EXPECT_EQ(undone.metadata().generation(), 3);
  wait_rolled_out("agent", 2);
  const auto after = revisions();
  ASSERT_EQ(after.size(), 2u);
  EXPECT_EQ(after[1].metadata().name(), history[0].metadata().name());
  EXPECT_EQ(after[1].revision(), 3);
  EXPECT_EQ(image_of(pods->objects().begin()->second), "agent:1");
}

TEST_F(DaemonSets, HistoryHasItsLimit) {
  start_with(1);
  auto set = make_daemon_set("agent");
  set.mutable_spec()->set_revision_history_limit(2);
  must(plane->create(set));
  wait_rolled_out("agent", 1);
  for (int version = 2; version <= 6; ++version) {
    must(plane->patch<DaemonSet>("agent", image_patch("agent:" + std::to_string(version))));
    wait_rolled_out("agent", 1);
  }
  View<ControllerRevision> kept(*plane);
  EXPECT_TRUE(kept.wait([](const auto& all) { return all.size() == 3; }));
}

TEST_F(DaemonSets, ReloadsAndRestartsInTheMiddleOfARollout) {
  start_with(8);
  must(plane->create(make_daemon_set("agent", 2)));
  wait_rolled_out("agent", 8);
  arm();
  must(plane->patch<DaemonSet>("agent", image_patch("agent:2")));
  ASSERT_TRUE(plane->reload("daemonset").ok());
  ASSERT_TRUE(wait_status("agent", [](const auto& status) { return status.updated_number_scheduled() >= 2; }));
  ASSERT_TRUE(plane->reload("daemonset").ok());
  ASSERT_TRUE(plane->restart_controllers().ok());
  wait_rolled_out("agent", 8);
  EXPECT_GE(fewest_served, 6u);
  EXPECT_EQ(pods->ever(), 16u);
  patch_node("sim-0003", R"({"spec":{"taints":[{"key":"t","effect":"NoExecute"}]}})");
  wait_rolled_out("agent", 7);
}

// Pods and history of a set that was deleted without them go to the next one of its name, and nothing is made anew.
TEST_F(DaemonSets, AdoptsWhatAnEarlierOneLeft) {
  start_with(3);
  must(plane->create(make_daemon_set("agent")));
  wait_rolled_out("agent", 3);
  const auto first = must(plane->get<DaemonSet>("agent")).metadata().uid();
  plane->stop_controllers();
  const auto disown = R"({"metadata":{"ownerReferences":[{"$patch":"delete","uid":")" + first + R"("}]}})";
  for (const auto& [name, pod] : pods->objects()) must(plane->patch<Pod>(name, disown));
  for (const auto& one : revisions()) must(plane->patch<ControllerRevision>(one.metadata().name(), disown));
  ASSERT_TRUE(plane->remove<DaemonSet>("agent").ok());
  must(plane->create(make_daemon_set("agent")));
  ASSERT_TRUE(plane->restart_controllers().ok());
  const auto second = must(plane->get<DaemonSet>("agent")).metadata().uid();
  ASSERT_NE(first, second);
  wait_rolled_out("agent", 3);
  EXPECT_EQ(pods->ever(), 3u);
  for (const auto& [name, pod] : pods->objects()) EXPECT_EQ(sdk::controller_of(pod.metadata())->uid(), second);
  ASSERT_EQ(revisions().size(), 1u);
  EXPECT_EQ(sdk::controller_of(revisions()[0].metadata())->uid(), second);
  // One whose labels no longer match is let go, and replaced.
  const auto strayed = pods->objects().begin()->first;
  must(plane->patch<Pod>(strayed, R"({"metadata":{"labels":{"app":"other"}}})"));
  ASSERT_TRUE(pods->wait([&](const Pods& all) {
    return all.size() == 4 && sdk::controller_of(all.at(strayed).metadata()) == nullptr && count_ready(all) == 4;
  }));
}

TEST_F(DaemonSets, TwoWhoseSelectorsOverlapKeepToTheirOwn) {
  start_with(3);
  must(plane->create(make_daemon_set("agent")));
  auto other = make_daemon_set("agent");
  other.mutable_metadata()->set_name("twin");
  must(plane->create(other));
  wait_rolled_out("agent", 3);
  wait_rolled_out("twin", 3);
  EXPECT_EQ(pods->ever(), 6u);
}

// Each pod is made once, bound once and reported once, whatever the number of nodes; how long it takes is printed.
TEST_F(DaemonSets, AThousandNodes) {
  start_with(1'000);
  View<Node> nodes(*plane, nullptr, "");
  ASSERT_TRUE(nodes.wait([](const auto& all) { return all.size() == 1'000; }));
  const auto begin = std::chrono::steady_clock::now();
  must(plane->create(make_daemon_set("agent")));
  wait_rolled_out("agent", 1'000);
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - begin;
  std::printf("a pod on each of 1,000 nodes: %.2f s\n", took.count());
  EXPECT_EQ(pods->ever(), 1'000u);
  EXPECT_EQ(places(pods->objects()).size(), 1'000u);
}

// The first pod that fails goes at once, the next after a second.
TEST_F(DaemonSets, FailedPodsAreReplacedMoreAndMoreSlowly) {
  start({.plugins = {"daemonset"}});
  watch();
  Node node;
  node.mutable_metadata()->set_name("node-a");
  auto request = sdk::Host::request_for<Node>(ApiRequest::CREATE, "", "");
  request.set_body(node.SerializeAsString());
  ASSERT_TRUE(plane->client().call(request).ok());
  std::atomic<bool> fails = true;
  FakeNodes nodes(*plane, [&](const Pod&) { return fails ? Fate::kFailed : Fate::kReady; }, {"node-a"});
  must(plane->create(make_daemon_set("agent")));
  ASSERT_TRUE(pods->wait([&](const Pods&) { return pods->ever() == 2; }));
  const auto begin = std::chrono::steady_clock::now();
  ASSERT_TRUE(pods->wait([&](const Pods&) { return pods->ever() == 3; }));
  EXPECT_GE(std::chrono::steady_clock::now() - begin, std::chrono::milliseconds(500));
  fails = false;
  wait_rolled_out("agent", 1);
  const auto events = plane->events("agent");
  EXPECT_TRUE(std::any_of(events.begin(), events.end(), [](const std::string& text) {
    return text.starts_with("FailedDaemonPod: Found failed daemon pod default/agent-") &&
           text.ends_with(" on node node-a, will try to kill it");
  }));
}

}  // namespace
}  // namespace gantry::integration
