// The job and ttl-after-finished plugins in a real control plane, with the simulated nodes of plugins/runtime/sim.
#include <chrono>

#include "gantry/conditions.hpp"
#include "gantry/times.hpp"
#include "k8s.io/api/batch/v1/job.pb.h"
#include "tests/integration/workloads.hpp"

namespace gantry::integration {
namespace {

using batchv1::Job;
using std::chrono::seconds;

constexpr char kTracking[] = "batch.kubernetes.io/job-tracking";

// `behaviour`: annotations of plugins/runtime/sim.
Job make_job(const std::string& name, int32_t parallelism, int32_t completions,
             const std::map<std::string, std::string>& behaviour) {
  Job job;
  job.mutable_metadata()->set_name(name);
  auto& spec = *job.mutable_spec();
  spec.set_parallelism(parallelism);
  spec.set_completions(completions);
  fill_template(*spec.mutable_template_(), name, "work:1");
  spec.mutable_template_()->mutable_spec()->set_restart_policy("Never");
  auto& annotations = *spec.mutable_template_()->mutable_metadata()->mutable_annotations();
  for (const auto& [key, value] : behaviour) annotations["sim.gantry.dev/" + key] = value;
  return job;
}

bool is(const Job& job, const char* condition) { return sdk::is_condition_true(job.status().conditions(), condition); }

std::string text_of(const Job& job) {
  const auto& status = job.status();
  std::string out = std::to_string(status.active()) + " active, " + std::to_string(status.terminating()) +
                    " terminating, " + std::to_string(status.succeeded()) + " succeeded, " +
                    std::to_string(status.failed()) + " failed";
  for (const auto& c : status.conditions()) out += ", " + c.type() + "=" + c.status() + " " + c.reason();
  return out;
}

class Jobs : public Workloads {
 protected:
  void SetUp() override {}
  void begin(bool simulated, std::vector<std::string> more = {}) {
    TestPlane::Options options;
    options.plugins = {"sim", "job"};
    options.plugins.insert(options.plugins.end(), more.begin(), more.end());
    options.config["sim"] = {{"nodes", 4}, {"heartbeat_ms", 0}};
    options.scheduler = true;
    if (simulated) options.simulated_seed = 1;
    start(std::move(options));
  }
  // On simulated time, what a test does takes turns with what goes on inside.
  template <typename Act>
  auto act(Act&& act) {
    const simulation::Turn turn(&plane->time()->turns(), "the test");
    return act();
  }
  void create(const Job& job) {
    act([&] { must(plane->create(job)); });
  }
  void advance(seconds by) {
    const auto state = plane->advance(by);
    ASSERT_TRUE(state.ok()) << state.error().message();
    EXPECT_EQ(state->broken, 0U);
  }
  Job job(const std::string& name) { return must(plane->get<Job>(name)); }
  size_t tracked() {
    const auto pods = plane->list<Pod>();
    return static_cast<size_t>(std::count_if(
        pods.begin(), pods.end(), [](const auto& pod) { return sdk::has_finalizer(pod.metadata(), kTracking); }));
  }
};

TEST_F(Jobs, RunsSoManyAtATimeToTheirEnd) {
  begin(true);
  create(make_job("work", 2, 5, {{"run-for", "30s"}}));
  advance(seconds(10));
  EXPECT_EQ(text_of(job("work")), "2 active, 0 terminating, 0 succeeded, 0 failed");
  EXPECT_EQ(job("work").status().ready(), 2);
  advance(seconds(60));
  EXPECT_EQ(job("work").status().succeeded(), 4);
  advance(seconds(30));
  EXPECT_EQ(text_of(job("work")),
            "0 active, 0 terminating, 5 succeeded, 0 failed, SuccessCriteriaMet=True CompletionsReached, "
            "Complete=True CompletionsReached");
  EXPECT_EQ(job("work").status().completion_time().seconds() - job("work").status().start_time().seconds(), 90);
  EXPECT_EQ(plane->list<Pod>().size(), 5U);
  EXPECT_EQ(tracked(), 0U);
  const auto events = plane->events("work");
  EXPECT_EQ(events.back(), "Completed: Job completed");
  for (const auto& pod : plane->list<Pod>("batch.kubernetes.io/job-name=work,job-name=work")) {
    EXPECT_EQ(pod.metadata().labels().at("batch.kubernetes.io/controller-uid"), job("work").metadata().uid());
  }
}

TEST_F(Jobs, FailuresAreWaitedOutAndThenItFails) {
  begin(true);
  auto failing = make_job("work", 1, 1, {{"run-for", "1s"}, {"exit-code", "3"}});
  failing.mutable_spec()->set_backoff_limit(2);
  create(failing);
  std::vector<int64_t> made;
  advance(seconds(120));
  for (const auto& pod : plane->list<Pod>()) made.push_back(pod.metadata().creation_timestamp().seconds());
  std::sort(made.begin(), made.end());
  ASSERT_EQ(made.size(), 3U);
  EXPECT_EQ(made[1] - made[0], 11);
  EXPECT_EQ(made[2] - made[1], 21);
  EXPECT_EQ(text_of(job("work")),
            "0 active, 0 terminating, 0 succeeded, 3 failed, FailureTarget=True BackoffLimitExceeded, "
            "Failed=True BackoffLimitExceeded");
  EXPECT_EQ(tracked(), 0U);
}

TEST_F(Jobs, ADeadlineEndsWhatRuns) {
  begin(true);
  auto slow = make_job("work", 2, 2, {{"run-for", "1h"}, {"stop-latency", "5s"}});
  slow.mutable_spec()->set_active_deadline_seconds(60);
  create(slow);
  advance(seconds(62));
  EXPECT_EQ(text_of(job("work")),
            "0 active, 2 terminating, 0 succeeded, 2 failed, FailureTarget=True DeadlineExceeded");
  advance(seconds(10));
  EXPECT_TRUE(is(job("work"), "Failed")) << text_of(job("work"));
  EXPECT_TRUE(plane->list<Pod>().empty());
}

TEST_F(Jobs, SuspendedResumedAndCountedAnew) {
  begin(true);
  create(make_job("work", 2, 2, {{"run-for", "30s"}}));
  advance(seconds(10));
  act([&] { must(plane->patch<Job>("work", R"({"spec":{"suspend":true}})")); });
  advance(seconds(100));
  EXPECT_EQ(text_of(job("work")), "0 active, 0 terminating, 0 succeeded, 0 failed, Suspended=True JobSuspended");
  EXPECT_TRUE(plane->list<Pod>().empty());
  EXPECT_FALSE(job("work").status().has_start_time());
  act([&] { must(plane->patch<Job>("work", R"({"spec":{"suspend":false}})")); });
  advance(seconds(40));
  EXPECT_TRUE(is(job("work"), "Complete")) << text_of(job("work"));
  EXPECT_EQ(job("work").status().completion_time().seconds() - job("work").status().start_time().seconds(), 30);
}

TEST_F(Jobs, IndexesFailAndSucceedEachByItself) {
  begin(true);
  auto indexed = make_job("work", 3, 3, {{"run-for", "1s"}, {"exit-code", "3"}});
  indexed.mutable_spec()->set_completion_mode("Indexed");
  indexed.mutable_spec()->set_backoff_limit_per_index(1);
  create(indexed);
  advance(seconds(5));
  EXPECT_EQ(plane->list<Pod>().size(), 3U);
  advance(seconds(60));
  EXPECT_EQ(text_of(job("work")),
            "0 active, 0 terminating, 0 succeeded, 6 failed, FailureTarget=True FailedIndexes, "
            "Failed=True FailedIndexes");
  EXPECT_EQ(job("work").status().failed_indexes(), "0-2");
  for (const auto& pod : plane->list<Pod>("batch.kubernetes.io/job-completion-index=1")) {
    EXPECT_EQ(pod.spec().hostname(), "work-1");
    EXPECT_EQ(pod.metadata().name().rfind("work-1-", 0), 0U);
  }
}

TEST_F(Jobs, IsDeletedWithItsPodsSomeTimeAfterItsEnd) {
  begin(true, {"ttl-after-finished", "garbage-collector"});
  auto passing = make_job("work", 2, 2, {{"run-for", "10s"}});
  passing.mutable_spec()->set_ttl_seconds_after_finished(60);
  create(passing);
  advance(seconds(65));
  EXPECT_TRUE(is(job("work"), "Complete")) << text_of(job("work"));
  advance(seconds(10));
  EXPECT_EQ(plane->get<Job>("work").error().code(), 404);
  EXPECT_TRUE(plane->list<Pod>().empty());
}

// Whoever deletes a Job while it works gets rid of its pods, or keeps them without its finalizers.
TEST_F(Jobs, ADeletedJobHoldsNoPods) {
  begin(true, {"garbage-collector"});
  create(make_job("gone", 2, 2, {{"run-for", "1h"}}));
  create(make_job("kept", 2, 2, {{"run-for", "1h"}}));
  advance(seconds(10));
  metav1::DeleteOptions background, orphan;
  background.set_propagation_policy("Background");
  orphan.set_propagation_policy("Orphan");
  act([&] {
    EXPECT_TRUE(plane->remove<Job>("gone", background).ok());
    EXPECT_TRUE(plane->remove<Job>("kept", orphan).ok());
  });
  advance(seconds(60));
  EXPECT_TRUE(plane->list<Job>().empty());
  const auto pods = plane->list<Pod>();
  EXPECT_EQ(pods.size(), 2U);
  for (const auto& pod : pods) EXPECT_EQ(pod.metadata().owner_references_size(), 0) << pod.metadata().name();
  EXPECT_EQ(tracked(), 0U);
}

// The plugin is exchanged and the controllers begin anew again and again while pods come and go.
TEST_F(Jobs, CountsEachPodOnceWhoeverGoesOn) {
  begin(false);
  View<Job> jobs(*plane);
  auto indexed = make_job("indexed", 8, 80, {{"run-for", "30ms"}});
  indexed.mutable_spec()->set_completion_mode("Indexed");
  must(plane->create(indexed));
  must(plane->create(make_job("plain", 8, 60, {{"run-for", "30ms"}})));
  const auto some = [&](int32_t done) {
    return [=](const View<Job>::Objects& all) {
      return std::all_of(all.begin(), all.end(),
                         [&](const auto& item) { return item.second.status().succeeded() >= done; });
    };
  };
  for (int round = 1; round <= 5; ++round) {
    ASSERT_TRUE(jobs.wait(some(8 * round))) << text_of(job("plain")) << "; " << text_of(job("indexed"));
    if (round % 2 == 1) {
      ASSERT_TRUE(plane->reload("job").ok());
    } else {
      ASSERT_TRUE(plane->restart_controllers().ok());
    }
  }
  ASSERT_TRUE(jobs.wait([](const auto& all) {
    return std::all_of(all.begin(), all.end(), [](const auto& item) { return is(item.second, "Complete"); });
  })) << text_of(job("plain"))
      << "; " << text_of(job("indexed"));
  EXPECT_EQ(job("plain").status().succeeded(), 60);
  EXPECT_EQ(job("plain").status().failed(), 0);
  EXPECT_EQ(job("indexed").status().completed_indexes(), "0-79");
  EXPECT_EQ(plane->list<Pod>("job-name=plain").size(), 60U);
  EXPECT_EQ(plane->list<Pod>("job-name=indexed").size(), 80U);
  EXPECT_EQ(tracked(), 0U);
}

}  // namespace
}  // namespace gantry::integration
