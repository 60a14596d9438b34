#include "gantry/claims.hpp"

#include <gmock/gmock.h>

#include "k8s.io/api/apps/v1/replica_set.pb.h"
#include "k8s.io/api/core/v1/pod.pb.h"
#include "sdk/testkit/scripted_host.hpp"

namespace gantry::sdk {
namespace {

using abi::ApiRequest;
using testing::ElementsAre;
using testing::IsEmpty;
using testkit::ScriptedHost;

struct ClaimsTest : testing::Test {
  ClaimsTest() {
    owner.mutable_metadata()->set_namespace_("shop");
    owner.mutable_metadata()->set_name("web");
    owner.mutable_metadata()->set_uid("u1");
    (*owner.mutable_spec()->mutable_selector()->mutable_match_labels())["app"] = "web";
    server = owner;
    scripted.api = [this](const ApiRequest& request) -> ScriptedHost::Answer {
      if (request.verb() == ApiRequest::GET) {
        if (!owner_error.ok()) return owner_error;
        return ScriptedHost::answer(server);
      }
      if (!refusal.ok()) return refusal;
      corev1::Pod pod = pod_of(request.name(), "web", "u1");
      pod.mutable_metadata()->set_resource_version("after");
      return ScriptedHost::answer(pod);
    };
  }
  static corev1::Pod pod_of(const std::string& name, const std::string& app, const std::string& controller = {}) {
    corev1::Pod pod;
    auto& meta = *pod.mutable_metadata();
    meta.set_namespace_("shop");
    meta.set_name(name);
    meta.set_uid("uid-" + name);
    (*meta.mutable_labels())["app"] = app;
    if (controller.empty()) return pod;
    auto& reference = *meta.add_owner_references();
    reference.set_uid(controller);
    reference.set_controller(true);
    return pod;
  }
  Expected<std::vector<corev1::Pod>> run(std::vector<corev1::Pod> pods) {
    return claim(host, owner, controller_reference(owner.metadata(), "apps/v1", "ReplicaSet"), owner.spec().selector(),
                 std::move(pods));
  }
  static std::vector<std::string> names(const std::vector<corev1::Pod>& pods) {
    std::vector<std::string> names;
    for (const auto& pod : pods) names.push_back(pod.metadata().name());
    return names;
  }
  size_t count(ApiRequest::Verb verb) const {
    size_t n = 0;
    for (const auto& request : scripted.requests) n += request.verb() == verb;
    return n;
  }

  ScriptedHost scripted;
  Host host{&scripted.host};
  appsv1::ReplicaSet owner, server;
  Status owner_error, refusal;
};

TEST_F(ClaimsTest, KeepsItsOwnAndLeavesOthers) {
  const auto claimed = run({pod_of("mine", "web", "u1"), pod_of("theirs", "web", "u2"), pod_of("no-match", "api")});
  ASSERT_TRUE(claimed);
  EXPECT_THAT(names(*claimed), ElementsAre("mine"));
  EXPECT_THAT(scripted.requests, IsEmpty());
}

TEST_F(ClaimsTest, AdoptsOrphansAfterOneLookAtTheOwner) {
  const auto claimed = run({pod_of("a", "web"), pod_of("b", "web")});
  ASSERT_TRUE(claimed);
  EXPECT_THAT(names(*claimed), ElementsAre("a", "b"));
  EXPECT_EQ((*claimed)[0].metadata().resource_version(), "after") << "as the server has it now";
  EXPECT_EQ(count(ApiRequest::GET), 1U);
  EXPECT_EQ(scripted.requests[0].resource(), "replicasets");
  EXPECT_EQ(scripted.requests[0].name(), "web");
  EXPECT_EQ(scripted.requests[1].resource(), "pods");
  EXPECT_EQ(scripted.requests[1].patch_type(), ApiRequest::STRATEGIC_MERGE_PATCH);
  EXPECT_EQ(scripted.requests[1].body(),
            R"({"metadata":{"ownerReferences":[{"apiVersion":"apps/v1","kind":"ReplicaSet","name":"web","uid":"u1",)"
            R"("controller":true,"blockOwnerDeletion":true}],"uid":"uid-a"}})");
}

TEST_F(ClaimsTest, LetsGoOfWhatNoLongerMatches) {
  const auto claimed = run({pod_of("mine", "api", "u1")});
  ASSERT_TRUE(claimed);
  EXPECT_THAT(*claimed, IsEmpty());
  ASSERT_EQ(scripted.requests.size(), 1U);
  EXPECT_EQ(scripted.requests[0].body(),
            R"({"metadata":{"ownerReferences":[{"$patch":"delete","uid":"u1"}],"uid":"uid-mine"}})");
  for (const int32_t fine : {404, 422}) {
    refusal = {fine, "", "gone, or no longer ours"};
    EXPECT_TRUE(run({pod_of("mine", "api", "u1")})) << fine;
  }
  refusal = Status::conflict("newer");
  EXPECT_EQ(run({pod_of("mine", "api", "u1")}).error().code(), 409);
}

TEST_F(ClaimsTest, AnOwnerThatGoesChangesNothing) {
  owner.mutable_metadata()->mutable_deletion_timestamp()->set_seconds(1);
  const auto claimed = run({pod_of("mine", "web", "u1"), pod_of("drops", "api", "u1"), pod_of("orphan", "web")});
  ASSERT_TRUE(claimed);
  EXPECT_THAT(names(*claimed), ElementsAre("mine"));
  EXPECT_THAT(scripted.requests, IsEmpty());
}

TEST_F(ClaimsTest, WhatIsBeingDeletedIsNotAdopted) {
  auto going = pod_of("going", "web");
  going.mutable_metadata()->mutable_deletion_timestamp()->set_seconds(1);
  EXPECT_THAT(*run({going}), IsEmpty());
  EXPECT_THAT(scripted.requests, IsEmpty());
}

TEST_F(ClaimsTest, TheCacheMayNotKnowYetThatTheOwnerIsGone) {
  server.mutable_metadata()->mutable_deletion_timestamp()->set_seconds(1);
  EXPECT_EQ(run({pod_of("a", "web")}).error().message(),
            "can't recheck DeletionTimestamp: ReplicaSet shop/web has just been deleted");
  server = owner;
  server.mutable_metadata()->set_uid("u9");
  EXPECT_EQ(run({pod_of("a", "web"), pod_of("b", "web")}).error().message(),
            "can't recheck DeletionTimestamp: original ReplicaSet shop/web is gone: got uid u9, wanted u1");
  owner_error = Status::not_found("none");
  EXPECT_EQ(run({pod_of("a", "web")}).error().code(), 404);
  EXPECT_EQ(count(ApiRequest::PATCH), 0U);
  EXPECT_EQ(count(ApiRequest::GET), 3U) << "one look for all orphans of a run";
}

TEST_F(ClaimsTest, AllAreTriedAndTheFirstFailureIsTold) {
  refusal = Status::conflict("newer");
  EXPECT_EQ(run({pod_of("a", "web"), pod_of("b", "web")}).error().code(), 409);
  EXPECT_EQ(count(ApiRequest::PATCH), 2U);
  refusal = Status::not_found("gone meanwhile");
  EXPECT_THAT(*run({pod_of("a", "web")}), IsEmpty());
}

TEST_F(ClaimsTest, ServersThatAnswerNonsenseAreAFailure) {
  scripted.api = [this](const ApiRequest& request) -> ScriptedHost::Answer {
    if (request.verb() == ApiRequest::GET) return ScriptedHost::answer(server);
    abi::ApiResponse response;
    response.add_objects("\x0a\xff\xff");
    return response;
  };
  EXPECT_EQ(run({pod_of("a", "web")}).error().code(), 500);
  scripted.api = [](const ApiRequest&) -> ScriptedHost::Answer { return abi::ApiResponse(); };
  EXPECT_EQ(run({pod_of("a", "web")}).error().code(), 500);
}

TEST_F(ClaimsTest, CandidatesAreOwnedOnesAndOrphansOfTheNamespace) {
  scripted.cache(pod_of("mine", "web", "u1"));
  scripted.cache(pod_of("lost-label", "api", "u1"));
  scripted.cache(pod_of("theirs", "web", "u2"));
  scripted.cache(pod_of("orphan", "web"));
  scripted.cache(pod_of("no-match", "api"));
  auto merely_owned = pod_of("merely-owned", "api");
  merely_owned.mutable_metadata()->add_owner_references()->set_uid("u1");
  scripted.cache(merely_owned);
  for (auto pod : {pod_of("elsewhere", "web", "u1"), pod_of("orphan-elsewhere", "web")}) {
    pod.mutable_metadata()->set_namespace_("other");
    scripted.cache(pod);
  }
  const auto found = claim_candidates<corev1::Pod>(host, owner.metadata(), owner.spec().selector());
  ASSERT_TRUE(found);
  EXPECT_THAT(names(*found), testing::UnorderedElementsAre("mine", "lost-label", "orphan"));
}

}  // namespace
}  // namespace gantry::sdk
