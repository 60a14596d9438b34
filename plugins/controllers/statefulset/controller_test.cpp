// A reconcile as a whole: what it writes, how much of it at once, and what it takes from the caches.
#include "controller.hpp"

#include <gmock/gmock.h>

#include <algorithm>
#include <optional>

#include "gantry/revisions.hpp"
#include "gantry/template_patch.hpp"
#include "sdk/testkit/scripted_host.hpp"
#include "sets_testing.hpp"

namespace gantry::statefulset {
namespace {

using abi::ApiRequest;
using appsv1::ControllerRevision;
using testing::Contains;
using testing::ElementsAre;
using testing::IsEmpty;
using testing::UnorderedElementsAre;
using testkit::ScriptedHost;
using Texts = std::vector<std::string>;

struct ControllerTest : testing::Test {
  ControllerTest() {
    host.now_ns = kNow;
    host.api = [this](const ApiRequest& request) { return serve(request); };
  }
  ScriptedHost::Answer serve(const ApiRequest& request) {
    const auto text = text_of(request);
    for (const auto& [prefix, refusal] : refused) {
      if (text.starts_with(prefix)) return refusal;
    }
    if (request.verb() == ApiRequest::GET) {
      if (request.resource() == "statefulsets") return ScriptedHost::answer(set);
      return taken ? ScriptedHost::Answer(ScriptedHost::answer(*taken)) : Status::not_found("none");
    }
    if (request.verb() == ApiRequest::PATCH) return ScriptedHost::answer(Pod());
    if (request.resource() == "statefulsets") set.ParseFromString(request.body());
    abi::ApiResponse response;
    response.set_code(200);
    if (!request.body().empty()) response.add_objects(request.body());
    return response;
  }
  // "CREATE pods web-0".
  static std::string text_of(const ApiRequest& request) {
    std::string name = request.name();
    if (request.verb() == ApiRequest::CREATE) name = sdk::metadata_of(request.body())->name();
    if (request.resource() == "controllerrevisions") name.clear();
    return ApiRequest::Verb_Name(request.verb()) + " " + request.resource() + (name.empty() ? "" : " " + name);
  }
  Texts writes() const {
    Texts all;
    for (const auto& request : host.requests) {
      if (request.verb() != ApiRequest::GET) all.push_back(text_of(request));
    }
    return all;
  }
  Texts events() const {
    Texts all;
    for (const auto& event : host.events) all.push_back(event.type + " " + event.reason + ": " + event.message);
    return all;
  }
  template <typename M>
  M sent(const std::string& text) const {
    M message;
    for (const auto& request : host.requests) {
      if (text_of(request) == text) message.ParseFromString(request.body());
    }
    return message;
  }
  ControllerRevision revision_of_set(int64_t number) const {
    return sdk::make_revision(set.metadata(), sdk::controller_reference(set.metadata(), kApiVersion, kKind),
                              set.spec().template_().metadata().labels(), sdk::template_patch(set.spec().template_()),
                              number, 0);
  }
  // The present template's revision is there, and the status says so.
  void settle_revision() {
    const auto revision = revision_of_set(1);
    update = revision.metadata().name();
    host.cache(revision);
    set.mutable_status()->set_current_revision(update);
    set.mutable_status()->set_update_revision(update);
  }
  void add_pod(int64_t ordinal, State state = State::kReady) { host.cache(pod_of(set, ordinal, state, update)); }
  Expected<sdk::Controller::Result> reconcile() {
    host.cache(set);
    host.requests.clear();
    host.events.clear();
    StatefulSetController controller{sdk::Host(&host.host)};
    EXPECT_TRUE(controller.configure().ok());
    return controller.reconcile({"shop", "web"});
  }
  void must() {
    const auto done = reconcile();
    EXPECT_TRUE(done) << done.error().message();
  }

  ScriptedHost host;
  StatefulSet set = set_of(3);
  std::string update;
  std::optional<ControllerRevision> taken;  // what has the name of a new one
  std::map<std::string, Status> refused;    // by the beginning of a request's text
};

TEST_F(ControllerTest, SaysWhatItWatches) {
  StatefulSetController controller{sdk::Host(&host.host)};
  const auto spec = controller.spec();
  EXPECT_TRUE(spec.wait_own_writes());
  ASSERT_EQ(spec.watches_size(), 4);
  EXPECT_EQ(spec.watches(1).resource() + " " + spec.watches(1).owner_kind(), "pods StatefulSet");
  EXPECT_THAT(spec.watches(1).owner_selector(), ElementsAre(2, 2));
  EXPECT_TRUE(controller.reconcile({"shop", "absent"}));
  host.config["workers"] = int64_t{0};
  EXPECT_EQ(controller.configure().code(), 422);
}

TEST_F(ControllerTest, TheFirstPodComesWithItsRevisionAndStatus) {
  set.mutable_metadata()->mutable_annotations()->insert({"kubernetes.io/change-cause", "because"});
  must();
  EXPECT_THAT(writes(), ElementsAre("CREATE controllerrevisions", "CREATE pods web-0", "UPDATE statefulsets web"));
  const auto revision = sent<ControllerRevision>("CREATE controllerrevisions");
  EXPECT_EQ(revision.revision(), 1);
  EXPECT_EQ(revision.metadata().annotations().at("kubernetes.io/change-cause"), "because");
  EXPECT_EQ(revision.data().raw(), sdk::template_patch(set.spec().template_()));
  const auto pod = sent<Pod>("CREATE pods web-0");
  EXPECT_EQ(revision_of(pod), revision.metadata().name());
  EXPECT_EQ(set.status().update_revision(), revision.metadata().name());
  EXPECT_EQ(set.status().replicas(), 0);
  EXPECT_EQ(set.status().observed_generation(), 3);
  EXPECT_THAT(events(), ElementsAre("Normal SuccessfulCreate: create Pod web-0 in StatefulSet web successful"));
}

TEST_F(ControllerTest, WhatIsAsWantedIsNotWrittenAgain) {
  settle_revision();
  for (const int64_t ordinal : {0, 1, 2}) add_pod(ordinal);
  must();
  EXPECT_THAT(writes(), ElementsAre("UPDATE statefulsets web"));
  EXPECT_EQ(set.status().available_replicas(), 3);
  must();
  EXPECT_THAT(writes(), IsEmpty());
  using Times = std::map<std::string, size_t>;
  EXPECT_EQ(host.given<Pod>(), (Times{{"web-0", 2}, {"web-1", 2}, {"web-2", 2}})) << "each once a look";
}

TEST_F(ControllerTest, InParallelAllComeInGrowingBatches) {
  set.mutable_spec()->set_pod_management_policy("Parallel");
  set.mutable_spec()->set_replicas(4);
  add_claim(set, "data");
  settle_revision();
  must();
  EXPECT_THAT(writes(),
              ElementsAre("CREATE persistentvolumeclaims data-web-0", "CREATE pods web-0",
                          "CREATE persistentvolumeclaims data-web-1", "CREATE persistentvolumeclaims data-web-2",
                          "CREATE pods web-1", "CREATE pods web-2", "CREATE persistentvolumeclaims data-web-3",
                          "CREATE pods web-3", "UPDATE statefulsets web"));
  EXPECT_THAT(events(),
              Contains("Normal SuccessfulCreate: create Claim data-web-3 Pod web-3 in StatefulSet web success"));
}

TEST_F(ControllerTest, ARefusalEndsTheSeriesAndTheStatusIsWrittenAllTheSame) {
  set.mutable_spec()->set_pod_management_policy("Parallel");
  settle_revision();
  refused["CREATE pods"] = Status::forbidden("no more");
  EXPECT_EQ(reconcile().error().message(), "no more");
  EXPECT_THAT(writes(), ElementsAre("CREATE pods web-0", "UPDATE statefulsets web"));
  EXPECT_THAT(events(), ElementsAre("Warning FailedCreate: create Pod web-0 in StatefulSet web failed error: no more"));
}

TEST_F(ControllerTest, APodOfASetOfBeforeIsWaitedForInSilence) {
  settle_revision();
  refused["CREATE pods"] = Status::already_exists("web-0");
  EXPECT_FALSE(reconcile());
  EXPECT_THAT(events(), IsEmpty());
}

TEST_F(ControllerTest, WithoutItsClaimsNoPodIsMade) {
  add_claim(set, "data");
  settle_revision();
  refused["CREATE persistentvolumeclaims"] = Status::forbidden("quota");
  EXPECT_EQ(reconcile().error().message(), "failed to create PVC data-web-0: quota");
  EXPECT_THAT(writes(), ElementsAre("CREATE persistentvolumeclaims data-web-0", "UPDATE statefulsets web"));
  EXPECT_THAT(
      events(),
      ElementsAre("Warning FailedCreate: create Claim data-web-0 for Pod web-0 in StatefulSet web failed error: quota",
                  "Warning FailedCreate: create Pod web-0 in StatefulSet web failed error: failed to create "
                  "PVC data-web-0: quota"));
  refused.clear();
  auto claim = new_claim(set, set.spec().volume_claim_templates(0), 0);
  claim.mutable_metadata()->mutable_deletion_timestamp()->set_seconds(1);
  host.cache(claim);
  EXPECT_EQ(reconcile().error().message(), "pvc data-web-0 is being deleted");
}

TEST_F(ControllerTest, APendingPodGetsTheClaimsThatItLacks) {
  add_claim(set, "data");
  settle_revision();
  add_pod(0, State::kPending);
  must();
  EXPECT_THAT(writes(), Contains("CREATE persistentvolumeclaims data-web-0"));
  EXPECT_THAT(writes(), testing::Not(Contains("CREATE pods web-1")));
}

TEST_F(ControllerTest, AClaimThatGoesWithThePodOfBeforeIsWaitedFor) {
  add_claim(set, "data");
  settle_revision();
  auto claim = new_claim(set, set.spec().volume_claim_templates(0), 0);
  metav1::ObjectMeta former;
  former.set_name("web-0");
  former.set_uid("uid-former");
  *claim.mutable_metadata()->add_owner_references() = sdk::controller_reference(former, "v1", "Pod");
  host.cache(claim);
  must();
  EXPECT_THAT(writes(), Contains("CREATE pods web-0")) << "claims are meant to stay";
  set.mutable_spec()->mutable_persistent_volume_claim_retention_policy()->set_when_scaled("Delete");
  must();
  EXPECT_THAT(writes(), IsEmpty());
  claim.mutable_metadata()->clear_owner_references();
  host.cache(claim);
  must();
  EXPECT_THAT(writes(), Contains("CREATE pods web-0"));
}

TEST_F(ControllerTest, ThePolicyChangesOwners) {
  add_claim(set, "data");
  set.mutable_spec()->set_replicas(1);
  settle_revision();
  add_pod(0);
  add_pod(1);
  for (const int64_t ordinal : {0, 1}) {
    auto claim = new_claim(set, set.spec().volume_claim_templates(0), ordinal);
    claim.mutable_metadata()->set_uid("uid-" + claim.metadata().name());
    host.cache(claim);
  }
  auto& policy = *set.mutable_spec()->mutable_persistent_volume_claim_retention_policy();
  policy.set_when_scaled("Delete");
  policy.set_when_deleted("Delete");
  must();
  EXPECT_THAT(writes(),
              ElementsAre("UPDATE persistentvolumeclaims data-web-0", "UPDATE persistentvolumeclaims data-web-1",
                          "DELETE pods web-1", "UPDATE statefulsets web"));
  EXPECT_EQ(
      sent<PersistentVolumeClaim>("UPDATE persistentvolumeclaims data-web-0").metadata().owner_references(0).uid(),
      "uid-web");
  EXPECT_EQ(
      sent<PersistentVolumeClaim>("UPDATE persistentvolumeclaims data-web-1").metadata().owner_references(0).uid(),
      "uid-web-1");
  refused["UPDATE persistentvolumeclaims data-web-1"] = Status::conflict("newer");
  EXPECT_EQ(reconcile().error().message(), "could not update claim data-web-1 for delete policy ownerRefs: newer");
  EXPECT_THAT(writes(), testing::Not(Contains("DELETE pods web-1"))) << "it would take its claim along, or not";
}

TEST_F(ControllerTest, LostLabelsAreWrittenAgain) {
  settle_revision();
  Pod pod = pod_of(set, 0, State::kReady, update);
  pod.mutable_metadata()->mutable_labels()->erase(kPodNameLabel);
  host.cache(pod);
  must();
  EXPECT_THAT(writes(), ElementsAre("UPDATE pods web-0", "CREATE pods web-1", "UPDATE statefulsets web"));
  EXPECT_THAT(events(), Contains("Normal SuccessfulUpdate: update Pod web-0 in StatefulSet web successful"));
  refused["UPDATE pods"] = Status::invalid("may not");
  EXPECT_FALSE(reconcile());
  EXPECT_THAT(events(), ElementsAre("Warning FailedUpdate: update Pod web-0 in StatefulSet web failed error: may not"));
}

TEST_F(ControllerTest, AFailedPodGoesByItsUid) {
  settle_revision();
  add_pod(0, State::kFailed);
  must();
  EXPECT_THAT(writes(), ElementsAre("DELETE pods web-0", "UPDATE statefulsets web"));
  EXPECT_EQ(sent<metav1::DeleteOptions>("DELETE pods web-0").preconditions().uid(), "uid-web-0");
  EXPECT_THAT(events(), ElementsAre("Normal SuccessfulDelete: delete Pod web-0 in StatefulSet web successful"));
  for (const auto& gone : {Status::not_found("gone"), Status::conflict("another")}) {
    refused["DELETE pods"] = gone;
    must();
    EXPECT_THAT(events(), IsEmpty());
  }
  refused["DELETE pods"] = Status::forbidden("no");
  EXPECT_FALSE(reconcile());
}

// The partition's pods come back as they were, from what the history says.
TEST_F(ControllerTest, BelowThePartitionTheOldTemplateIsTaken) {
  set.mutable_spec()->mutable_update_strategy()->mutable_rolling_update()->set_partition(2);
  settle_revision();
  set.mutable_spec()->mutable_template_()->mutable_spec()->mutable_containers(0)->set_image("web:2");
  must();
  const auto pod = sent<Pod>("CREATE pods web-0");
  EXPECT_EQ(pod.spec().containers(0).image(), "web:1");
  EXPECT_EQ(revision_of(pod), update);
  EXPECT_EQ(sent<ControllerRevision>("CREATE controllerrevisions").revision(), 2);
}

TEST_F(ControllerTest, ARevisionOfTheSameTemplateInOtherWordsIsTaken) {
  auto revision = revision_of_set(4);
  auto& raw = *revision.mutable_data()->mutable_raw();
  raw.insert(raw.find("\"metadata\":{") + 12, "\"creationTimestamp\":null,");
  host.cache(revision);
  must();
  EXPECT_THAT(writes(), testing::Not(Contains("CREATE controllerrevisions")));
  EXPECT_EQ(set.status().update_revision(), revision.metadata().name());
}

TEST_F(ControllerTest, NamesThatAreTakenAreCountedEvenIfNoOtherIsFound) {
  taken.emplace().mutable_data()->set_raw("{}");
  refused["CREATE controllerrevisions"] = Status::already_exists("taken");
  EXPECT_FALSE(reconcile());
  EXPECT_THAT(writes(), Contains("UPDATE statefulsets web"));
  EXPECT_EQ(set.status().collision_count(), 5);
  refused["CREATE controllerrevisions"] = Status::forbidden("no");
  EXPECT_FALSE(reconcile());
  EXPECT_THAT(writes(), ElementsAre("CREATE controllerrevisions"));
}

TEST_F(ControllerTest, TheOldestRevisionsGo) {
  set.mutable_spec()->set_revision_history_limit(1);
  for (int i = 1; i <= 4; ++i) {
    set.mutable_spec()->mutable_template_()->mutable_spec()->mutable_containers(0)->set_image("web:" +
                                                                                              std::to_string(i));
    host.cache(revision_of_set(i));
    if (i == 1) update = revision_of_set(i).metadata().name();
  }
  add_pod(0);  // of the first
  must();
  size_t deleted = 0;
  for (const auto& text : writes()) deleted += text.starts_with("DELETE controllerrevisions");
  EXPECT_EQ(deleted, 1U) << "the second: of the first there is a pod, the third is what may stay";
  set.mutable_spec()->set_revision_history_limit(-1);
  must();
  EXPECT_THAT(writes(), testing::Not(Contains("DELETE controllerrevisions")));
}

TEST_F(ControllerTest, ASetThatGoesIsOnlyCounted) {
  set.mutable_metadata()->mutable_deletion_timestamp()->set_seconds(1);
  settle_revision();
  add_pod(0, State::kFailed);
  must();
  EXPECT_THAT(writes(), ElementsAre("UPDATE statefulsets web"));
}

TEST_F(ControllerTest, ComesBackWhenAPodBecomesAvailable) {
  set.mutable_spec()->set_min_ready_seconds(130);
  settle_revision();
  add_pod(0);
  const auto done = reconcile();
  ASSERT_TRUE(done);
  EXPECT_EQ(done->requeue_after_ms, 30'000);
}

TEST_F(ControllerTest, AStrangersNameIsNoMember) {
  settle_revision();
  Pod orphan = pod_of(set, 0);
  orphan.mutable_metadata()->clear_owner_references();
  orphan.mutable_metadata()->set_name("debug");
  host.cache(orphan);
  Pod owned = pod_of(set, 1);
  owned.mutable_metadata()->set_name("other-1");
  host.cache(owned);
  must();
  EXPECT_THAT(writes(), ElementsAre("PATCH pods other-1", "CREATE pods web-0", "UPDATE statefulsets web"));
  EXPECT_EQ(set.status().replicas(), 0);
}

TEST_F(ControllerTest, AClaimThatIsGoneMeansItsSet) {
  add_claim(set, "data-x");
  host.cache(set);
  StatefulSetController controller{sdk::Host(&host.host)};
  const auto keys = [&](const std::string& name) {
    PersistentVolumeClaim claim;
    claim.mutable_metadata()->set_namespace_("shop");
    claim.mutable_metadata()->set_name(name);
    abi::ObjectEvent event;
    event.set_object(claim.SerializeAsString());
    Texts all;
    controller.map(event, [&](std::string_view ns, std::string_view key) {
      all.push_back(std::string(ns) + "/" + std::string(key));
    });
    return all;
  };
  EXPECT_THAT(keys("data-x-web-12"), ElementsAre("shop/web"));
  for (const char* name : {"data-web-1", "data-x-web-", "data-x-web-x", "data-x-other-1", "data", "", "-"}) {
    EXPECT_THAT(keys(name), IsEmpty()) << name;
  }
}

}  // namespace
}  // namespace gantry::statefulset
