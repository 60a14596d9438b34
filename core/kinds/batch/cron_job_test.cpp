// CronJobs: defaults, schedule and zone, template, table.
#include "core/kinds/kinds_testing.hpp"
#include "core/schema/table/table.hpp"
#include "core/schema/values/values.hpp"

namespace gantry::kinds::batch_cron_job_test {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::StartsWith;
using ::testing::UnorderedElementsAre;

constexpr std::string_view kCronJob = R"({"metadata":{"name":"c","namespace":"default"},"spec":{"schedule":"* * * * *",
  "jobTemplate":{"spec":{"template":{"spec":{"restartPolicy":"Never","containers":[{"name":"c","image":"i:1"}]}}}}}})";

const Kind& cron_jobs() { return kind("batch", "CronJob"); }
Json cron_job(std::string_view patch) { return made(cron_jobs(), kCronJob, patch); }
Problems of_new(std::string_view spec) {
  return lines(validate(cron_jobs(), cron_job(R"({"spec":)" + std::string(spec) + "}")));
}
Problems of_update(std::string_view next, std::string_view before) {
  const Json old = cron_job(R"({"spec":)" + std::string(before) + "}");
  return lines(validate(cron_jobs(), cron_job(R"({"spec":)" + std::string(next) + "}"), &old));
}

TEST(CronJob, Defaults) {
  EXPECT_EQ(
      schema::encode_json(*cron_jobs().message, cron_job("{}")),
      R"({"metadata":{"name":"c","namespace":"default"},"spec":{"schedule":"* * * * *","concurrencyPolicy":"Allow","suspend":false,)"
      R"("jobTemplate":{"metadata":{},"spec":{"template":{"metadata":{},"spec":{"containers":[{"name":"c","image":"i:1",)"
      R"("resources":{},"terminationMessagePath":"/dev/termination-log","imagePullPolicy":"IfNotPresent",)"
      R"("terminationMessagePolicy":"File"}],"restartPolicy":"Never","terminationGracePeriodSeconds":30,"dnsPolicy":"ClusterFirst",)"
      R"("securityContext":{},"schedulerName":"default-scheduler"}}}},"successfulJobsHistoryLimit":3,"failedJobsHistoryLimit":1},)"
      R"("status":{}})");
}

TEST(CronJob, HasASchedule) {
  for (const char* good : {"*/5 0-3 1,15 jan-dec mon", "@hourly", "@every 1h30m"}) {
    EXPECT_THAT(of_new(R"({"schedule":")" + std::string(good) + "\"}"), IsEmpty()) << good;
  }
  EXPECT_THAT(of_new(R"({"schedule":null})"), ElementsAre("spec.schedule: Required value"));
  EXPECT_THAT(of_new(R"({"schedule":"* * * *"})"),
              ElementsAre("spec.schedule: Invalid value: \"* * * *\": expected exactly 5 fields, found 4: [* * * *]"));
  EXPECT_THAT(of_new(R"({"schedule":"bad"})"),
              ElementsAre("spec.schedule: Invalid value: \"bad\": expected exactly 5 fields, found 1: [bad]"));
  EXPECT_THAT(of_new(R"({"startingDeadlineSeconds":-1,"successfulJobsHistoryLimit":-1,"failedJobsHistoryLimit":-1,
                         "concurrencyPolicy":"Often"})"),
              UnorderedElementsAre(
                  "spec.startingDeadlineSeconds: Invalid value: -1: must be greater than or equal to 0",
                  "spec.concurrencyPolicy: Unsupported value: \"Often\": supported values: \"Allow\", \"Forbid\", "
                  "\"Replace\"",
                  StartsWith("spec.successfulJobsHistoryLimit: Invalid value: -1"),
                  StartsWith("spec.failedJobsHistoryLimit: Invalid value: -1")));
}

TEST(CronJob, ZonesHaveAFieldOfTheirOwn) {
  constexpr std::string_view kInText = R"({"schedule":"TZ=UTC * * * * *"})";
  EXPECT_THAT(of_new(kInText), ElementsAre("spec.schedule: Invalid value: \"TZ=UTC * * * * *\": cannot use TZ or "
                                           "CRON_TZ in schedule, use timeZone field instead"));
  EXPECT_THAT(of_update(R"({"schedule":"TZ=UTC 1 * * * *"})", kInText), IsEmpty()) << "it was so before";
  EXPECT_THAT(of_update(R"({"schedule":"TZ=UTC 1 * * * *","timeZone":"UTC"})", kInText),
              ElementsAre("spec.schedule: Invalid value: \"TZ=UTC 1 * * * *\": cannot use both timeZone field and TZ "
                          "or CRON_TZ in schedule"));
  EXPECT_THAT(of_new(R"({"timeZone":"UTC"})"), IsEmpty());
  EXPECT_THAT(of_new(R"({"timeZone":""})"),
              ElementsAre("spec.timeZone: Invalid value: \"\": timeZone must be nil or non-empty string"));
  for (const std::string bad : {"a b", "../etc", "-a", "a//b", "/a", "aaaaaaaaaaaaaaa", "No/Where"}) {
    EXPECT_THAT(of_new(R"({"timeZone":")" + bad + "\"}"),
                ElementsAre("spec.timeZone: Invalid value: \"" + bad + "\": unknown time zone " + bad));
  }
  EXPECT_THAT(of_new(R"({"timeZone":"Local"})"),
              ElementsAre("spec.timeZone: Invalid value: \"Local\": timeZone must be an explicit time zone as defined "
                          "in https://www.iana.org/time-zones"));
  EXPECT_THAT(of_update(R"({"timeZone":"No/Where","suspend":true})", R"({"timeZone":"No/Where"})"), IsEmpty());
}

TEST(CronJob, ItsTemplateIsThatOfAJob) {
  EXPECT_THAT(of_new(R"({"jobTemplate":{"spec":{"selector":{"matchLabels":{"a":"b"}},"manualSelector":true}}})"),
              ElementsAre("spec.jobTemplate.spec.selector: Invalid value: {\"matchLabels\":{\"a\":\"b\"}}: `selector` "
                          "will be auto-generated",
                          "spec.jobTemplate.spec.manualSelector: Unsupported value: \"true\": supported values: "
                          "\"nil\", \"false\""));
  EXPECT_THAT(of_new(R"({"jobTemplate":{"spec":{"template":{"spec":{"restartPolicy":null}}}}})"),
              ElementsAre("spec.jobTemplate.spec.template.spec.restartPolicy: Required value: valid values: "
                          "\"OnFailure\", \"Never\""));
  EXPECT_THAT(of_new(R"({"jobTemplate":{"spec":{"maxFailedIndexes":1}}})"),
              ElementsAre(HasSubstr("spec.jobTemplate.spec.backoffLimitPerIndex: Required value"),
                          HasSubstr("spec.jobTemplate.spec.maxFailedIndexes: Invalid value: 1")));
}

TEST(CronJob, ItsNameLeavesRoomForJobs) {
  const auto named = [](size_t length) {
    return lines(validate(cron_jobs(), cron_job(R"({"metadata":{"name":")" + std::string(length, 'x') + "\"}}")));
  };
  EXPECT_THAT(named(52), IsEmpty());
  EXPECT_THAT(named(53), ElementsAre(HasSubstr("must be no more than 52 bytes")));
}

TEST(CronJob, ATableSaysWhen) {
  const auto now = *schema::parse_time("2026-01-01T01:00:00Z");
  const auto cells = [&](std::string_view patch) {
    return table_row_json(cron_jobs(), cron_job(patch), "{}", schema::IncludeObject::kNone, now);
  };
  EXPECT_EQ(cells("{}"), R"({"cells":["c","* * * * *","\u003cnone\u003e","False",0,"\u003cnone\u003e",)"
                         R"("\u003cunknown\u003e","c","i:1","\u003cnone\u003e"],"object":null})");
  EXPECT_EQ(cells(R"({"spec":{"timeZone":"UTC","suspend":true},"status":{"active":[{"name":"a"},{"name":"b"}],
                      "lastScheduleTime":"2026-01-01T00:59:00Z"}})"),
            R"({"cells":["c","* * * * *","UTC","True",2,"60s","\u003cunknown\u003e","c","i:1","\u003cnone\u003e"],)"
            R"("object":null})");
}

}  // namespace
}  // namespace gantry::kinds::batch_cron_job_test
