// What a Job becomes, seen from its status, its pods and its Events.
#include <gmock/gmock.h>

#include "job_world.hpp"

namespace gantry::job {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

struct SyncTest : testing::Test {
  void start(batchv1::Job job) {
    world.put(std::move(job));
    world.settle();
  }
  // The first active pod ends.
  void end_one(int32_t code) {
    ASSERT_FALSE(world.active().empty());
    world.end_pod(world.active().front(), code);
    world.settle();
  }
  std::string counts() const {
    const auto& s = world.job.status();
    return std::to_string(s.active()) + " active, " + std::to_string(s.ready()) + " ready, " +
           std::to_string(s.terminating()) + " terminating, " + std::to_string(s.succeeded()) + " succeeded, " +
           std::to_string(s.failed()) + " failed";
  }
  JobWorld world;
};

TEST_F(SyncTest, ManyAtATimeUntilEnoughAreDone) {
  start(JobWorld::make_job(2, 3));
  EXPECT_EQ(counts(), "2 active, 0 ready, 0 terminating, 0 succeeded, 0 failed");
  EXPECT_EQ(to_ns(world.job.status().start_time()), world.host.now_ns);
  const auto pod = world.active().front();
  EXPECT_EQ(pod.metadata().generate_name(), "work-");
  EXPECT_THAT(pod.metadata().finalizers(), ElementsAre(kTracking));
  EXPECT_EQ(sdk::controller_of(pod.metadata())->uid(), "uid-work");
  world.run_pod(pod);
  world.settle();
  EXPECT_EQ(counts(), "2 active, 1 ready, 0 terminating, 0 succeeded, 0 failed");
  end_one(0);
  EXPECT_EQ(counts(), "2 active, 0 ready, 0 terminating, 1 succeeded, 0 failed");
  end_one(0);
  EXPECT_EQ(counts(), "1 active, 0 ready, 0 terminating, 2 succeeded, 0 failed") << "only one more is needed";
  EXPECT_THAT(world.conditions(), IsEmpty());
  world.pass_ms(5'000);
  end_one(0);
  EXPECT_EQ(counts(), "0 active, 0 ready, 0 terminating, 3 succeeded, 0 failed");
  const std::string why = "CompletionsReached: Reached expected number of succeeded pods";
  EXPECT_THAT(world.conditions(), ElementsAre("SuccessCriteriaMet=True " + why, "Complete=True " + why));
  EXPECT_EQ(to_ns(world.job.status().completion_time()), world.host.now_ns);
  EXPECT_THAT(world.told(), ElementsAre("Completed: Job completed"));
}

TEST_F(SyncTest, NothingIsWrittenWhereNothingChanged) {
  start(JobWorld::make_job(2, 3));
  const auto before = world.host.requests.size();
  ASSERT_TRUE(world.reconcile().ok());
  world.restart();
  ASSERT_TRUE(world.reconcile().ok());
  EXPECT_EQ(world.host.requests.size(), before);
}

TEST_F(SyncTest, AWorkQueueEndsWithItsFirstSuccess) {
  start(JobWorld::make_job(3, -1));
  EXPECT_EQ(world.active().size(), 3U);
  end_one(0);
  EXPECT_EQ(counts(), "2 active, 0 ready, 0 terminating, 1 succeeded, 0 failed");
  EXPECT_EQ(world.made, 3U);
  end_one(1);
  end_one(0);
  EXPECT_EQ(counts(), "0 active, 0 ready, 0 terminating, 2 succeeded, 1 failed");
  EXPECT_TRUE(world.is("Complete"));
  EXPECT_EQ(world.made, 3U);
}

TEST_F(SyncTest, ParallelismOfNothingWaits) {
  start(JobWorld::make_job(0, 3));
  EXPECT_EQ(world.made, 0U);
  world.change([](auto& spec) { spec.set_parallelism(2); });
  world.settle();
  EXPECT_EQ(world.made, 2U);
  world.change([](auto& spec) { spec.set_parallelism(1); });
  world.settle();
  EXPECT_EQ(world.active().size(), 1U);
  EXPECT_EQ(counts(), "1 active, 0 ready, 0 terminating, 0 succeeded, 0 failed") << "one too many is no failure";
}

TEST_F(SyncTest, ZeroCompletionsAreDoneAtOnceEvenSuspended) {
  auto job = JobWorld::make_job(1, 0);
  job.mutable_spec()->set_suspend(true);
  start(std::move(job));
  EXPECT_TRUE(world.is("Complete"));
  EXPECT_EQ(world.made, 0U);
}

TEST_F(SyncTest, FailuresWaitLongerAndLonger) {
  start(JobWorld::make_job(1, 1));
  for (const int64_t wait : {10'000, 20'000, 40'000}) {
    end_one(1);
    EXPECT_TRUE(world.active().empty());
    EXPECT_EQ(world.due_ms, wait);
    world.pass_ms(wait - 1'000);
    // Another process knows it, too.
    world.restart();
    world.settle();
    EXPECT_TRUE(world.active().empty());
    EXPECT_EQ(world.due_ms, 1'000);
    world.pass_ms(1'000);
    world.settle();
    EXPECT_EQ(world.active().size(), 1U);
  }
  EXPECT_EQ(world.job.status().failed(), 3);
  end_one(0);
  EXPECT_TRUE(world.is("Complete"));
}

TEST_F(SyncTest, TooManyFailuresEndTheJob) {
  auto job = JobWorld::make_job(3, 3);
  job.mutable_spec()->set_backoff_limit(0);
  start(std::move(job));
  end_one(1);
  const std::string why = "BackoffLimitExceeded: Job has reached the specified backoff limit";
  EXPECT_THAT(world.conditions(), ElementsAre("FailureTarget=True " + why, "Failed=True " + why));
  EXPECT_EQ(counts(), "0 active, 0 ready, 0 terminating, 0 succeeded, 3 failed");
  EXPECT_THAT(world.told(), ElementsAre(why));
  EXPECT_FALSE(world.job.status().has_completion_time());
}

TEST_F(SyncTest, TheEndWaitsForPodsThatAreStillThere) {
  auto job = JobWorld::make_job(2, 2);
  job.mutable_spec()->set_active_deadline_seconds(30);
  start(std::move(job));
  EXPECT_EQ(world.due_ms, 30'000);
  world.lingers = true;
  world.pass_ms(30'000);
  world.settle();
  EXPECT_THAT(world.conditions(),
              ElementsAre("FailureTarget=True DeadlineExceeded: Job was active longer than specified deadline"));
  EXPECT_EQ(counts(), "0 active, 0 ready, 2 terminating, 0 succeeded, 2 failed");
  world.lingers = false;
  for (const auto& pod : world.pods()) world.write(pod);
  world.settle();
  EXPECT_TRUE(world.is("Failed"));
  EXPECT_EQ(counts(), "0 active, 0 ready, 0 terminating, 0 succeeded, 2 failed");
}

TEST_F(SyncTest, RestartsCountWhereTheKubeletRestarts) {
  auto job = JobWorld::make_job(1, 1);
  job.mutable_spec()->set_backoff_limit(2);
  job.mutable_spec()->mutable_template_()->mutable_spec()->set_restart_policy("OnFailure");
  start(std::move(job));
  auto pod = world.active().front();
  pod.mutable_status()->add_container_statuses()->set_restart_count(1);
  world.write(pod);
  world.settle();
  EXPECT_THAT(world.conditions(), IsEmpty());
  pod.mutable_status()->mutable_container_statuses(0)->set_restart_count(2);
  world.write(pod);
  world.settle();
  EXPECT_TRUE(world.is("Failed"));
}

TEST_F(SyncTest, SuspendedAndResumed) {
  start(JobWorld::make_job(2, 2));
  world.change([](auto& spec) { spec.set_suspend(true); });
  world.settle();
  EXPECT_TRUE(world.active().empty());
  EXPECT_EQ(counts(), "0 active, 0 ready, 0 terminating, 0 succeeded, 0 failed") << "nothing failed";
  EXPECT_THAT(world.conditions(), ElementsAre("Suspended=True JobSuspended: Job suspended"));
  EXPECT_FALSE(world.job.status().has_start_time());
  world.pass_ms(60'000);
  world.change([](auto& spec) { spec.set_suspend(false); });
  world.settle();
  EXPECT_EQ(world.active().size(), 2U);
  EXPECT_THAT(world.conditions(), ElementsAre("Suspended=False JobResumed: Job resumed"));
  EXPECT_EQ(to_ns(world.job.status().start_time()), world.host.now_ns);
  EXPECT_THAT(world.told(), ElementsAre("Suspended: Job suspended", "Resumed: Job resumed"));
}

TEST_F(SyncTest, FailedOnesAreReplacedWhenTheyAreGoneOrAsSoonAsTheyGo) {
  world.lingers = true;
  start(JobWorld::make_job(1, 1));
  auto pod = world.active().front();
  *pod.mutable_metadata()->mutable_deletion_timestamp() = to_time(world.host.now_ns);
  world.write(pod);
  world.settle();
  EXPECT_EQ(counts(), "0 active, 0 ready, 1 terminating, 0 succeeded, 1 failed");
  world.pass_ms(10'000);
  world.settle();
  EXPECT_EQ(counts(), "1 active, 0 ready, 1 terminating, 0 succeeded, 1 failed");

  JobWorld patient;
  patient.lingers = true;
  auto job = JobWorld::make_job(1, 1);
  job.mutable_spec()->set_pod_replacement_policy("Failed");
  patient.put(job);
  patient.settle();
  pod = patient.active().front();
  *pod.mutable_metadata()->mutable_deletion_timestamp() = to_time(patient.host.now_ns);
  patient.write(pod);
  patient.settle();
  patient.pass_ms(600'000);
  patient.settle();
  EXPECT_EQ(patient.job.status().failed(), 0);
  EXPECT_EQ(patient.job.status().terminating(), 1);
  EXPECT_EQ(patient.made, 1U);
  patient.end_pod(pod, 1);
  patient.settle();
  EXPECT_EQ(patient.job.status().failed(), 1);
}

TEST_F(SyncTest, ThePodFailurePolicyIgnoresAndEnds) {
  auto job = JobWorld::make_job(1, 1);
  auto& spec = *job.mutable_spec();
  spec.set_backoff_limit(0);
  for (const auto& [action, code] : {std::pair{"Ignore", 42}, std::pair{"FailJob", 3}}) {
    auto& rule = *spec.mutable_pod_failure_policy()->add_rules();
    rule.set_action(action);
    rule.mutable_on_exit_codes()->set_operator_("In");
    rule.mutable_on_exit_codes()->add_values(code);
  }
  start(std::move(job));
  end_one(42);
  EXPECT_EQ(world.job.status().failed(), 0);
  EXPECT_FALSE(world.is("FailureTarget"));
  world.pass_ms(10'000);
  world.settle();
  const std::string name = world.active().front().metadata().name();
  end_one(3);
  EXPECT_EQ(world.job.status().failed(), 1);
  EXPECT_EQ(world.conditions().back(), "Failed=True PodFailurePolicy: Container main for pod shop/" + name +
                                           " failed with exit code 3 matching FailJob rule at index 1");
}

TEST_F(SyncTest, PodsThatCannotBeMadeAreToldOfAndTriedAgain) {
  world.refuse_pods = Status::forbidden("exceeded quota");
  world.put(JobWorld::make_job(50, 50));
  const auto result = world.reconcile();
  EXPECT_EQ(result.error().message(), "exceeded quota");
  EXPECT_THAT(world.told(), ElementsAre("FailedCreate: Error creating: exceeded quota")) << "one, not fifty";
  EXPECT_EQ(world.job.status().active(), 0);
  world.refuse_pods = {};
  world.settle();
  EXPECT_EQ(world.job.status().active(), 50);
}

TEST_F(SyncTest, AClockThatWasSetBackStillLetsTheJobComplete) {
  start(JobWorld::make_job(1, 1));
  world.pass_ms(-3'600'000);
  end_one(0);
  EXPECT_TRUE(world.is("Complete"));
  EXPECT_EQ(world.job.status().completion_time().seconds(), world.job.status().start_time().seconds());
}

}  // namespace
}  // namespace gantry::job
