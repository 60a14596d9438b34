// Counting, by the caches and by scales, what is written over what, and which events concern whom.
#include "controller.hpp"

#include <gtest/gtest.h>

#include "gantry/conditions.hpp"
#include "k8s.io/api/apps/v1/deployment.pb.h"
#include "k8s.io/api/apps/v1/replica_set.pb.h"
#include "k8s.io/api/autoscaling/v1/scale.pb.h"
#include "k8s.io/apimachinery/pkg/apis/meta/v1/discovery.pb.h"
#include "sdk/testkit/scripted_host.hpp"
#include "testing.hpp"

namespace gantry::disruption {
namespace {

using abi::ApiRequest;
using testkit::ScriptedHost;
using Keys = std::vector<std::string>;

struct DisruptionTest : testing::Test {
  DisruptionTest() {
    host.now_ns = kNow;
    host.api = [this](const ApiRequest& request) { return answer(request); };
  }
  ScriptedHost::Answer answer(const ApiRequest& request) {
    if (request.verb() == ApiRequest::DISCOVER) return discovery();
    if (request.subresource() == "scale") {
      k8s::io::api::autoscaling::v1::Scale scale;
      scale.mutable_metadata()->set_uid("uid-" + request.name());
      scale.mutable_spec()->set_replicas(7);
      return ScriptedHost::answer(scale);
    }
    EXPECT_EQ(request.verb(), ApiRequest::UPDATE);
    EXPECT_EQ(request.subresource(), "status");
    if (!refusal.ok()) return refusal;
    if (request.resource() == "pods") {
      written_pod.ParseFromString(request.body());
      return ScriptedHost::answer(written_pod);
    }
    written.ParseFromString(request.body());
    ++writes;
    host.cache(written);
    return ScriptedHost::answer(written);
  }
  static abi::ApiResponse discovery() {
    metav1::APIResourceList list;
    list.set_group_version("example.com/v1");
    const auto add = [&](const char* name, const char* kind) {
      list.add_resources()->set_name(name);
      list.mutable_resources(list.resources_size() - 1)->set_kind(kind);
    };
    add("games", "Game");
    add("games/scale", "Scale");
    add("plays", "Play");
    abi::ApiResponse response;
    response.set_code(200);
    response.add_objects(list.SerializeAsString());
    return response;
  }
  void deployment(const std::string& name, int32_t replicas) {
    appsv1::Deployment deployment;
    deployment.mutable_metadata()->set_namespace_("shop");
    deployment.mutable_metadata()->set_name(name);
    deployment.mutable_metadata()->set_uid("uid-" + name);
    deployment.mutable_spec()->set_replicas(replicas);
    host.cache(deployment);
  }
  void set(const std::string& name, int32_t replicas, const std::string& deployment) {
    appsv1::ReplicaSet set;
    set.mutable_metadata()->set_namespace_("shop");
    set.mutable_metadata()->set_name(name);
    set.mutable_metadata()->set_uid("uid-" + name);
    if (!deployment.empty()) own(*set.mutable_metadata(), "apps/v1", "Deployment", deployment);
    set.mutable_spec()->set_replicas(replicas);
    host.cache(set);
  }
  void pod(const std::string& name, const std::string& kind, const std::string& owner, bool ready = true) {
    auto made = pod_of(name, "web", ready);
    if (!owner.empty()) own(*made.mutable_metadata(), kind == "ReplicaSet" ? "apps/v1" : "example.com/v1", kind, owner);
    host.cache(made);
  }
  Expected<sdk::Controller::Result> run(const std::string& key = "b") { return controller.reconcile({"shop", key}); }
  std::string counts() const {
    const auto& status = written.status();
    return std::to_string(status.expected_pods()) + " expected, " + std::to_string(status.desired_healthy()) + " of " +
           std::to_string(status.current_healthy()) + " healthy, " + std::to_string(status.disruptions_allowed()) +
           " may go";
  }
  std::string reason() const {
    const auto* condition = sdk::find_condition(written.status().conditions(), "DisruptionAllowed");
    return condition == nullptr ? "(none)" : condition->reason();
  }
  std::vector<std::string> events() const {
    std::vector<std::string> all;
    for (const auto& event : host.events) all.push_back(event.type + " " + event.reason + ": " + event.message);
    return all;
  }
  template <typename Message>
  Keys map(const Message& now, const Message* before = nullptr,
           abi::ObjectEvent::Type type = abi::ObjectEvent::MODIFIED) {
    abi::ObjectEvent event;
    event.set_type(before == nullptr && type == abi::ObjectEvent::MODIFIED ? abi::ObjectEvent::ADDED : type);
    event.set_resource(std::string(ResourceOf<Message>::name.resource));
    event.set_object(now.SerializeAsString());
    if (before != nullptr) event.set_previous(before->SerializeAsString());
    Keys keys;
    controller.map(event, [&](std::string_view, std::string_view name) { keys.emplace_back(name); });
    return keys;
  }

  ScriptedHost host;
  DisruptionController controller{sdk::Host(&host.host)};
  policyv1::PodDisruptionBudget budget = budget_of("b", "web"), written;
  corev1::Pod written_pod;
  Status refusal;
  int writes = 0;
};

TEST_F(DisruptionTest, ANumberThatMustStayCountsThePodsThatAre) {
  set_number(*budget.mutable_spec()->mutable_min_available(), 2);
  host.cache(budget);
  for (const char* name : {"p1", "p2", "p3"}) pod(name, "", "");
  host.cache(pod_of("stranger", "db"));
  ASSERT_TRUE(run().ok());
  EXPECT_EQ(counts(), "3 expected, 2 of 3 healthy, 1 may go");
  EXPECT_TRUE(events().empty());
  ASSERT_TRUE(run().ok());
  EXPECT_EQ(writes, 1);
  pod("p1", "", "", false);
  ASSERT_TRUE(run().ok());
  EXPECT_EQ(counts(), "3 expected, 2 of 2 healthy, 0 may go");
  EXPECT_EQ(reason(), "InsufficientPods");
}

TEST_F(DisruptionTest, SharesAreOfTheScalesOfAllControllersEachOnce) {
  set_share(*budget.mutable_spec()->mutable_min_available(), "50%");
  host.cache(budget);
  deployment("web", 5);
  set("web-new", 3, "web");
  set("web-old", 2, "web");
  set("alone", 2, "");
  pod("p1", "ReplicaSet", "web-new");
  pod("p2", "ReplicaSet", "web-new");
  pod("p3", "ReplicaSet", "web-old");
  pod("p4", "ReplicaSet", "alone");
  ASSERT_TRUE(run().ok());
  EXPECT_EQ(counts(), "7 expected, 4 of 4 healthy, 0 may go");
  budget.mutable_spec()->clear_min_available();
  set_number(*budget.mutable_spec()->mutable_max_unavailable(), 4);
  host.cache(budget);
  ASSERT_TRUE(run().ok());
  EXPECT_EQ(counts(), "7 expected, 3 of 4 healthy, 1 may go");
  set_number(*budget.mutable_spec()->mutable_max_unavailable(), 9);
  host.cache(budget);
  ASSERT_TRUE(run().ok());
  EXPECT_EQ(counts(), "7 expected, 0 of 4 healthy, 4 may go");
}

TEST_F(DisruptionTest, ASetWhoseDeploymentIsNotThereCountsItself) {
  set_share(*budget.mutable_spec()->mutable_max_unavailable(), "10%");
  host.cache(budget);
  set("web-new", 3, "web");
  pod("p1", "ReplicaSet", "web-new");
  ASSERT_TRUE(run().ok());
  EXPECT_EQ(counts(), "3 expected, 2 of 1 healthy, 0 may go");
}

TEST_F(DisruptionTest, OtherKindsAreAskedForTheirScale) {
  set_share(*budget.mutable_spec()->mutable_max_unavailable(), "100%");
  host.cache(budget);
  pod("p1", "Game", "chess");
  pod("p2", "Game", "chess");
  ASSERT_TRUE(run().ok());
  EXPECT_EQ(counts(), "7 expected, 0 of 2 healthy, 2 may go");
  ASSERT_EQ(host.requests.size(), 3U);
  EXPECT_EQ(host.requests[1].resource() + "/" + host.requests[1].name(), "games/chess");
  ASSERT_TRUE(run().ok());
  EXPECT_EQ(host.requests.size(), 4U) << "where the kind is found was known already";
}

TEST_F(DisruptionTest, WithoutAScaleNothingMayGo) {
  set_number(*budget.mutable_spec()->mutable_max_unavailable(), 1);
  host.cache(budget);
  pod("p1", "Play", "hamlet");
  EXPECT_FALSE(run().ok());
  const std::string why = "plays.example.com does not implement the scale subresource";
  EXPECT_EQ(events(), (std::vector<std::string>{"Warning CalculateExpectedPodCountFailed: Failed to calculate the "
                                                "number of expected pods: " +
                                                why}));
  EXPECT_EQ(reason(), "SyncFailed");
  EXPECT_EQ(written.status().conditions(0).message(), why);
  EXPECT_FALSE(run().ok());
  EXPECT_EQ(writes, 1);
  pod("p1", "Novel", "hamlet");
  EXPECT_EQ(run().error().message(), "no matches for kind \"Novel\" in version \"example.com/v1\"");
  host.uncache("", "pods", "shop", "p1");
  ASSERT_TRUE(run().ok());
  EXPECT_EQ(reason(), "InsufficientPods");
}

TEST_F(DisruptionTest, UnmanagedPodsAndNoPodsAreTold) {
  set_number(*budget.mutable_spec()->mutable_max_unavailable(), 1);
  host.cache(budget);
  ASSERT_TRUE(run().ok());
  EXPECT_EQ(events(), std::vector<std::string>{"Normal NoPods: No matching pods found"});
  EXPECT_EQ(counts(), "0 expected, 0 of 0 healthy, 0 may go");
  host.events.clear();
  pod("p1", "", "");
  ASSERT_TRUE(run().ok());
  ASSERT_EQ(host.events.size(), 1U);
  EXPECT_EQ(host.events[0].reason, "UnmanagedPods");
  EXPECT_EQ(counts(), "0 expected, 0 of 1 healthy, 0 may go");
}

TEST_F(DisruptionTest, AnEvictionMeanwhileIsNotOverwritten) {
  set_number(*budget.mutable_spec()->mutable_min_available(), 1);
  host.cache(budget);
  pod("p1", "", "");
  refusal = Status::conflict("changed");
  EXPECT_EQ(run().error().code(), 409);
  EXPECT_EQ(host.requests.size(), 1U);
}

TEST_F(DisruptionTest, PodsThatWereToGoAreLookedAtAgainInTime) {
  set_number(*budget.mutable_spec()->mutable_min_available(), 1);
  (*budget.mutable_status()->mutable_disrupted_pods())["p1"] = to_time(kNow - 30 * kNanosPerSecond);
  host.cache(budget);
  for (const char* name : {"p1", "p2"}) pod(name, "", "");
  const auto first = run();
  ASSERT_TRUE(first.ok());
  EXPECT_EQ(first->requeue_after_ms, 90'000);
  EXPECT_EQ(counts(), "2 expected, 1 of 1 healthy, 0 may go");
  host.now_ns += 90 * kNanosPerSecond;
  const auto second = run();
  ASSERT_TRUE(second.ok());
  EXPECT_EQ(second->requeue_after_ms, 0);
  EXPECT_EQ(counts(), "2 expected, 1 of 2 healthy, 1 may go");
  EXPECT_TRUE(written.status().disrupted_pods().empty());
  EXPECT_EQ(events(),
            std::vector<std::string>{"Warning NotDeleted: Pod was expected by PDB shop/b to be deleted but it wasn't"});
}

TEST_F(DisruptionTest, StaleConditionsAreTakenBack) {
  auto stale = pod_of("p1", "web");
  auto& condition = *stale.mutable_status()->add_conditions();
  condition.set_type("DisruptionTarget");
  condition.set_status("True");
  *condition.mutable_last_transition_time() = to_time(kNow - 20 * kNanosPerSecond);
  host.cache(stale);
  EXPECT_EQ(map(stale), Keys{"pod/p1"});
  EXPECT_EQ(run("pod/p1")->requeue_after_ms, 100'000);
  EXPECT_TRUE(host.requests.empty());
  host.now_ns += 100 * kNanosPerSecond;
  EXPECT_EQ(run("pod/p1")->requeue_after_ms, 0);
  EXPECT_EQ(written_pod.status().conditions(1).status(), "False");
  EXPECT_TRUE(run("pod/absent").ok());
}

TEST_F(DisruptionTest, EventsConcernWhatTheyChange) {
  host.cache(budget);
  host.cache(budget_of("d", "db"));
  auto before = pod_of("p", "web"), now = before;
  EXPECT_EQ(map(now), Keys{"b"});
  EXPECT_EQ(map(now, &before), Keys{});
  now.mutable_status()->mutable_conditions(0)->set_status("False");
  EXPECT_EQ(map(now, &before), Keys{"b"});
  now = before;
  now.mutable_metadata()->mutable_deletion_timestamp()->set_seconds(1);
  EXPECT_EQ(map(now, &before), Keys{"b"});
  now = before;
  own(*now.mutable_metadata(), "apps/v1", "ReplicaSet", "set");
  EXPECT_EQ(map(now, &before), Keys{"b"});
  now = pod_of("p", "db");
  EXPECT_EQ(map(now, &before), (Keys{"d", "b"}));
  EXPECT_EQ(map(pod_of("p", "none")), Keys{});
  EXPECT_EQ(map(before, &before, abi::ObjectEvent::DELETED), Keys{"b"});
  EXPECT_EQ(map(budget), Keys{"b"});
  appsv1::Deployment small, large;
  small.mutable_metadata()->set_namespace_("shop");
  (*small.mutable_spec()->mutable_template_()->mutable_metadata()->mutable_labels())["app"] = "web";
  small.mutable_spec()->set_replicas(1);
  large = small;
  large.mutable_spec()->set_replicas(2);
  EXPECT_EQ(map(large, &small), Keys{"b"});
  EXPECT_EQ(map(large, &large), Keys{});
}

TEST_F(DisruptionTest, SeveralBudgetsOfAPodAreTold) {
  host.cache(budget_of("a", "web"));
  host.cache(budget);
  EXPECT_EQ(map(pod_of("p", "web")), (Keys{"a", "b"}));
  EXPECT_EQ(events(), std::vector<std::string>{"Warning MultiplePodDisruptionBudgets: Pod \"shop\"/\"p\" matches "
                                               "multiple PodDisruptionBudgets.  Chose \"a\" arbitrarily."});
}

}  // namespace
}  // namespace gantry::disruption
