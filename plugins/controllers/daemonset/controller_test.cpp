// The controller with a host that the test scripts: what it asks of the API.
#include "controller.hpp"

#include <gmock/gmock.h>

#include "gantry/template_patch.hpp"
#include "scripted_cluster.hpp"

namespace gantry::daemonset {
namespace {

using daemonset::testing::ControllerTest;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;

TEST_F(ControllerTest, SaysWhatItWatches) {
  ASSERT_TRUE(controller.configure().ok());
  const auto spec = controller.spec();
  EXPECT_TRUE(spec.wait_own_writes());
  ASSERT_EQ(spec.watches_size(), 4);
  EXPECT_EQ(spec.watches(1).resource() + " " + spec.watches(1).owner_kind(), "pods DaemonSet");
  EXPECT_THAT(spec.watches(1).owner_selector(), ElementsAre(2, 1));
  EXPECT_EQ(spec.watches(2).resource(), "controllerrevisions");
  EXPECT_EQ(spec.watches(3).mapping(), abi::WatchSpec::CUSTOM);
  scripted.config["workers"] = int64_t{0};
  EXPECT_FALSE(controller.configure().ok());
}

TEST_F(ControllerTest, MakesAPodForEachNodeAndARevision) {
  cache_nodes(3);
  ASSERT_TRUE(reconcile().ok());
  ASSERT_THAT(created, SizeIs(3));
  ASSERT_THAT(revisions, SizeIs(1));
  const auto& revision = revisions.begin()->second;
  EXPECT_EQ(revision.data().raw(), sdk::template_patch(set.spec().template_()));
  EXPECT_EQ(revision.revision(), 1);
  EXPECT_EQ(revision.metadata().annotations().at(kGenerationAnnotation), "2");
  const auto& hash = revision.metadata().labels().at("controller-revision-hash");
  EXPECT_EQ(revision.metadata().name(), "agent-" + hash);
  for (size_t i = 0; i < 3; ++i) {
    EXPECT_EQ(node_of(created[i]), "n" + std::to_string(i));
    EXPECT_EQ(hash_of(created[i]), hash);
  }
  EXPECT_EQ(set.status().desired_number_scheduled(), 3);
  EXPECT_EQ(set.status().observed_generation(), 3);
  run_pods();
  ASSERT_TRUE(reconcile().ok());
  EXPECT_THAT(created, SizeIs(3));
  EXPECT_EQ(set.status().number_available(), 3);
  const auto before = scripted.requests.size();
  ASSERT_TRUE(reconcile().ok());
  EXPECT_EQ(scripted.requests.size(), before) << "nothing to do, and nothing is written";
}

TEST_F(ControllerTest, NoMoreThanABurstAtOnce) {
  scripted.config["burst_replicas"] = int64_t{5};
  ASSERT_TRUE(controller.configure().ok());
  cache_nodes(12);
  ASSERT_TRUE(reconcile().ok());
  EXPECT_THAT(created, SizeIs(5));
}

// A quota, or a template that is no longer valid: one request says it, and the status tells what is missing.
TEST_F(ControllerTest, ARefusalEndsTheRoundAndIsTold) {
  cache_nodes(12);
  refusal = Status::invalid("spec.containers: Required value");
  const auto done = reconcile();
  ASSERT_FALSE(done.ok());
  EXPECT_EQ(done.error().message(), "spec.containers: Required value");
  EXPECT_THAT(scripted.events, SizeIs(1));
  EXPECT_EQ(scripted.events[0].reason, "FailedCreate");
  EXPECT_EQ(set.status().desired_number_scheduled(), 12);
  EXPECT_EQ(set.status().number_unavailable(), 12);
  EXPECT_EQ(set.status().observed_generation(), 3);
}

TEST_F(ControllerTest, RollsOneByOneAndBackToAFormerRevision) {
  set.mutable_spec()->mutable_update_strategy()->mutable_rolling_update()->mutable_max_unavailable()->set_int_val(1);
  scripted.cache(set);
  cache_nodes(3);
  ASSERT_TRUE(reconcile().ok());
  run_pods();
  const auto first = revisions.begin()->first;
  change_image("agent:2");
  ASSERT_TRUE(reconcile().ok());
  EXPECT_THAT(numbers(), ElementsAre(1, 2));
  EXPECT_THAT(removed, ElementsAre("agent-0"));
  EXPECT_EQ(set.status().updated_number_scheduled(), 0);
  EXPECT_EQ(set.status().observed_generation(), 4);
  change_image("agent:1");
  removed.clear();
  ASSERT_TRUE(reconcile().ok());
  EXPECT_THAT(numbers(), ElementsAre(2, 3));
  EXPECT_EQ(revisions.at(first).revision(), 3);
  EXPECT_THAT(removed, IsEmpty());
  EXPECT_EQ(set.status().updated_number_scheduled(), 3);
}

TEST_F(ControllerTest, WithOnDeleteOnlyNewPodsAreOfTheNewTemplate) {
  set.mutable_spec()->mutable_update_strategy()->set_type("OnDelete");
  scripted.cache(set);
  cache_nodes(2);
  ASSERT_TRUE(reconcile().ok());
  run_pods();
  change_image("agent:2");
  ASSERT_TRUE(reconcile().ok());
  EXPECT_THAT(removed, IsEmpty());
  scripted.uncache("", "pods", "shop", "agent-1");
  ASSERT_TRUE(reconcile().ok());
  ASSERT_THAT(created, SizeIs(3));
  EXPECT_EQ(created[2].spec().containers(0).image(), "agent:2");
}

TEST_F(ControllerTest, KeepsAsManyRevisionsAsItShallAndThoseOfPods) {
  set.mutable_spec()->set_revision_history_limit(1);
  set.mutable_spec()->mutable_update_strategy()->set_type("OnDelete");
  scripted.cache(set);
  cache_nodes(1);
  ASSERT_TRUE(reconcile().ok());
  run_pods();
  for (int i = 2; i <= 5; ++i) {
    change_image("agent:" + std::to_string(i));
    ASSERT_TRUE(reconcile().ok());
  }
  EXPECT_THAT(numbers(), ElementsAre(1, 5)) << "a pod is of the first";
}

TEST_F(ControllerTest, ANameThatIsAnothersIsAvoidedAndCounted) {
  cache_nodes(1);
  ASSERT_TRUE(reconcile().ok());
  auto foreign = revisions.begin()->second;
  const auto taken = foreign.metadata().name();
  foreign.mutable_metadata()->mutable_owner_references(0)->set_uid("another");
  foreign.mutable_data()->set_raw("{}");
  keep(foreign);
  ASSERT_TRUE(reconcile().ok());
  ASSERT_THAT(revisions, SizeIs(2));
  EXPECT_EQ(set.status().collision_count(), 1);
  for (const auto& [name, revision] : revisions) {
    if (name == taken) continue;
    EXPECT_EQ(name, "agent-" + revision.metadata().labels().at(kHashLabel)) << "the label follows the name";
  }
}

TEST_F(ControllerTest, HowManyNamesWereTakenIsKeptWhenNoneIsFound) {
  cache_nodes(1);
  all_names_taken = true;
  const auto done = reconcile();
  ASSERT_FALSE(done.ok());
  EXPECT_EQ(done.error().message().rfind("failed to construct revisions of DaemonSet: ", 0), 0u)
      << done.error().message();
  const auto first = set.status().collision_count();
  EXPECT_GT(first, 0);
  EXPECT_THAT(created, IsEmpty());
  ASSERT_FALSE(reconcile().ok());
  EXPECT_GT(set.status().collision_count(), first) << "the next round tries others";
  all_names_taken = false;
  ASSERT_TRUE(reconcile().ok());
  EXPECT_THAT(created, SizeIs(1));
}

// As when orphans of an earlier set of this name are adopted.
TEST_F(ControllerTest, SeveralRevisionsOfOneTemplateBecomeOne) {
  cache_nodes(1);
  ASSERT_TRUE(reconcile().ok());
  run_pods();
  auto twin = revisions.begin()->second;
  twin.mutable_metadata()->set_name("agent-twin");
  twin.mutable_metadata()->set_uid("uid-twin");
  twin.set_revision(7);
  (*twin.mutable_metadata()->mutable_labels())[kHashLabel] = "twin";
  keep(twin);
  ASSERT_TRUE(reconcile().ok());
  ASSERT_THAT(revisions, SizeIs(1));
  EXPECT_EQ(revisions.begin()->first, "agent-twin");
  EXPECT_EQ(revisions.begin()->second.revision(), 7);
  EXPECT_THAT(patched, ElementsAre(R"(agent-0 {"metadata":{"labels":{"controller-revision-hash":"twin"}}})"));
}

TEST_F(ControllerTest, PodsThatCarryTheHashAlreadyAreNotWritten) {
  cache_nodes(1);
  ASSERT_TRUE(reconcile().ok());
  run_pods();
  auto twin = revisions.begin()->second;
  twin.mutable_metadata()->set_name("agent-twin");
  twin.set_revision(7);
  keep(twin);
  ASSERT_TRUE(reconcile().ok());
  EXPECT_THAT(revisions, SizeIs(1));
  EXPECT_THAT(patched, IsEmpty());
}

// What is missing comes first: only when the caches have seen it does the rollout go on.
TEST_F(ControllerTest, ARolloutWaitsForUpkeep) {
  cache_nodes(3);
  set.mutable_spec()->mutable_update_strategy()->mutable_rolling_update()->mutable_max_unavailable()->set_int_val(3);
  scripted.cache(set);
  ASSERT_TRUE(reconcile().ok());
  run_pods();
  scripted.uncache("", "pods", "shop", "agent-1");
  change_image("agent:2");
  ASSERT_TRUE(reconcile().ok());
  EXPECT_THAT(created, SizeIs(4));
  EXPECT_THAT(removed, IsEmpty());
  run_pods();
  scripted.uncache("", "pods", "shop", "agent-1");
  ASSERT_TRUE(reconcile().ok());
  EXPECT_THAT(removed, ElementsAre("agent-0", "agent-2"));
}

TEST_F(ControllerTest, NoMoreThanABurstGoesAtOnce) {
  scripted.config["burst_replicas"] = int64_t{2};
  ASSERT_TRUE(controller.configure().ok());
  cache_nodes(5);
  for (int i = 0; i < 3; ++i) {
    ASSERT_TRUE(reconcile().ok());
    run_pods();
  }
  ASSERT_THAT(created, SizeIs(5));
  (*set.mutable_spec()->mutable_template_()->mutable_spec()->mutable_node_selector())["disk"] = "ssd";
  scripted.cache(set);
  ASSERT_TRUE(reconcile().ok());
  EXPECT_THAT(removed, SizeIs(2));
}

TEST_F(ControllerTest, FailuresOfAnEarlierGenerationDoNotCount) {
  cache_nodes(1);
  set.mutable_spec()->mutable_update_strategy()->set_type("OnDelete");  // else the rollout takes it
  scripted.cache(set);
  ASSERT_TRUE(reconcile().ok());
  run_pods();
  auto failed = created[0];
  failed.mutable_status()->set_phase("Failed");
  scripted.cache(failed);
  ASSERT_TRUE(reconcile().ok());
  EXPECT_THAT(removed, SizeIs(1));
  ASSERT_TRUE(reconcile().ok());
  EXPECT_THAT(removed, SizeIs(1)) << "it waits";
  change_image("agent:2");
  ASSERT_TRUE(reconcile().ok());  // sees the generation
  ASSERT_TRUE(reconcile().ok());
  EXPECT_THAT(removed, SizeIs(2));
}

TEST_F(ControllerTest, AFailedPodGoesAndTheNextOneWaits) {
  cache_nodes(1);
  ASSERT_TRUE(reconcile().ok());
  run_pods();
  auto failed = created[0];
  failed.mutable_status()->set_phase("Failed");
  scripted.cache(failed);
  ASSERT_TRUE(reconcile().ok());
  EXPECT_THAT(removed, ElementsAre("agent-0"));
  EXPECT_EQ(scripted.events.back().reason, "SuccessfulDelete");
  EXPECT_EQ(scripted.events[scripted.events.size() - 2].message,
            "Found failed daemon pod shop/agent-0 on node n0, will try to kill it");
  scripted.timers.advance(400);
  const auto again = reconcile();
  ASSERT_TRUE(again.ok());
  EXPECT_EQ(again->requeue_after_ms, 600);
  EXPECT_THAT(removed, SizeIs(1));
  scripted.timers.advance(600);
  ASSERT_TRUE(reconcile().ok());
  EXPECT_THAT(removed, SizeIs(2));
}

TEST_F(ControllerTest, LooksAgainWhenAPodBecomesAvailable) {
  set.mutable_spec()->set_min_ready_seconds(30);
  scripted.cache(set);
  cache_nodes(1);
  ASSERT_TRUE(reconcile().ok());
  run_pods();
  auto pod = created[0];
  *pod.mutable_status()->mutable_conditions(0)->mutable_last_transition_time() =
      to_time(scripted.now_ns - 10 * kNanosPerSecond);
  scripted.cache(pod);
  const auto done = reconcile();
  ASSERT_TRUE(done.ok());
  EXPECT_GE(done->requeue_after_ms, 20'000);
  EXPECT_LE(done->requeue_after_ms, 21'000);
  EXPECT_EQ(set.status().number_ready(), 1);
  EXPECT_EQ(set.status().number_available(), 0);
}

TEST_F(ControllerTest, LeavesASetAloneThatIsBeingDeletedOrSelectsAll) {
  cache_nodes(1);
  *set.mutable_metadata()->mutable_deletion_timestamp() = to_time(scripted.now_ns);
  scripted.cache(set);
  ASSERT_TRUE(reconcile().ok());
  set.mutable_metadata()->clear_deletion_timestamp();
  set.mutable_spec()->mutable_selector()->clear_match_labels();
  scripted.cache(set);
  ASSERT_TRUE(reconcile().ok());
  EXPECT_THAT(scripted.requests, IsEmpty());
  ASSERT_THAT(scripted.events, SizeIs(1));
  EXPECT_EQ(scripted.events[0].reason, "SelectingAll");
  EXPECT_EQ(scripted.events[0].message, "This daemon set is selecting all pods. A non-empty selector is required.");
}

TEST_F(ControllerTest, DecodesEachPodOnceAndNoneOfOthers) {
  cache_nodes(2);
  ASSERT_TRUE(reconcile().ok());
  run_pods();
  auto foreign = created[0];
  foreign.mutable_metadata()->set_name("foreign");
  foreign.mutable_metadata()->mutable_owner_references(0)->set_uid("another");
  scripted.cache(foreign);
  ASSERT_TRUE(reconcile().ok());
  EXPECT_THAT(scripted.given<Pod>(), (std::map<std::string, size_t>{{"agent-0", 1}, {"agent-1", 1}, {"foreign", 0}}));
  EXPECT_EQ(scripted.given<Node>().at("n0"), 2u) << "once in each of two reconciles";
}

}  // namespace
}  // namespace gantry::daemonset
