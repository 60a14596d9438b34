// One look after the other at a CronJob: what it starts, and what it makes of its Jobs.
#include "round.hpp"

#include "round_testing.hpp"

namespace gantry::cronjob {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

TEST_F(CronRound, StartsAJobInItsTimeAndOnce) {
  EXPECT_EQ(look(), "30100");
  EXPECT_TRUE(host.requests.empty());
  host.now_ns = kTen + kOneSecond / 10;
  EXPECT_EQ(look(), "86400000");
  EXPECT_THAT(names(), ElementsAre("nightly-29671800"));
  EXPECT_THAT(active(), ElementsAre("nightly-29671800"));
  EXPECT_EQ(one.status().active(0).kind() + one.status().active(0).api_version(), "Jobbatch/v1");
  EXPECT_EQ(to_ns(one.status().last_schedule_time()), kTen);
  EXPECT_THAT(told(), ElementsAre("Normal SuccessfulCreate: Created job nightly-29671800"));
  host.requests.clear();
  EXPECT_EQ(look(), "86400000");
  EXPECT_TRUE(host.requests.empty());
}

// The controller ended between the Job and the status.
TEST_F(CronRound, TakesTheJobThatItMadeBeforeItForgot) {
  host.now_ns = kTen;
  write_refusal = Status::unavailable("going");
  EXPECT_EQ(look(), "going");
  write_refusal = {};
  CronJobController next{sdk::Host(&host.host)};
  ASSERT_TRUE(next.reconcile({"shop", "nightly"}).ok());
  EXPECT_THAT(names(), ElementsAre("nightly-29671800"));
  EXPECT_THAT(active(), ElementsAre("nightly-29671800"));
  EXPECT_THAT(told(), ElementsAre("Normal SuccessfulCreate: Created job nightly-29671800",
                                  "Warning UnexpectedJob: Saw a job that the controller did not create or forgot: "
                                  "nightly-29671800"));
  EXPECT_EQ(to_ns(one.status().last_schedule_time()), kTen);
}

TEST_F(CronRound, LeavesASomebodyElsesJobOfThatName) {
  auto foreign = job_at(0);
  foreign.mutable_metadata()->clear_owner_references();
  keep(foreign);
  host.now_ns = kTen;
  EXPECT_EQ(look(), "86400100");
  EXPECT_THAT(active(), IsEmpty());
  EXPECT_EQ(written, 0);
  EXPECT_THAT(told(), IsEmpty());
}

TEST_F(CronRound, NotesHowJobsEnded) {
  host.now_ns = kTen + 60 * kOneSecond;
  for (const auto& job : {job_at(0, "Complete"), job_at(-1, "Failed")}) {
    set_active(job);
    keep(job);
  }
  *one.mutable_status()->mutable_last_schedule_time() = to_time(kTen);
  host.cache(one);
  look();
  EXPECT_THAT(active(), IsEmpty());
  EXPECT_EQ(to_ns(one.status().last_successful_time()), host.now_ns);
  EXPECT_THAT(told(), ElementsAre("Normal SawCompletedJob: Saw completed job: nightly-29671799, condition: Failed",
                                  "Normal SawCompletedJob: Saw completed job: nightly-29671800, condition: Complete"));
  EXPECT_EQ(written, 1);
  look();
  EXPECT_EQ(written, 1);
}

TEST_F(CronRound, AnOlderSuccessIsNoNews) {
  *one.mutable_status()->mutable_last_successful_time() = to_time(host.now_ns + kOneSecond);
  host.cache(one);
  keep(job_at(-9, "Complete"));
  look();
  EXPECT_EQ(written, 0);
}

TEST_F(CronRound, KeepsSoManyOfEach) {
  for (int i = 1; i <= 5; ++i) keep(job_at(-i, "Complete"));
  for (int i = 11; i <= 13; ++i) keep(job_at(-i, "Failed"));
  look();
  EXPECT_THAT(names(), ElementsAre("nightly-29671789", "nightly-29671797", "nightly-29671798", "nightly-29671799"));
  const auto events = told();
  EXPECT_EQ(events.size(), 4U);
  EXPECT_EQ(events[0], "Normal SuccessfulDelete: Deleted job nightly-29671795");
  change([](auto& spec) {
    spec.clear_successful_jobs_history_limit();
    spec.set_failed_jobs_history_limit(0);
  });
  for (int i = 1; i <= 5; ++i) keep(job_at(-i, "Complete"));
  look();
  EXPECT_EQ(names().size(), 5U);
}

TEST_F(CronRound, AJobThatCannotBeDeletedStaysAndIsToldOf) {
  change([](auto& spec) { spec.set_failed_jobs_history_limit(0); });
  keep(job_at(-1, "Failed"));
  delete_refusal = Status::forbidden("not allowed");
  EXPECT_EQ(look(), "30100");
  EXPECT_THAT(told(), ElementsAre("Warning FailedDelete: Deleted job: not allowed"));
}

TEST_F(CronRound, ForbidWaitsAndGoesOnWhenTheOtherIsDone) {
  change([](auto& spec) {
    spec.set_schedule("* * * * *");
    spec.set_concurrency_policy("Forbid");
  });
  host.now_ns = kTen;
  look();
  told();
  host.now_ns = kTen + 60 * kOneSecond;
  EXPECT_EQ(look(), "60100");
  look();
  EXPECT_THAT(told(), ElementsAre("Normal JobAlreadyActive: Not starting job because prior execution is running and "
                                  "concurrency policy is Forbid"))
      << "once a run";
  EXPECT_EQ(jobs.size(), 1U);
  host.now_ns += 20 * kOneSecond;
  keep(job_at(0, "Complete"));
  EXPECT_EQ(look(), "40100");
  EXPECT_THAT(active(), ElementsAre("nightly-29671801")) << "late, but not lost";
}

TEST_F(CronRound, AllowRunsThemSideBySide) {
  change([](auto& spec) { spec.set_schedule("* * * * *"); });
  for (int i = 0; i < 3; ++i) {
    host.now_ns = kTen + i * 60 * kOneSecond;
    look();
  }
  EXPECT_THAT(active(), ElementsAre("nightly-29671800", "nightly-29671801", "nightly-29671802"));
}

TEST_F(CronRound, ReplaceEndsTheOneThatRuns) {
  change([](auto& spec) {
    spec.set_schedule("* * * * *");
    spec.set_concurrency_policy("Replace");
  });
  host.now_ns = kTen;
  look();
  told();
  host.now_ns = kTen + 60 * kOneSecond;
  delete_refusal = Status::forbidden("not now");
  EXPECT_EQ(look(), "could not replace job shop/nightly-29671800");
  EXPECT_THAT(told(), ElementsAre("Warning FailedDelete: Deleted job: not now"));
  EXPECT_THAT(active(), ElementsAre("nightly-29671800"));
  delete_refusal = {};
  EXPECT_EQ(look(), "60100");
  EXPECT_THAT(names(), ElementsAre("nightly-29671801"));
  EXPECT_THAT(active(), ElementsAre("nightly-29671801"));
  EXPECT_THAT(told(), ElementsAre("Normal SuccessfulDelete: Deleted job nightly-29671800",
                                  "Normal SuccessfulCreate: Created job nightly-29671801"));
}

TEST_F(CronRound, AJobThatVanishedIsNoLongerActive) {
  set_active(job_at(-1));
  host.cache(one);
  EXPECT_EQ(look(), "30100");
  EXPECT_THAT(active(), IsEmpty());
  EXPECT_THAT(told(), ElementsAre("Normal MissingJob: Active job went missing: nightly-29671799"));
}

TEST_F(CronRound, AJobThatTheCacheDoesNotHaveYetIsNotMissing) {
  const auto job = job_at(-1);
  set_active(job);
  host.cache(one);
  jobs[job.metadata().name()] = job;
  look();
  EXPECT_EQ(active().size(), 1U);
  jobs[job.metadata().name()].mutable_metadata()->set_uid("another");
  look();
  EXPECT_THAT(active(), IsEmpty()) << "another one of the name";
}

TEST_F(CronRound, AJobThatSomebodyElseMadeOfItIsToldOfOnce) {
  keep(job_at(-7));
  look();
  look();
  EXPECT_THAT(told(), ElementsAre("Warning UnexpectedJob: Saw a job that the controller did not create or forgot: "
                                  "nightly-29671793"));
  EXPECT_THAT(active(), IsEmpty());
  EXPECT_EQ(host.requests.size(), 1U) << "asked once";
  auto going = job_at(-6);
  going.mutable_metadata()->mutable_deletion_timestamp()->set_seconds(1);
  keep(going);
  look();
  EXPECT_THAT(told(), IsEmpty());
}

TEST_F(CronRound, ACacheThatIsBehindIsWaitedFor) {
  const auto job = job_at(-1);
  keep(job);
  stored = one;
  *stored->mutable_status()->add_active() = reference_to_job(job);
  EXPECT_EQ(look(), "the cache has an older CronJob shop/nightly than its Jobs");
  EXPECT_THAT(told(), IsEmpty());
  EXPECT_EQ(written, 0);
}

}  // namespace
}  // namespace gantry::cronjob
