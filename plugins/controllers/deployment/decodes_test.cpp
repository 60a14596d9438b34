// What a reconcile takes from the caches: each ReplicaSet once, and pods only where their end is waited for, once.
#include <gtest/gtest.h>

#include "controller.hpp"
#include "k8s.io/api/core/v1/pod.pb.h"
#include "sdk/testkit/scripted_host.hpp"

namespace gantry::deployment {
namespace {

using testkit::ScriptedHost;
using Times = std::map<std::string, size_t>;

void own(metav1::ObjectMeta& meta, const char* kind, const std::string& uid) {
  auto& owner = *meta.add_owner_references();
  owner.set_api_version("apps/v1");
  owner.set_kind(kind);
  owner.set_name("owner");
  owner.set_uid(uid);
  owner.set_controller(true);
}

struct DecodesTest : testing::Test {
  DecodesTest() {
    host.api = [](const abi::ApiRequest& request) -> ScriptedHost::Answer {
      abi::ApiResponse response;
      response.set_code(200);
      if (!request.body().empty()) response.add_objects(request.body());
      return response;
    };
    set_up(*deployment.mutable_metadata(), "web");
    deployment.mutable_spec()->set_replicas(2);
    deployment.mutable_spec()->mutable_strategy()->set_type("Recreate");
    (*deployment.mutable_spec()->mutable_selector()->mutable_match_labels())["app"] = "web";
    auto& wanted = *deployment.mutable_spec()->mutable_template_();
    (*wanted.mutable_metadata()->mutable_labels())["app"] = "web";
    wanted.mutable_spec()->add_containers()->set_image("now");
  }
  static void set_up(metav1::ObjectMeta& meta, const std::string& name) {
    meta.set_namespace_("shop");
    meta.set_name(name);
    meta.set_uid("uid-" + name);
    (*meta.mutable_labels())["app"] = "web";
  }
  // One of an older template.
  void cache_set(const std::string& name, int32_t replicas) {
    appsv1::ReplicaSet set;
    set_up(*set.mutable_metadata(), name);
    own(*set.mutable_metadata(), "Deployment", "uid-web");
    set.mutable_spec()->set_replicas(replicas);
    set.mutable_spec()->mutable_selector()->CopyFrom(deployment.spec().selector());
    set.mutable_spec()->mutable_template_()->CopyFrom(deployment.spec().template_());
    set.mutable_spec()->mutable_template_()->mutable_spec()->mutable_containers(0)->set_image(name);
    host.cache(set);
  }
  void cache_pod(const std::string& name, const std::string& owner, const char* phase) {
    corev1::Pod pod;
    set_up(*pod.mutable_metadata(), name);
    own(*pod.mutable_metadata(), "ReplicaSet", owner);
    pod.mutable_status()->set_phase(phase);
    host.cache(pod);
  }
  void reconcile() {
    host.cache(deployment);
    const auto done = DeploymentController(sdk::Host(&host.host)).reconcile({"shop", "web"});
    EXPECT_TRUE(done.ok()) << done.error().message();
  }

  ScriptedHost host;
  appsv1::Deployment deployment;
};

TEST_F(DecodesTest, ARolloutLooksAtNoPod) {
  deployment.mutable_spec()->mutable_strategy()->set_type("RollingUpdate");
  cache_set("before", 2);
  cache_set("long-before", 0);
  cache_pod("a", "uid-before", "Running");
  reconcile();
  EXPECT_EQ(host.given<corev1::Pod>(), (Times{{"a", 0}}));
  EXPECT_EQ(host.given<appsv1::ReplicaSet>(), (Times{{"before", 1}, {"long-before", 1}}));
  EXPECT_EQ(host.given<appsv1::Deployment>(), (Times{{"web", 1}}));
}

TEST_F(DecodesTest, EachOldPodOnceWhereTheirEndIsAwaited) {
  cache_set("before", 0);
  cache_set("long-before", 0);
  cache_pod("a", "uid-before", "Succeeded");
  cache_pod("b", "uid-before", "Failed");
  cache_pod("c", "uid-long-before", "Running");
  cache_pod("foreign", "uid-of-another", "Running");
  reconcile();
  EXPECT_EQ(host.given<corev1::Pod>(), (Times{{"a", 1}, {"b", 1}, {"c", 1}, {"foreign", 0}}));
  EXPECT_EQ(host.given<appsv1::ReplicaSet>(), (Times{{"before", 1}, {"long-before", 1}}));
}

}  // namespace
}  // namespace gantry::deployment
