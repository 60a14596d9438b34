// The controller on a scripted host: what it watches, whose pods it counts and makes, what it reports.
#include "controller.hpp"

#include <gtest/gtest.h>

#include "sdk/testkit/scripted_host.hpp"

namespace gantry::replicationcontroller {
namespace {

using testkit::ScriptedHost;

struct ReplicationControllerTest : testing::Test {
  ReplicationControllerTest() {
    host.api = [this](const abi::ApiRequest& request) -> ScriptedHost::Answer {
      if (request.verb() == abi::ApiRequest::CREATE) return create(request);
      if (request.verb() == abi::ApiRequest::GET) return ScriptedHost::answer(web);
      if (request.verb() == abi::ApiRequest::PATCH) return ScriptedHost::answer(pod(request.name(), "uid-web"));
      if (request.verb() == abi::ApiRequest::DELETE) deleted.push_back(request.name());
      if (request.subresource() == "status") written.ParseFromString(request.body());
      abi::ApiResponse response;
      response.set_code(200);
      if (request.verb() == abi::ApiRequest::UPDATE) response.add_objects(request.body());
      return response;
    };
    web.mutable_metadata()->set_namespace_("shop");
    web.mutable_metadata()->set_name("web");
    web.mutable_metadata()->set_uid("uid-web");
    web.mutable_metadata()->set_generation(3);
    web.mutable_spec()->set_replicas(2);
    (*web.mutable_spec()->mutable_selector())["app"] = "web";
    (*web.mutable_spec()->mutable_template_()->mutable_metadata()->mutable_labels())["app"] = "web";
    host.cache(web);
  }
  ScriptedHost::Answer create(const abi::ApiRequest& request) {
    if (!refusal.ok()) return refusal;
    corev1::Pod made;
    made.ParseFromString(request.body());
    made.mutable_metadata()->set_name(made.metadata().generate_name() + std::to_string(created.size()));
    created.push_back(made);
    return ScriptedHost::answer(made);
  }
  static corev1::Pod pod(const std::string& name, const std::string& owner, const std::string& app = "web") {
    corev1::Pod pod;
    pod.mutable_metadata()->set_namespace_("shop");
    pod.mutable_metadata()->set_name(name);
    pod.mutable_metadata()->set_uid("uid-" + name);
    (*pod.mutable_metadata()->mutable_labels())["app"] = app;
    pod.mutable_status()->set_phase("Running");
    if (owner.empty()) return pod;
    auto& reference = *pod.mutable_metadata()->add_owner_references();
    reference.set_api_version("v1");
    reference.set_kind("ReplicationController");
    reference.set_uid(owner);
    reference.set_controller(true);
    return pod;
  }
  Status reconcile() {
    const auto done = ReplicationControllerController(sdk::Host(&host.host)).reconcile({"shop", "web"});
    return done ? Status() : done.error();
  }

  ScriptedHost host;
  corev1::ReplicationController web, written;
  std::vector<corev1::Pod> created;
  std::vector<std::string> deleted;
  Status refusal;
};

TEST_F(ReplicationControllerTest, WatchesPodsByTheMapOfItsSelector) {
  const auto spec = ReplicationControllerController(sdk::Host(&host.host)).spec();
  ASSERT_EQ(spec.watches_size(), 2);
  EXPECT_EQ(spec.watches(0).resource() + " " + spec.watches(0).group(), "replicationcontrollers ");
  const auto& pods = spec.watches(1);
  EXPECT_EQ(pods.resource() + " " + pods.owner_group() + " " + pods.owner_kind(), "pods  ReplicationController");
  EXPECT_EQ(std::vector<int>(pods.owner_selector().begin(), pods.owner_selector().end()), (std::vector<int>{2, 2, 0}));
}

TEST_F(ReplicationControllerTest, MakesWhatIsMissingAsItsOwn) {
  host.cache(pod("mine", "uid-web"));
  host.cache(pod("other", "", "db"));
  ASSERT_TRUE(reconcile().ok());
  ASSERT_EQ(created.size(), 1U);
  const auto& owner = created[0].metadata().owner_references(0);
  EXPECT_EQ(owner.api_version() + " " + owner.kind() + " " + owner.name(), "v1 ReplicationController web");
  ASSERT_EQ(host.events.size(), 1U);
  EXPECT_EQ(host.events[0].regarding.kind() + " " + host.events[0].message, "ReplicationController Created pod: web-0");
  EXPECT_EQ(written.status().replicas(), 1);
  EXPECT_EQ(written.status().fully_labeled_replicas(), 1);
  EXPECT_EQ(written.status().observed_generation(), 3);
}

TEST_F(ReplicationControllerTest, AdoptsByItsMapAndDeletesWhatIsTooMuch) {
  for (const char* name : {"mine-1", "mine-2"}) host.cache(pod(name, "uid-web"));
  host.cache(pod("orphan", ""));
  ASSERT_TRUE(reconcile().ok());
  EXPECT_TRUE(created.empty());
  EXPECT_EQ(deleted.size(), 1U);
  EXPECT_EQ(written.status().replicas(), 3) << "the adopted one counts";
}

TEST_F(ReplicationControllerTest, SaysWhyItCannot) {
  refusal = Status::forbidden("quota exceeded");
  EXPECT_EQ(reconcile().message(), "quota exceeded");
  ASSERT_EQ(written.status().conditions_size(), 1);
  const auto& failure = written.status().conditions(0);
  EXPECT_EQ(failure.type() + " " + failure.status() + " " + failure.reason() + " " + failure.message(),
            "ReplicaFailure True FailedCreate quota exceeded");
}

TEST_F(ReplicationControllerTest, WritesNoStatusThatIsTheSame) {
  web.mutable_spec()->set_replicas(0);
  web.mutable_status()->set_observed_generation(3);
  host.cache(web);
  ASSERT_TRUE(reconcile().ok());
  EXPECT_TRUE(host.requests.empty());
}

TEST_F(ReplicationControllerTest, RefusesNumbersThatDoNothing) {
  host.config["burst_replicas"] = int64_t{0};
  ReplicationControllerController controller{sdk::Host(&host.host)};
  EXPECT_EQ(controller.configure().message(), "workers and burst_replicas must be at least 1");
  host.config = {{"workers", int64_t{9}}};
  EXPECT_TRUE(controller.configure().ok());
  EXPECT_EQ(controller.spec().workers(), 9);
}

}  // namespace
}  // namespace gantry::replicationcontroller
