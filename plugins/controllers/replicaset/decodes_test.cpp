// What a reconcile takes from the caches: each pod is decoded once, however many parts look at it, and those of others
// not at all.
#include <gtest/gtest.h>

#include "controller.hpp"
#include "sdk/testkit/scripted_host.hpp"

namespace gantry::replicaset {
namespace {

using testkit::ScriptedHost;
using Times = std::map<std::string, size_t>;

struct DecodesTest : testing::Test {
  DecodesTest() {
    host.api = [this](const abi::ApiRequest& request) -> ScriptedHost::Answer {
      if (request.verb() == abi::ApiRequest::GET) return ScriptedHost::answer(web);
      if (request.verb() == abi::ApiRequest::PATCH) return ScriptedHost::answer(pod(request.name(), "uid-web"));
      if (request.verb() == abi::ApiRequest::DELETE) ++deleted;
      if (request.verb() == abi::ApiRequest::CREATE) ++created;
      abi::ApiResponse response;
      response.set_code(200);
      if (!request.body().empty()) response.add_objects(request.body());
      return response;
    };
  }
  static void own(metav1::ObjectMeta& meta, const char* kind, const std::string& uid) {
    auto& owner = *meta.add_owner_references();
    owner.set_api_version("apps/v1");
    owner.set_kind(kind);
    owner.set_name("owner");
    owner.set_uid(uid);
    owner.set_controller(true);
  }
  static corev1::Pod pod(const std::string& name, const std::string& owner) {
    corev1::Pod pod;
    pod.mutable_metadata()->set_namespace_("shop");
    pod.mutable_metadata()->set_name(name);
    pod.mutable_metadata()->set_uid("uid-" + name);
    (*pod.mutable_metadata()->mutable_labels())["app"] = "web";
    if (!owner.empty()) own(*pod.mutable_metadata(), "ReplicaSet", owner);
    pod.mutable_status()->set_phase("Running");
    return pod;
  }
  void cache_set(const std::string& name, int32_t replicas) {
    appsv1::ReplicaSet set;
    set.mutable_metadata()->set_namespace_("shop");
    set.mutable_metadata()->set_name(name);
    set.mutable_metadata()->set_uid("uid-" + name);
    own(*set.mutable_metadata(), "Deployment", "uid-deployment");
    set.mutable_spec()->set_replicas(replicas);
    (*set.mutable_spec()->mutable_selector()->mutable_match_labels())["app"] = "web";
    (*set.mutable_spec()->mutable_template_()->mutable_metadata()->mutable_labels())["app"] = "web";
    host.cache(set);
    if (name == "web") web = set;
  }
  void reconcile() {
    const auto done = ReplicaSetController(sdk::Host(&host.host)).reconcile({"shop", "web"});
    EXPECT_TRUE(done.ok()) << done.error().message();
  }

  ScriptedHost host;
  appsv1::ReplicaSet web;
  int created = 0, deleted = 0;
};

TEST_F(DecodesTest, EachPodOnceWhereSomeAreMissing) {
  cache_set("web", 4);
  host.cache(pod("mine-1", "uid-web"));
  host.cache(pod("mine-2", "uid-web"));
  host.cache(pod("orphan", ""));
  host.cache(pod("foreign", "uid-of-another"));
  reconcile();
  EXPECT_EQ(created, 1);
  EXPECT_EQ(host.given<corev1::Pod>(), (Times{{"foreign", 0}, {"mine-1", 1}, {"mine-2", 1}, {"orphan", 1}}));
}

// Which pods go first is judged by those of all sets of the deployment.
TEST_F(DecodesTest, EachPodOnceWhereSomeAreTooMany) {
  cache_set("web", 1);
  cache_set("web-before", 2);
  for (const char* name : {"mine-1", "mine-2", "mine-3"}) host.cache(pod(name, "uid-web"));
  for (const char* name : {"sibling-1", "sibling-2"}) host.cache(pod(name, "uid-web-before"));
  host.cache(pod("foreign", "uid-of-another"));
  reconcile();
  EXPECT_EQ(deleted, 2);
  EXPECT_EQ(host.given<corev1::Pod>(),
            (Times{{"foreign", 0}, {"mine-1", 1}, {"mine-2", 1}, {"mine-3", 1}, {"sibling-1", 1}, {"sibling-2", 1}}));
}

}  // namespace
}  // namespace gantry::replicaset
