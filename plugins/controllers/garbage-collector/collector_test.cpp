// What a key does to a small cluster.
#include <gtest/gtest.h>

#include "testing.hpp"

namespace gantry::garbage_collector {
namespace {

using Writes = std::vector<std::string>;

struct CollectorTest : testing::Test, TestCluster {
  void expect_ok(const Status& status) { EXPECT_TRUE(status.ok()) << status.message(); }
};

TEST_F(CollectorTest, AnOwnerInTheCacheNeedsNoRequest) {
  add("configmaps", "ns", "c");
  add("pods", "ns", "p", {"c"});
  expect_ok(look("pods", "ns", "p"));
  for (const auto& request : host.requests) EXPECT_EQ(request.verb(), abi::ApiRequest::DISCOVER);
}

TEST_F(CollectorTest, DeletesWhatHasNoOwnerLeftWithItsVersionAndUid) {
  add("pods", "ns", "p", {"c"}).mutable_metadata()->set_resource_version("17");
  expect_ok(look("pods", "ns", "p"));
  EXPECT_EQ(writes(), Writes{"DELETE p"});
  EXPECT_EQ(delete_options().propagation_policy(), "Background");
  EXPECT_EQ(delete_options().preconditions().uid(), "uid-p");
  EXPECT_EQ(delete_options().preconditions().resource_version(), "17");
}

TEST_F(CollectorTest, ACacheThatMissesTheOwnerDeletesNothing) {
  add("configmaps", "ns", "c");
  add("pods", "ns", "p", {"c"});
  host.uncache("", "configmaps", "ns", "c");
  expect_ok(look("pods", "ns", "p"));
  EXPECT_EQ(writes(), Writes());
}

TEST_F(CollectorTest, AnOwnerOfAnotherUidIsAbsent) {
  auto& owner = add("configmaps", "ns", "c");
  owner.mutable_metadata()->set_uid("uid-younger");
  cache("configmaps", owner);
  add("pods", "ns", "p", {"c"});
  expect_ok(look("pods", "ns", "p"));
  EXPECT_EQ(writes(), Writes{"DELETE p"});
}

TEST_F(CollectorTest, AsksForAnAbsentOwnerOnce) {
  add("pods", "ns", "p", {"c"});
  add("pods", "ns", "q", {"c"});
  expect_ok(look("pods", "ns", "p"));
  expect_ok(look("pods", "ns", "q"));
  EXPECT_EQ(writes(), Writes{"DELETE q"});
  for (const auto& request : host.requests) EXPECT_NE(request.resource(), "configmaps");
}

// A kind that a plugin brings while the collector runs.
TEST_F(CollectorTest, DependentsOfANewKindAreFound) {
  expect_ok(run("ns", "gone|uid-c"));
  has_widgets = true;
  const Object widget = add("widgets", "ns", "w", {"c"});
  abi::ObjectEvent event;
  event.set_type(abi::ObjectEvent::ADDED);
  event.set_version("v1");
  event.set_resource("widgets");
  event.set_object(widget.SerializeAsString());
  collector.map(event, [](std::string_view, std::string_view) {});
  host.queued.clear();
  expect_ok(run("ns", "gone|uid-c"));
  ASSERT_EQ(host.queued.size(), 1u);
  EXPECT_NE(std::get<1>(host.queued[0]).find("widgets"), std::string::npos);
}

TEST_F(CollectorTest, TheApiFailingDeletesNothing) {
  add("pods", "ns", "p", {"c"});
  expect_ok(look("pods", "ns", "nobody"));
  const auto serve = host.api;
  host.api = [&](const abi::ApiRequest& request) -> testkit::ScriptedHost::Answer {
    if (request.resource() == "configmaps") return Status::unavailable("not now");
    return serve(request);
  };
  EXPECT_EQ(look("pods", "ns", "p").code(), 503);
  EXPECT_EQ(writes(), Writes());
}

TEST_F(CollectorTest, AnUnknownKindIsNotAnAbsentOwner) {
  auto& object = add("pods", "ns", "p");
  add_owner(object, "w", true, "Widget");
  cache("pods", object);
  EXPECT_EQ(look("pods", "ns", "p").code(), 404);
  EXPECT_EQ(writes(), Writes());
}

TEST_F(CollectorTest, RemovesDanglingReferencesBesideASolidOne) {
  add("configmaps", "ns", "c");
  add("pods", "ns", "p", {"gone", "c"});
  expect_ok(look("pods", "ns", "p"));
  EXPECT_EQ(writes(),
            Writes{"PATCH p {\"metadata\":{\"resourceVersion\":\"1\",\"ownerReferences\":[{\"apiVersion\":\"v1\","
                   "\"kind\":\"ConfigMap\",\"name\":\"c\",\"uid\":\"uid-c\",\"controller\":true,"
                   "\"blockOwnerDeletion\":true}]}}"});
}

TEST_F(CollectorTest, KeepsAPendingPolicyOfTheObjectItDeletes) {
  add("pods", "ns", "p", {"c"}).mutable_metadata()->add_finalizers("orphan");
  expect_ok(look("pods", "ns", "p"));
  EXPECT_EQ(delete_options().propagation_policy(), "Orphan");
}

TEST_F(CollectorTest, ForegroundWaitsForBlockingDependents) {
  auto& owner = add("configmaps", "ns", "c");
  add("pods", "ns", "p", {"c"});
  terminate("configmaps", owner, "foregroundDeletion");
  expect_ok(look("configmaps", "ns", "c"));
  EXPECT_EQ(writes(), Writes());
  ASSERT_EQ(host.queued.size(), 1u);
  EXPECT_EQ(std::get<1>(host.queued[0]), "object||v1|pods|p");

  expect_ok(look("pods", "ns", "p"));
  EXPECT_EQ(writes(), Writes{"DELETE p"});
  EXPECT_EQ(delete_options().propagation_policy(), "Background");

  forget("pods", "ns", "p");
  host.queued.clear();
  expect_ok(run("ns", "owner|v1|ConfigMap|uid-c|c"));
  ASSERT_EQ(host.queued.size(), 1u);
  EXPECT_EQ(std::get<1>(host.queued[0]), "object||v1|configmaps|c");
  expect_ok(look("configmaps", "ns", "c"));
  EXPECT_EQ(writes(), Writes{"PATCH c {\"metadata\":{\"resourceVersion\":\"1\",\"finalizers\":null}}"});
}

TEST_F(CollectorTest, ForegroundDoesNotWaitForOthers) {
  auto& owner = add("configmaps", "ns", "c");
  auto& dependent = add("pods", "ns", "p");
  add_owner(dependent, "c", false);
  cache("pods", dependent);
  terminate("configmaps", owner, "foregroundDeletion");
  expect_ok(look("configmaps", "ns", "c"));
  EXPECT_EQ(writes().size(), 1u);
  EXPECT_EQ(host.queued.size(), 1u);
}

TEST_F(CollectorTest, ForegroundIsPassedOnToDependentsWithDependents) {
  auto& owner = add("configmaps", "ns", "c");
  terminate("configmaps", owner, "foregroundDeletion");
  add("configmaps", "ns", "middle", {"c"});
  add("pods", "ns", "p", {"middle"});
  expect_ok(look("configmaps", "ns", "middle"));
  EXPECT_EQ(writes(), Writes{"DELETE middle"});
  EXPECT_EQ(delete_options().propagation_policy(), "Foreground");
}

TEST_F(CollectorTest, ACycleIsUnblocked) {
  auto& a = add("configmaps", "ns", "a", {"b"});
  add("configmaps", "ns", "b", {"a"});
  terminate("configmaps", a, "foregroundDeletion");
  expect_ok(look("configmaps", "ns", "b"));
  ASSERT_EQ(writes().size(), 2u);
  EXPECT_NE(writes()[0].find("\"blockOwnerDeletion\":false"), std::string::npos) << writes()[0];
  EXPECT_EQ(writes()[1], "DELETE b");
  EXPECT_EQ(delete_options().propagation_policy(), "Foreground");
}

TEST_F(CollectorTest, OrphanRemovesReferencesAndThenItsFinalizer) {
  auto& owner = add("configmaps", "ns", "c");
  add("pods", "ns", "p", {"c", "other"});
  add("pods", "ns", "stranger", {"other"});
  add("pods", "elsewhere", "q", {"c"});
  terminate("configmaps", owner, "orphan");
  host.uncache("", "pods", "ns", "p");  // a cache that is behind must not cost the pod its life
  expect_ok(look("configmaps", "ns", "c"));
  const auto done = writes();
  ASSERT_EQ(done.size(), 2u);
  EXPECT_EQ(done[0].find("PATCH p "), 0u);
  EXPECT_EQ(done[0].find("uid-c\""), std::string::npos);
  EXPECT_NE(done[0].find("uid-other"), std::string::npos);
  EXPECT_EQ(done[1], "PATCH c {\"metadata\":{\"resourceVersion\":\"1\",\"finalizers\":null}}");
}

TEST_F(CollectorTest, WhatIsServedInTwoVersionsIsLookedAtOnce) {
  has_older = true;
  auto& owner = add("configmaps", "ns", "c");
  terminate("configmaps", owner, "orphan");
  add("pods", "ns", "p", {"c"});
  ASSERT_TRUE(look("configmaps", "ns", "c").ok());
  std::vector<std::string> lists;
  for (const auto& request : host.requests) {
    if (request.verb() == abi::ApiRequest::LIST) lists.push_back(request.version() + " " + request.resource());
  }
  EXPECT_EQ(lists, (std::vector<std::string>{"v1 configmaps", "v1 pods"}));
  EXPECT_EQ(writes().size(), 2U) << "the pod, and the owner's finalizer";
  // An owner may be named by either.
  add("configmaps", "ns", "d");
  auto& pod = add("pods", "ns", "q", {"d"});
  pod.mutable_metadata()->mutable_owner_references(0)->set_api_version("v1beta1");
  cache("pods", pod);
  ASSERT_TRUE(look("pods", "ns", "q").ok());
  EXPECT_TRUE(host.requests.empty());
}

TEST_F(CollectorTest, OrphanTriesAgainAfterAConflict) {
  auto& owner = add("configmaps", "ns", "c");
  add("pods", "ns", "p", {"c"});
  terminate("configmaps", owner, "orphan");
  refusals = {Status::conflict("newer"), Status::conflict("newer")};
  expect_ok(look("configmaps", "ns", "c"));
  EXPECT_EQ(writes().size(), 4u);
}

TEST_F(CollectorTest, OrphanKeepsItsFinalizerWhileADependentCannotBeWritten) {
  auto& owner = add("configmaps", "ns", "c");
  add("pods", "ns", "p", {"c"});
  terminate("configmaps", owner, "orphan");
  refusals = {Status::unavailable("not now")};
  EXPECT_EQ(look("configmaps", "ns", "c").code(), 503);
  EXPECT_EQ(writes().size(), 1u);
}

TEST_F(CollectorTest, AnOwnerInAnotherNamespaceIsAbsentAndSaidSo) {
  add("namespaces", "", "ns");
  add("namespaces", "", "elsewhere");
  add("configmaps", "elsewhere", "c");
  add("pods", "ns", "p", {"c"});
  expect_ok(look("pods", "ns", "p"));
  EXPECT_EQ(writes(), Writes{"DELETE p"});
  ASSERT_EQ(host.events.size(), 1u);
  EXPECT_EQ(host.events[0].reason, "OwnerRefInvalidNamespace");
  EXPECT_EQ(host.events[0].regarding.kind(), "Pod");
  EXPECT_EQ(host.events[0].message,
            "ownerRef [v1/ConfigMap, namespace: ns, name: c, uid: uid-c] does not exist in namespace \"ns\"");
}

TEST_F(CollectorTest, AClusterWideObjectWithAnOwnerInANamespaceIsLeftAlone) {
  add("namespaces", "", "n", {"c"});
  expect_ok(look("namespaces", "", "n"));
  EXPECT_EQ(writes(), Writes());
  ASSERT_EQ(host.events.size(), 1u);
  EXPECT_EQ(host.events[0].reason, "OwnerRefInvalidNamespace");
}

TEST_F(CollectorTest, AnOwnerThatIsGoneQueuesItsDependentsOfTheNamespace) {
  add("pods", "ns", "p", {"c"});
  add("configmaps", "ns", "d", {"c"});
  add("pods", "elsewhere", "q", {"c"});
  expect_ok(run("ns", "gone|uid-c"));
  EXPECT_EQ(host.queued.size(), 2u);
}

TEST_F(CollectorTest, AClusterWideOwnerHasDependentsInEveryNamespace) {
  add("namespaces", "", "n");
  for (const char* ns : {"ns", "elsewhere"}) {
    auto& dependent = add("pods", ns, "p");
    add_owner(dependent, "n", true, "Namespace");
    cache("pods", dependent);
  }
  expect_ok(look("pods", "ns", "p"));
  EXPECT_EQ(writes(), Writes());
  forget("namespaces", "", "n");
  expect_ok(run("", "gone|uid-n"));
  EXPECT_EQ(host.queued.size(), 2u);
  expect_ok(look("pods", "elsewhere", "p"));
  EXPECT_EQ(writes(), Writes{"DELETE p"});
}

TEST_F(CollectorTest, OddNamesOfOwnersAreQuoted) {
  auto& object = add("pods", "ns", "p");
  add_owner(object, "a|b\"\\\n");
  EXPECT_TRUE(Objects(sdk::Host(&host.host)).write_owners({"", "v1", "pods", "ns", "p"}, object.metadata()).ok());
  EXPECT_NE(host.requests.back().body().find(R"("name":"a|b\"\\\u000a","uid":"uid-a|b\"\\\u000a")"), std::string::npos)
      << host.requests.back().body();
  expect_ok(run("ns", "owner|v1|ConfigMap|uid|a|b|c"));
  expect_ok(run("ns", "owner"));
  expect_ok(run("ns", "object|"));
}

TEST_F(CollectorTest, AConflictIsPassedOnForAnotherTry) {
  add("pods", "ns", "p", {"c"});
  refusals = {Status::conflict("newer")};
  EXPECT_EQ(look("pods", "ns", "p").code(), 409);
}

TEST_F(CollectorTest, OneThatIsGoneMeanwhileIsDone) {
  add("pods", "ns", "p", {"c"});
  api.clear();
  expect_ok(look("pods", "ns", "p"));
  EXPECT_EQ(writes(), Writes());
}

}  // namespace
}  // namespace gantry::garbage_collector
