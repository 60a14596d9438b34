#include "jobs.hpp"

#include <gmock/gmock.h>

#include "gantry/times.hpp"

namespace gantry::cronjob {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

constexpr int64_t kAt = 1'780'279'200 * kNanosPerSecond;  // 2026-06-01T02:00:00Z

batchv1::Job ended(const std::string& name, const std::string& end, int64_t began, const std::string& status = "True") {
  batchv1::Job job;
  job.mutable_metadata()->set_name(name);
  if (began > 0) job.mutable_status()->mutable_start_time()->set_seconds(began);
  auto& condition = *job.mutable_status()->add_conditions();
  condition.set_type(end);
  condition.set_status(status);
  return job;
}

std::vector<std::string> names(const std::vector<const batchv1::Job*>& jobs) {
  std::vector<std::string> all;
  for (const auto* job : jobs) all.push_back(job->metadata().name());
  return all;
}

TEST(CronJobJobs, ANewOneIsOfTheTemplateAndOfItsTime) {
  batchv1::CronJob cron_job;
  cron_job.mutable_metadata()->set_namespace_("shop");
  cron_job.mutable_metadata()->set_name("nightly");
  cron_job.mutable_metadata()->set_uid("uid-nightly");
  auto& from = *cron_job.mutable_spec()->mutable_job_template();
  (*from.mutable_metadata()->mutable_labels())["app"] = "backup";
  (*from.mutable_metadata()->mutable_annotations())["note"] = "x";
  from.mutable_spec()->set_backoff_limit(3);
  const auto job = job_for(cron_job, kAt + 59 * kNanosPerSecond, sdk::TimeZone());
  EXPECT_EQ(job.metadata().name(), "nightly-29671320") << "minutes since 1970";
  EXPECT_EQ(job.metadata().namespace_(), "shop");
  EXPECT_EQ(job.metadata().labels().at("app"), "backup");
  EXPECT_EQ(job.metadata().annotations().at("note"), "x");
  EXPECT_EQ(job.metadata().annotations().at(kScheduledTimestamp), "2026-06-01T02:00:59Z");
  EXPECT_EQ(job.spec().backoff_limit(), 3);
  ASSERT_EQ(job.metadata().owner_references_size(), 1);
  const auto& owner = job.metadata().owner_references(0);
  EXPECT_EQ(owner.api_version() + " " + owner.kind() + " " + owner.name() + " " + owner.uid(),
            "batch/v1 CronJob nightly uid-nightly");
  EXPECT_TRUE(owner.controller() && owner.block_owner_deletion());
  const auto berlin = sdk::TimeZone::load("Europe/Berlin");
  ASSERT_TRUE(berlin.ok());
  EXPECT_EQ(job_for(cron_job, kAt, *berlin).metadata().annotations().at(kScheduledTimestamp),
            "2026-06-01T04:00:00+02:00");
}

TEST(CronJobJobs, OnlyTwoConditionsAreAnEnd) {
  EXPECT_EQ(end_of(ended("a", "Complete", 1)), "Complete");
  EXPECT_EQ(end_of(ended("a", "Failed", 1)), "Failed");
  EXPECT_EQ(end_of(ended("a", "Failed", 1, "False")), "");
  EXPECT_EQ(end_of(ended("a", "SuccessCriteriaMet", 1)), "");
  EXPECT_EQ(end_of(batchv1::Job()), "");
}

TEST(CronJobJobs, TheOldestGoFirst) {
  auto going = ended("going", "Complete", 5);
  going.mutable_metadata()->mutable_deletion_timestamp()->set_seconds(9);
  const std::vector<batchv1::Job> jobs{ended("never-began", "Complete", 0), ended("young", "Complete", 30),
                                       ended("old-b", "Complete", 10),      ended("old-a", "Complete", 10),
                                       ended("failed", "Failed", 1),        going};
  EXPECT_THAT(names(beyond_limit(jobs, "Complete", 1)), ElementsAre("old-a", "old-b", "young"));
  EXPECT_THAT(names(beyond_limit(jobs, "Complete", 3)), ElementsAre("old-a"));
  EXPECT_THAT(names(beyond_limit(jobs, "Complete", 4)), IsEmpty());
  EXPECT_THAT(names(beyond_limit(jobs, "Failed", 0)), ElementsAre("failed"));
  EXPECT_THAT(names(beyond_limit(jobs, "Failed", 1)), IsEmpty());
}

}  // namespace
}  // namespace gantry::cronjob
