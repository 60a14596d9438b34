// The cronjob plugin in a real control plane, mostly on simulated time. Nothing runs the Jobs: the tests write how they
// end.
#include <gmock/gmock.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>

#include "gantry/times.hpp"
#include "k8s.io/api/batch/v1/cron_job.pb.h"
#include "k8s.io/api/batch/v1/job.pb.h"
#include "tests/integration/workloads.hpp"

namespace gantry::integration {
namespace {

using batchv1::CronJob;
using batchv1::Job;
using std::chrono::days;
using std::chrono::hours;
using std::chrono::minutes;
using std::chrono::seconds;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;

constexpr char kScheduledAt[] = "batch.kubernetes.io/cronjob-scheduled-timestamp";
constexpr int64_t kBegin = 1'893'456'000;  // 2030-01-01T00:00:00Z

CronJob make_cron_job(const std::string& name, const std::string& schedule) {
  CronJob cron_job;
  cron_job.mutable_metadata()->set_name(name);
  auto& spec = *cron_job.mutable_spec();
  spec.set_schedule(schedule);
  auto& job = *spec.mutable_job_template();
  (*job.mutable_metadata()->mutable_labels())["of"] = name;
  fill_template(*job.mutable_spec()->mutable_template_(), name, "work:1");
  job.mutable_spec()->mutable_template_()->mutable_spec()->set_restart_policy("Never");
  return cron_job;
}

// The Job as it is once its work is done, or has failed.
void set_ended(Job& job, bool well, int64_t now_seconds) {
  auto& status = *job.mutable_status();
  status.mutable_start_time()->set_seconds(job.metadata().creation_timestamp().seconds());
  if (well) status.mutable_completion_time()->set_seconds(now_seconds);
  for (const char* type : well ? std::array{"SuccessCriteriaMet", "Complete"} : std::array{"FailureTarget", "Failed"}) {
    auto& condition = *status.add_conditions();
    condition.set_type(type);
    condition.set_status("True");
    condition.mutable_last_transition_time()->set_seconds(now_seconds);
  }
}

struct SimulatedCronJobs : Workloads {
  void SetUp() override { start({.plugins = {"cronjob"}, .simulated_seed = 1}); }

  // What a test asks for takes turns with what goes on inside.
  template <typename F>
  auto in_turn(F&& ask) {
    const simulation::Turn turn(&plane->time()->turns(), "the test");
    return ask();
  }
  int64_t now() const { return plane->time()->clock().now_unix_ns() / kNanosPerSecond; }
  void create_one(const CronJob& cron_job) {
    in_turn([&] { return must(plane->create(cron_job)); });
  }
  void patch_one(const std::string& name, const std::string& json, std::string_view subresource = {}) {
    in_turn([&] { return must(plane->patch<CronJob>(name, json, subresource)); });
  }
  CronJob get_one(const std::string& name) {
    return in_turn([&] { return must(plane->get<CronJob>(name)); });
  }
  void pass(seconds by) {
    const auto state = plane->advance(by);
    ASSERT_TRUE(state.ok()) << state.error().message();
    EXPECT_EQ(state->broken, 0U);
  }
  // "": of all.
  std::vector<Job> jobs(const std::string& of) {
    return in_turn([&] { return plane->list<Job>(of.empty() ? of : "of=" + of); });
  }
  std::vector<std::string> times(const std::string& of) {
    std::vector<std::string> all;
    for (const auto& job : jobs(of)) all.push_back(annotation(job.metadata(), kScheduledAt));
    return all;
  }
  size_t end_jobs(const std::string& of, bool well = true) {
    auto all = jobs(of);
    std::erase_if(all, [](const Job& job) { return job.status().conditions_size() > 0; });
    in_turn([&] {
      for (auto& job : all) {
        set_ended(job, well, now());
        must(plane->update(job, "status"));
      }
    });
    return all.size();
  }
  std::vector<std::string> told(const std::string& of) {
    return in_turn([&] { return plane->events(of); });
  }
  std::vector<std::string> active(const std::string& of) {
    std::vector<std::string> names;
    const auto cron_job = get_one(of);
    for (const auto& one : cron_job.status().active()) names.push_back(one.name());
    return names;
  }
};

TEST_F(SimulatedCronJobs, MakesAJobAtItsTimeAndKeepsSoManyThatEnded) {
  create_one(make_cron_job("hourly", "30 * * * *"));
  pass(minutes(29));
  EXPECT_THAT(jobs("hourly"), IsEmpty());
  pass(minutes(1) + seconds(1));
  const auto first = jobs("hourly");
  ASSERT_THAT(first, SizeIs(1));
  EXPECT_EQ(first[0].metadata().name(), "hourly-" + std::to_string(kBegin / 60 + 30));
  EXPECT_EQ(first[0].metadata().creation_timestamp().seconds(), kBegin + 1800);
  EXPECT_EQ(times("hourly"), std::vector<std::string>{"2030-01-01T00:30:00Z"});
  const auto cron_job = get_one("hourly");
  EXPECT_EQ(sdk::controller_of(first[0].metadata())->uid(), cron_job.metadata().uid());
  EXPECT_EQ(cron_job.status().last_schedule_time().seconds(), kBegin + 1800);
  EXPECT_THAT(active("hourly"), ElementsAre(first[0].metadata().name()));
  pass(minutes(5));
  EXPECT_EQ(end_jobs("hourly"), 1U);
  pass(seconds(1));
  EXPECT_THAT(active("hourly"), IsEmpty());
  EXPECT_EQ(get_one("hourly").status().last_successful_time().seconds(), kBegin + 1800 + 301);
  EXPECT_THAT(told("hourly"), ElementsAre("SuccessfulCreate: Created job " + first[0].metadata().name(),
                                          "SawCompletedJob: Saw completed job: " + first[0].metadata().name() +
                                              ", condition: Complete"));
  for (int i = 0; i < 4; ++i) {
    pass(hours(1));
    EXPECT_EQ(end_jobs("hourly"), 1U);
  }
  pass(seconds(1));
  EXPECT_THAT(times("hourly"), ElementsAre("2030-01-01T02:30:00Z", "2030-01-01T03:30:00Z", "2030-01-01T04:30:00Z"));
  pass(hours(1));
  end_jobs("hourly", false);
  pass(hours(1));
  end_jobs("hourly", false);
  pass(seconds(1));
  EXPECT_THAT(jobs("hourly"), SizeIs(4)) << "three that ended well, and one that failed";
}

TEST_F(SimulatedCronJobs, PoliciesSayWhatBecomesOfTheOneThatRuns) {
  for (const char* policy : {"Allow", "Forbid", "Replace"}) {
    auto cron_job = make_cron_job(policy == std::string("Allow")    ? "allow"
                                  : policy == std::string("Forbid") ? "forbid"
                                                                    : "replace",
                                  "* * * * *");
    cron_job.mutable_spec()->set_concurrency_policy(policy);
    create_one(cron_job);
  }
  pass(minutes(3) + seconds(1));
  EXPECT_THAT(active("allow"), SizeIs(3));
  EXPECT_THAT(times("forbid"), ElementsAre("2030-01-01T00:01:00Z"));
  EXPECT_THAT(times("replace"), ElementsAre("2030-01-01T00:03:00Z"));
  EXPECT_THAT(active("replace"), SizeIs(1));
  EXPECT_THAT(told("forbid"),
              Contains("JobAlreadyActive: Not starting job because prior execution is running and concurrency policy "
                       "is Forbid"));
  end_jobs("forbid");
  pass(seconds(1));
  EXPECT_THAT(times("forbid"), ElementsAre("2030-01-01T00:01:00Z", "2030-01-01T00:03:00Z")) << "the last one, late";
}

TEST_F(SimulatedCronJobs, SuspendDeadlineAndAnotherSchedule) {
  auto strict = make_cron_job("strict", "0 * * * *");
  strict.mutable_spec()->set_starting_deadline_seconds(60);
  strict.mutable_spec()->set_suspend(true);
  create_one(strict);
  auto lenient = make_cron_job("lenient", "0 * * * *");
  lenient.mutable_spec()->set_suspend(true);
  create_one(lenient);
  pass(hours(3) + minutes(30));
  for (const char* name : {"strict", "lenient"}) {
    EXPECT_THAT(jobs(name), IsEmpty());
    patch_one(name, R"({"spec":{"suspend":false}})");
  }
  pass(seconds(1));
  EXPECT_THAT(jobs("strict"), IsEmpty());
  EXPECT_THAT(told("strict"), ElementsAre("MissSchedule: Missed scheduled time to start a job: Tue, 01 Jan 2030 "
                                          "03:00:00 +0000"));
  EXPECT_THAT(times("lenient"), ElementsAre("2030-01-01T03:00:00Z")) << "the last of those that were missed";
  patch_one("lenient", R"({"spec":{"schedule":"15 * * * *"}})");
  pass(seconds(1));
  EXPECT_THAT(jobs("lenient"), SizeIs(1)) << "quarter past three is past";
  pass(minutes(45));
  EXPECT_THAT(times("lenient"), ElementsAre("2030-01-01T03:00:00Z", "2030-01-01T04:15:00Z"));
  EXPECT_THAT(times("strict"), ElementsAre("2030-01-01T04:00:00Z"));
}

// In 2030 the clocks change on March 31 and October 27.
TEST_F(SimulatedCronJobs, BerlinsClocksChange) {
  pass(days(88));
  for (const auto& [name, schedule] :
       std::map<std::string, std::string>{{"half", "30 2 * * *"}, {"noon", "0 12 * * *"}}) {
    auto cron_job = make_cron_job(name, schedule);
    cron_job.mutable_spec()->set_time_zone("Europe/Berlin");
    create_one(cron_job);
  }
  pass(days(3));
  EXPECT_THAT(times("half"), ElementsAre("2030-03-30T02:30:00+01:00", "2030-04-01T02:30:00+02:00"))
      << "on March 31 there was no half past two";
  EXPECT_THAT(times("noon"),
              ElementsAre("2030-03-30T12:00:00+01:00", "2030-03-31T12:00:00+02:00", "2030-04-01T12:00:00+02:00"));
}

TEST_F(SimulatedCronJobs, TwiceHalfPastTwoInAutumn) {
  pass(days(299));
  auto cron_job = make_cron_job("half", "30 2 * * *");
  cron_job.mutable_spec()->set_time_zone("Europe/Berlin");
  create_one(cron_job);
  pass(hours(6));
  EXPECT_THAT(times("half"), ElementsAre("2030-10-27T02:30:00+02:00", "2030-10-27T02:30:00+01:00"));
}

// The controller ends after the Job was made and before the status says so: made by hand here, for the moment is short.
TEST_F(SimulatedCronJobs, AJobWhoseStatusWasLostIsTakenAndNotMadeAgain) {
  create_one(make_cron_job("hourly", "30 * * * *"));
  pass(minutes(30) + seconds(1));
  ASSERT_THAT(active("hourly"), SizeIs(1));
  patch_one("hourly", R"({"status":{"active":null,"lastScheduleTime":null}})", "status");
  pass(seconds(1));
  EXPECT_THAT(jobs("hourly"), SizeIs(1));
  EXPECT_THAT(active("hourly"), SizeIs(1));
  EXPECT_EQ(get_one("hourly").status().last_schedule_time().seconds(), kBegin + 1800);
  EXPECT_THAT(told("hourly"), Contains("UnexpectedJob: Saw a job that the controller did not create or forgot: "
                                       "hourly-" +
                                       std::to_string(kBegin / 60 + 30)));
  pass(hours(1));
  EXPECT_THAT(jobs("hourly"), SizeIs(2));
}

TEST_F(SimulatedCronJobs, AJobThatSomebodyDeletesIsMissed) {
  create_one(make_cron_job("hourly", "30 * * * *"));
  pass(minutes(31));
  const auto name = active("hourly").at(0);
  in_turn([&] {
    metav1::DeleteOptions how;
    how.set_propagation_policy("Background");
    EXPECT_TRUE(plane->remove<Job>(name, how).ok());
  });
  pass(seconds(1));
  EXPECT_THAT(active("hourly"), IsEmpty());
  EXPECT_THAT(told("hourly"), Contains("MissingJob: Active job went missing: " + name));
  EXPECT_THAT(jobs("hourly"), IsEmpty()) << "its run was";
}

// Nothing is asked of anybody while nothing is due.
TEST_F(SimulatedCronJobs, AYearOfWaitingCostsNothing) {
  create_one(make_cron_job("newyear", "0 0 1 1 *"));
  pass(hours(1));
  const auto before = get_one("newyear").metadata().resource_version();
  const auto fired = plane->advance(seconds(1))->fired;
  pass(days(300));
  // The plane itself has something every three minutes; a look a minute would be 432,000.
  EXPECT_LT(plane->advance(seconds(1))->fired - fired, 150'000U);
  EXPECT_EQ(get_one("newyear").metadata().resource_version(), before);
  pass(days(65));
  EXPECT_THAT(times("newyear"), ElementsAre("2031-01-01T00:00:00Z"));
}

// GANTRY_CRON_JOBS and GANTRY_CRON_MINUTES: more than a test needs, to measure.
TEST_F(SimulatedCronJobs, ManyEachMinute) {
  const auto number = [](const char* name, int otherwise) {
    const char* text = std::getenv(name);
    return text != nullptr ? std::atoi(text) : otherwise;
  };
  const int count = number("GANTRY_CRON_JOBS", 20), length = number("GANTRY_CRON_MINUTES", 6);
  for (int i = 0; i < count; ++i) create_one(make_cron_job("many-" + std::to_string(i), "* * * * *"));
  const auto begin = std::chrono::steady_clock::now();
  size_t made = 0;
  for (int minute = 0; minute < length; ++minute) {
    pass(minutes(1));
    made += end_jobs("");
  }
  pass(seconds(1));
  const auto took = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
  std::printf("%d CronJobs, %d minutes: %zu Jobs made, ended and removed in %.1f s\n", count, length, made, took);
  EXPECT_EQ(made, static_cast<size_t>(count) * static_cast<size_t>(length - 1));
  for (int i = 0; i < count; ++i) EXPECT_LE(jobs("many-" + std::to_string(i)).size(), 4U);
}

// On the machine's own time, with controllers that really end.
struct CronJobs : Workloads {
  void SetUp() override { start({.plugins = {"cronjob"}}); }
  static std::string lost_status(int64_t last_seconds) {
    const std::chrono::sys_seconds at{seconds(last_seconds)};
    const auto day = std::chrono::floor<days>(at);
    const std::chrono::year_month_day date(day);
    const auto second = static_cast<int>((at - day).count());
    std::array<char, 128> text{};
    std::snprintf(text.data(), text.size(),
                  R"({"status":{"active":null,"lastScheduleTime":"%04d-%02u-%02uT%02d:%02d:%02dZ"}})",
                  static_cast<int>(date.year()), static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()),
                  second / 3600, second / 60 % 60, second % 60);
    return text.data();
  }
};

TEST_F(CronJobs, ControllersThatEndInTheMidstMakeOneJobARun) {
  View<Job> jobs(*plane);
  View<CronJob> cron_jobs(*plane);
  auto cron_job = make_cron_job("steady", "@every 1h");
  cron_job.mutable_spec()->set_suspend(true);
  const auto made = must(plane->create(cron_job));
  const int64_t last = made.metadata().creation_timestamp().seconds() - 3660;
  must(plane->patch<CronJob>("steady", lost_status(last), "status"));
  must(plane->patch<CronJob>("steady", R"({"spec":{"suspend":false}})"));
  const auto is_settled = [&](const auto& all) {
    const auto it = all.find("steady");
    return it != all.end() && it->second.status().active_size() == 1 &&
           it->second.status().last_schedule_time().seconds() == last + 3600;
  };
  ASSERT_TRUE(cron_jobs.wait(is_settled));
  for (int round = 0; round < 3; ++round) {
    plane->stop_controllers();
    must(plane->patch<CronJob>("steady", lost_status(last), "status"));
    ASSERT_TRUE(cron_jobs.wait([&](const auto& all) { return all.at("steady").status().active_size() == 0; }));
    ASSERT_TRUE(plane->restart_controllers().ok());
    ASSERT_TRUE(cron_jobs.wait(is_settled));
    ASSERT_TRUE(plane->reload("cronjob").ok());
  }
  EXPECT_EQ(jobs.ever(), 1U);
  EXPECT_EQ(must(plane->get<CronJob>("steady")).status().active(0).name(),
            "steady-" + std::to_string((last + 3600) / 60));
}

// Each look writes a status; somebody writes the object all the time.
TEST_F(CronJobs, WritesThatConflictLoseNothing) {
  View<Job> jobs(*plane);
  View<CronJob> cron_jobs(*plane);
  auto cron_job = make_cron_job("steady", "@every 1h");
  cron_job.mutable_spec()->set_suspend(true);
  const auto made = must(plane->create(cron_job));
  const int64_t last = made.metadata().creation_timestamp().seconds() - 3660;
  must(plane->patch<CronJob>("steady", lost_status(last), "status"));
  std::atomic<bool> done = false;
  std::thread noise([&] {
    for (int i = 0; !done; ++i) {
      (void)plane->patch<CronJob>("steady", R"({"metadata":{"annotations":{"round":")" + std::to_string(i) + R"("}}})");
    }
  });
  must(plane->patch<CronJob>("steady", R"({"spec":{"suspend":false}})"));
  EXPECT_TRUE(cron_jobs.wait([](const auto& all) { return all.at("steady").status().active_size() == 1; }));
  auto job = plane->list<Job>().at(0);
  set_ended(job, true, job.metadata().creation_timestamp().seconds());
  must(plane->update(job, "status"));
  EXPECT_TRUE(cron_jobs.wait([](const auto& all) {
    const auto& status = all.at("steady").status();
    return status.active_size() == 0 && status.has_last_successful_time();
  }));
  done = true;
  noise.join();
  EXPECT_EQ(jobs.ever(), 1U);
}

}  // namespace
}  // namespace gantry::integration
