// Pods that no Job will count lose their finalizer, those of others keep it; and what a reconcile reads.
#include <gmock/gmock.h>

#include "job_world.hpp"

namespace gantry::job {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using Keys = std::vector<std::string>;

struct StraysTest : testing::Test {
  void SetUp() override {
    world.put(JobWorld::make_job(2, 2));
    world.settle();
  }
  Keys keys_of(const corev1::Pod& pod) {
    abi::ObjectEvent event;
    event.set_object(pod.SerializeAsString());
    Keys keys;
    world.controller->map(event, [&](std::string_view ns, std::string_view name) {
      keys.push_back(std::string(ns) + ":" + std::string(name));
    });
    return keys;
  }
  size_t tracked() const {
    const auto pods = world.pods();
    return static_cast<size_t>(std::count_if(
        pods.begin(), pods.end(), [](const auto& pod) { return sdk::has_finalizer(pod.metadata(), kTracking); }));
  }
  JobWorld world;
};

TEST_F(StraysTest, OnlyPodsThatNobodyCountsAreLookedAt) {
  auto pod = world.active().front();
  EXPECT_THAT(keys_of(pod), IsEmpty()) << "its Job is at work";
  world.restart();
  EXPECT_THAT(keys_of(pod), ElementsAre("shop:work/uid-work"));
  ASSERT_TRUE(world.reconcile("work/uid-work").ok());
  EXPECT_EQ(tracked(), 2U) << "it is, after all";
  pod.mutable_metadata()->mutable_owner_references(0)->set_kind("ReplicaSet");
  EXPECT_THAT(keys_of(pod), IsEmpty());
  pod.mutable_metadata()->clear_owner_references();
  EXPECT_THAT(keys_of(pod), ElementsAre("shop:/" + pod.metadata().name()));
  pod.mutable_metadata()->clear_finalizers();
  EXPECT_THAT(keys_of(pod), IsEmpty());
}

TEST_F(StraysTest, AJobThatIsGoneLetsItsPodsGo) {
  world.host.uncache("batch", "jobs", "shop", "work");
  ASSERT_TRUE(world.reconcile().ok());
  EXPECT_EQ(tracked(), 0U);
}

TEST_F(StraysTest, SoDoesOneThatAnotherProcessNeverSaw) {
  world.restart();
  world.host.uncache("batch", "jobs", "shop", "work");
  ASSERT_TRUE(world.reconcile("work/uid-work").ok());
  EXPECT_EQ(tracked(), 0U);
}

TEST_F(StraysTest, AnotherJobOfTheSameNameTakesNothingOver) {
  auto next = JobWorld::make_job(1, 1);
  next.mutable_metadata()->set_uid("uid-next");
  (*next.mutable_spec()->mutable_selector()->mutable_match_labels())["batch.kubernetes.io/controller-uid"] = "uid-next";
  (*next.mutable_spec()
        ->mutable_template_()
        ->mutable_metadata()
        ->mutable_labels())["batch.kubernetes.io/controller-uid"] = "uid-next";
  const auto old = world.pods();
  world.put(next);
  world.settle();
  for (const auto& pod : world.pods()) {
    const bool is_old = sdk::controller_of(pod.metadata())->uid() == "uid-work";
    EXPECT_EQ(sdk::has_finalizer(pod.metadata(), kTracking), !is_old) << pod.metadata().name();
  }
  EXPECT_EQ(world.job.status().active(), 1);
}

TEST_F(StraysTest, AnOrphanLosesItWhenNobodyTakesIt) {
  auto pod = world.active().front();
  pod.mutable_metadata()->clear_owner_references();
  world.write(pod);
  ASSERT_TRUE(world.reconcile("/" + pod.metadata().name()).ok());
  EXPECT_EQ(tracked(), 1U);
  ASSERT_TRUE(world.reconcile("/absent").ok());
}

TEST_F(StraysTest, AnOrphanThatMatchesIsAdoptedWithItsFinalizerAndOneThatDoesNotLosesBoth) {
  auto pod = world.active().front();
  pod.mutable_metadata()->clear_owner_references();
  pod.mutable_metadata()->clear_finalizers();
  world.write(pod);
  world.settle();
  EXPECT_EQ(tracked(), 2U);
  EXPECT_EQ(world.made, 2U);
  pod = world.active().front();
  pod.mutable_metadata()->clear_labels();
  world.write(pod);
  world.settle();
  const auto freed = *sdk::Host(&world.host.host).cached<corev1::Pod>("shop", pod.metadata().name());
  EXPECT_EQ(freed.metadata().owner_references_size(), 0);
  EXPECT_TRUE(freed.metadata().finalizers().empty());
  EXPECT_EQ(world.made, 3U) << "replaced";
}

TEST_F(StraysTest, AJobOfAnotherControllersIsLeftAlone) {
  world.restart();
  world.change([](auto& spec) { spec.set_managed_by("example.com/queue"); });
  const auto before = world.host.requests.size();
  ASSERT_TRUE(world.reconcile().ok());
  ASSERT_TRUE(world.reconcile("work/uid-work").ok());
  EXPECT_EQ(world.host.requests.size(), before);
  world.change([](auto& spec) {
    spec.set_managed_by("kubernetes.io/job-controller");
    spec.set_parallelism(1);
  });
  world.settle();
  EXPECT_EQ(world.active().size(), 1U);
}

TEST_F(StraysTest, ADeletedJobMakesNoPodsAndHoldsNone) {
  *world.job.mutable_metadata()->mutable_deletion_timestamp() = to_time(world.host.now_ns);
  world.put(world.job);
  world.end_pod(world.active().front(), 1);
  world.settle();
  EXPECT_EQ(tracked(), 0U);
  EXPECT_EQ(world.made, 2U);
  EXPECT_EQ(world.job.status().failed(), 1);
}

// Pods that are counted stay, thousands of them; they are not decoded again.
TEST_F(StraysTest, WhatIsCountedIsNotReadAgain) {
  const auto done = world.active().front();
  world.end_pod(done, 0);
  world.settle();
  ASSERT_EQ(world.job.status().succeeded(), 1);
  const auto pod = *sdk::Host(&world.host.host).cached<corev1::Pod>("shop", done.metadata().name());
  EXPECT_TRUE(is_over_and_counted(pod.SerializeAsString()));
  EXPECT_FALSE(is_over_and_counted(world.active().front().SerializeAsString()));
  EXPECT_FALSE(is_over_and_counted("\xff\xff"));
  auto held = pod;
  held.mutable_metadata()->add_finalizers(kTracking);
  EXPECT_FALSE(is_over_and_counted(held.SerializeAsString()));
  const auto given = [&] { return world.host.given<corev1::Pod>().at(world.active().front().metadata().name()); };
  const auto before = given();
  ASSERT_TRUE(world.reconcile().ok());
  EXPECT_EQ(given(), before + 1);
}

}  // namespace
}  // namespace gantry::job
