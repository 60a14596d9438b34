// A namespace's end, against an API that the test plays.
#include "namespace_controller.hpp"

#include <gtest/gtest.h>

#include "k8s.io/api/core/v1/pod.pb.h"
#include "k8s.io/apimachinery/pkg/apis/meta/v1/discovery.pb.h"
#include "k8s.io/apimachinery/pkg/apis/meta/v1/list.pb.h"
#include "sdk/testkit/scripted_host.hpp"

namespace gantry::namespaces {
namespace {

using abi::ApiRequest;
using testkit::ScriptedHost;
using Strings = std::vector<std::string>;

struct NamespaceTest : testing::Test {
  NamespaceTest() {
    ns.mutable_metadata()->set_name("n");
    ns.mutable_metadata()->set_uid("uid-n");
    ns.mutable_metadata()->set_resource_version("1");
    ns.mutable_metadata()->mutable_deletion_timestamp()->set_seconds(host.now_ns / 1'000'000'000);
    ns.mutable_spec()->add_finalizers("kubernetes");
    ns.mutable_status()->set_phase("Terminating");
    host.cache(ns);
    host.api = [this](const ApiRequest& request) { return serve(request); };
  }

  ScriptedHost::Answer serve(const ApiRequest& request) {
    const auto& resource = request.resource();
    switch (request.verb()) {
      case ApiRequest::DISCOVER:
        if (discovery_fails) return Status::unavailable("no discovery");
        return ScriptedHost::answer(discovery());
      case ApiRequest::GET:
        if (gone) return Status::not_found("n not found");
        return ScriptedHost::answer(ns);
      case ApiRequest::UPDATE:
        ns.ParseFromString(request.body());
        did.push_back(request.subresource());
        return ScriptedHost::answer(ns);
      case ApiRequest::DELETE_COLLECTION:
        did.push_back("clear " + resource);
        if (refused == resource) return Status::forbidden("not these");
        if (!held) content[resource].clear();
        return abi::ApiResponse();
      case ApiRequest::LIST: {
        abi::ApiResponse out;
        for (const auto& object : content[resource]) out.add_objects(object);
        return out;
      }
      default:
        did.push_back("delete " + resource + " " + request.name());
        content[resource].clear();
        return abi::ApiResponse();
    }
  }
  static metav1::APIResourceList discovery() {
    metav1::APIResourceList list;
    list.set_group_version("v1");
    const auto add = [&](const char* name, bool namespaced, std::initializer_list<const char*> verbs) {
      auto& resource = *list.add_resources();
      resource.set_name(name);
      resource.set_namespaced(namespaced);
      for (const char* verb : verbs) resource.mutable_verbs()->add_items(verb);
    };
    add("configmaps", true, {"delete", "deletecollection", "list"});
    add("pods", true, {"delete", "deletecollection", "list"});
    add("pods/status", true, {"get"});
    add("secrets", true, {"delete", "list"});
    add("bindings", true, {"create"});
    add("nodes", false, {"delete", "deletecollection", "list"});
    return list;
  }
  std::string pod(int64_t grace, const std::string& phase = "Running", const std::string& finalizer = {}) {
    corev1::Pod object;
    object.mutable_metadata()->set_name("p");
    if (!finalizer.empty()) object.mutable_metadata()->add_finalizers(finalizer);
    object.mutable_spec()->set_termination_grace_period_seconds(grace);
    object.mutable_status()->set_phase(phase);
    return object.SerializeAsString();
  }
  Expected<sdk::Controller::Result> run() {
    did.clear();
    return controller.reconcile({"", "n"});
  }
  std::string condition(const std::string& type) {
    for (const auto& item : ns.status().conditions()) {
      if (item.type() == type) return item.status() + " " + item.reason();
    }
    return "none";
  }

  ScriptedHost host;
  NamespaceController controller{sdk::Host(&host.host)};
  corev1::Namespace ns;
  std::map<std::string, Strings> content;
  Strings did;
  std::string refused;
  bool held = false, gone = false, discovery_fails = false;
};

TEST_F(NamespaceTest, AnActiveNamespaceIsLeftAlone) {
  ns.mutable_metadata()->clear_deletion_timestamp();
  host.cache(ns);
  ASSERT_TRUE(run().ok());
  EXPECT_TRUE(host.requests.empty());
}

TEST_F(NamespaceTest, DeletesEverythingPodsFirstAndFinalizes) {
  ns.mutable_status()->clear_phase();
  content["configmaps"] = {pod(0)};
  content["secrets"] = {pod(0)};
  const auto first = run();
  ASSERT_TRUE(first.ok()) << first.error().message();
  EXPECT_EQ(did, (Strings{"status", "clear pods", "clear configmaps", "delete secrets p", "status"}));
  EXPECT_EQ(ns.status().phase(), "Terminating");
  EXPECT_GT(first->requeue_after_ms, 0) << "what was admitted before may still arrive";
  host.now_ns += first->requeue_after_ms * 1'000'000;
  ASSERT_TRUE(run().ok());
  EXPECT_EQ(did.back(), "finalize");
  EXPECT_EQ(ns.spec().finalizers_size(), 0);
  ASSERT_TRUE(run().ok());
  EXPECT_EQ(did, Strings()) << "finalized already";
}

TEST_F(NamespaceTest, ALateArrivalStartsTheWaitAgain) {
  const auto first = run();
  ASSERT_TRUE(first.ok());
  host.now_ns += first->requeue_after_ms * 1'000'000;
  content["pods"] = {pod(10)};
  held = true;
  ASSERT_TRUE(run().ok());
  EXPECT_NE(did.back(), "finalize");
  held = false;
  ASSERT_TRUE(run().ok());
  EXPECT_NE(did.back(), "finalize");
}

TEST_F(NamespaceTest, WaitsForPodsWithTheirGraceAndKeepsTheirConfiguration) {
  content["pods"] = {pod(10), pod(40), pod(90, "Succeeded")};
  content["configmaps"] = {pod(0)};
  held = true;
  const auto result = run();
  ASSERT_TRUE(result.ok());
  EXPECT_EQ(result->requeue_after_ms, 21'000);
  EXPECT_EQ(did, (Strings{"clear pods", "status"}));
  EXPECT_EQ(content["configmaps"].size(), 1u);
  EXPECT_EQ(condition("NamespaceContentRemaining"), "True SomeResourcesRemain");
}

TEST_F(NamespaceTest, PodsThatOverstayAreAnError) {
  content["pods"] = {pod(10)};
  held = true;
  host.now_ns += 11'000'000'000;
  EXPECT_EQ(run().ok(), false);
  EXPECT_EQ(condition("NamespaceDeletionContentFailure"), "True ContentDeletionFailed");
}

TEST_F(NamespaceTest, FinalizersHoldItAndAreNamed) {
  content["configmaps"] = {pod(0, "", "example.com/hold")};
  held = true;
  const auto result = run();
  ASSERT_TRUE(result.ok());
  EXPECT_EQ(result->requeue_after_ms, 8'000);
  EXPECT_EQ(condition("NamespaceFinalizersRemaining"), "True SomeFinalizersRemain");
}

TEST_F(NamespaceTest, AResourceThatCannotBeDeletedHoldsItButNotTheOthers) {
  refused = "configmaps";
  EXPECT_FALSE(run().ok());
  EXPECT_EQ(did, (Strings{"clear pods", "clear configmaps", "status"}));
  EXPECT_EQ(condition("NamespaceDeletionContentFailure"), "True ContentDeletionFailed");
}

TEST_F(NamespaceTest, WithoutDiscoveryNothingIsFinalized) {
  discovery_fails = true;
  EXPECT_FALSE(run().ok());
  EXPECT_EQ(did, Strings{"status"});
  EXPECT_EQ(condition("NamespaceDeletionDiscoveryFailure"), "True DiscoveryFailed");
}

TEST_F(NamespaceTest, FinalizersOfOthersStay) {
  ns.mutable_spec()->add_finalizers("example.com/mine");
  const auto first = run();
  ASSERT_TRUE(first.ok());
  host.now_ns += first->requeue_after_ms * 1'000'000;
  ASSERT_TRUE(run().ok());
  ASSERT_EQ(ns.spec().finalizers_size(), 1);
  EXPECT_EQ(ns.spec().finalizers(0), "example.com/mine");
}

TEST_F(NamespaceTest, ANamespaceThatIsGoneIsDone) {
  gone = true;
  EXPECT_TRUE(run().ok());
}

TEST_F(NamespaceTest, WhatDisappearsWakesItsNamespace) {
  const auto all = controller.spec().all();
  EXPECT_EQ(all.mapping(), abi::WatchSpec::NAMESPACE);
  ASSERT_EQ(all.interests_size(), 1);
  EXPECT_EQ(all.interests(0), abi::WatchSpec::GONE);
}

}  // namespace
}  // namespace gantry::namespaces
