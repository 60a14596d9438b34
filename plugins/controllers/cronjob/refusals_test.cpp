// When a CronJob starts nothing: suspended, going, unreadable, too late, refused.
#include "round_testing.hpp"

namespace gantry::cronjob {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

TEST_F(CronRound, SuspendedItOnlyCleansUp) {
  change([](auto& spec) { spec.set_suspend(true); });
  for (int i = 1; i <= 4; ++i) keep(job_at(-i, "Complete"));
  host.now_ns = kTen;
  EXPECT_EQ(look(), "0");
  EXPECT_EQ(jobs.size(), 3U);
  change([](auto& spec) { spec.set_suspend(false); });
  look();
  EXPECT_EQ(active().size(), 1U);
}

TEST_F(CronRound, OneThatIsGoingStartsNothing) {
  one.mutable_metadata()->mutable_deletion_timestamp()->set_seconds(1);
  host.cache(one);
  host.now_ns = kTen;
  EXPECT_EQ(look(), "0");
  EXPECT_TRUE(jobs.empty());
}

TEST_F(CronRound, WhatCannotBeReadIsToldOfOnceAndWaitsForAChange) {
  host.now_ns = kTen;
  change([](auto& spec) { spec.set_schedule("99 * * * *"); });
  for (int i = 0; i < 3; ++i) EXPECT_EQ(look(), "0");
  EXPECT_THAT(told(), ElementsAre("Warning UnparseableSchedule: unparseable schedule: \"99 * * * *\" : end of range "
                                  "(99) above maximum (59): 99"));
  change([](auto& spec) {
    spec.set_time_zone("Nowhere/Town");
    spec.set_suspend(true);
  });
  for (int i = 0; i < 3; ++i) EXPECT_EQ(look(), "0");
  EXPECT_THAT(told(), ElementsAre("Warning UnknownTimeZone: invalid timeZone: \"Nowhere/Town\": unknown time zone "
                                  "Nowhere/Town"));
  change([](auto& spec) {
    spec.clear_time_zone();
    spec.set_suspend(false);
    spec.set_schedule("0 0 30 2 *");
  });
  for (int i = 0; i < 3; ++i) EXPECT_EQ(look(), "0");
  EXPECT_THAT(told(), ElementsAre("Warning InvalidSchedule: invalid schedule: 0 0 30 2 * : time difference between two "
                                  "schedules is less than 1 second"));
  EXPECT_TRUE(host.requests.empty());
}

TEST_F(CronRound, TooManyMissedTimesAreToldOfAndTheLastIsMadeUpFor) {
  change([](auto& spec) { spec.set_schedule("* * * * *"); });
  host.now_ns = kTen + 7200 * kOneSecond;
  EXPECT_EQ(look(), "60100");
  EXPECT_THAT(told(), ElementsAre("Warning TooManyMissedTimes: too many missed start times. Set or decrease "
                                  ".spec.startingDeadlineSeconds or check clock skew",
                                  "Normal SuccessfulCreate: Created job nightly-29671920"));
  EXPECT_EQ(jobs.size(), 1U);
}

TEST_F(CronRound, WhatIsTooLateIsMissedOnce) {
  change([](auto& spec) { spec.set_starting_deadline_seconds(20); });
  host.now_ns = kTen + 30 * kOneSecond;
  for (int i = 0; i < 2; ++i) EXPECT_EQ(look(), "86370100");
  EXPECT_TRUE(jobs.empty());
  EXPECT_THAT(told(), ElementsAre("Warning MissSchedule: Missed scheduled time to start a job: Mon, 01 Jun 2026 "
                                  "10:00:00 +0000"));
}

TEST_F(CronRound, AnotherScheduleOwesNothingOfBefore) {
  host.now_ns = kTen + 1800 * kOneSecond;
  *one.mutable_status()->mutable_last_schedule_time() = to_time(kTen);
  host.cache(one);
  look();
  change([](auto& spec) { spec.set_schedule("15 10 * * *"); });
  EXPECT_EQ(look(), std::to_string((86'400 - 900) * 1000 + 100));
  EXPECT_TRUE(jobs.empty());
}

TEST_F(CronRound, WhatTheServerRefusesIsTriedAgain) {
  host.now_ns = kTen;
  create_refusal = Status::forbidden("quota exceeded");
  EXPECT_EQ(look(), "quota exceeded");
  EXPECT_THAT(told(), ElementsAre("Warning FailedCreate: Error creating job: quota exceeded"));
  create_refusal = Status::forbidden("ending").with_details({.causes = {{"NamespaceTerminating", "", ""}}});
  EXPECT_EQ(look(), "86400100");
  EXPECT_THAT(told(), IsEmpty());
  EXPECT_EQ(written, 0);
}

TEST_F(CronRound, OneThatIsGoneIsForgotten) {
  host.uncache("batch", "cronjobs", "shop", "nightly");
  EXPECT_EQ(look(), "0");
  EXPECT_TRUE(host.requests.empty());
}

TEST_F(CronRound, WatchesItsJobsAndTakesItsWorkers) {
  const auto spec = controller.spec();
  ASSERT_EQ(spec.watches_size(), 2);
  EXPECT_EQ(spec.watches(0).mapping(), abi::WatchSpec::SELF);
  EXPECT_EQ(spec.watches(1).resource() + spec.watches(1).owner_group() + spec.watches(1).owner_kind(),
            "jobsbatchCronJob");
  EXPECT_TRUE(spec.wait_own_writes());
  EXPECT_EQ(spec.workers(), 5);
  host.config["workers"] = int64_t{0};
  EXPECT_EQ(controller.configure().message(), "workers must be at least 1");
}

}  // namespace
}  // namespace gantry::cronjob
