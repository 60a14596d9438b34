// The controller's process ends at each of its writes, before the server did it and after, and another one goes on:
// every pod is in the counts once.
#include <gtest/gtest.h>

#include <functional>
#include <set>

#include "job_world.hpp"

namespace gantry::job {
namespace {

struct Story {
  batchv1::Job job;
  // How the pod that was made as the nth ends; below 0: it runs on.
  std::function<int32_t(const corev1::Pod&, size_t)> code;
};

struct Outcome {
  int32_t succeeded = 0, failed = 0;
  std::string completed;
  bool operator==(const Outcome&) const = default;
};
std::ostream& operator<<(std::ostream& out, const Outcome& outcome) {
  return out << outcome.succeeded << " succeeded, " << outcome.failed << " failed, " << outcome.completed;
}

size_t number_of(const corev1::Pod& pod) {
  const auto& name = pod.metadata().name();
  return std::stoul(name.substr(name.rfind('-') + 1)) - 10'000;
}

// Plays a story to its end; the process ends once, at its `write`th write. False: there were not so many.
bool play(const Story& story, int write, bool after, Outcome& outcome) {
  JobWorld world;
  world.put(story.job);
  world.die_at(write, after);
  bool died = false;
  std::set<std::string> ended_well;
  for (int round = 0; round < 400; ++round) {
    world.settle();
    if (world.dead) {
      died = true;
      world.restart();
      continue;
    }
    if (is_finished(world.job)) break;
    bool acted = false;
    for (const auto& pod : world.active()) {
      const int32_t code = story.code(pod, number_of(pod));
      if (code < 0) continue;
      if (code == 0) ended_well.insert(pod.metadata().uid());
      world.end_pod(pod, code);
      acted = true;
      if (!story.job.spec().has_completions()) break;
    }
    if (!acted) world.pass_ms(std::max<int64_t>(world.due_ms, 1'000));
  }
  const auto& status = world.job.status();
  EXPECT_TRUE(is_finished(world.job)) << "write " << write << (after ? " after" : " before");
  outcome = {status.succeeded(), status.failed(), status.completed_indexes()};
  for (const auto& pod : world.pods()) EXPECT_TRUE(pod.metadata().finalizers().empty()) << pod.metadata().name();
  if (!is_indexed(story.job)) {
    EXPECT_EQ(static_cast<size_t>(status.succeeded()), ended_well.size());
  }
  return died;
}

// At every write there is; all end the same.
void play_all(const Story& story, const Outcome& wanted, int at_least) {
  Outcome calm;
  EXPECT_FALSE(play(story, 0, false, calm));
  EXPECT_EQ(calm, wanted);
  for (const bool after : {false, true}) {
    int write = 1;
    Outcome outcome;
    for (; play(story, write, after, outcome); ++write) {
      EXPECT_EQ(outcome, wanted) << "the process ended " << (after ? "after" : "before") << " its write " << write;
    }
    EXPECT_GT(write, at_least);
  }
}

TEST(ExactlyOnce, PodsThatFailAndPodsThatSucceed) {
  // The first three to be made fail. A pod that was made and not told of counts as made.
  play_all({JobWorld::make_job(2, 4), [](const auto&, size_t n) { return n <= 3 ? 1 : 0; }}, {4, 3, ""}, 20);
}

TEST(ExactlyOnce, AWorkQueue) {
  play_all({JobWorld::make_job(3, -1), [](const auto&, size_t n) { return n == 2 ? 1 : 0; }}, {2, 1, ""}, 10);
}

TEST(ExactlyOnce, Indexes) {
  play_all({JobWorld::make_job(3, 5, true), [](const auto&, size_t) { return 0; }}, {5, 0, "0-4"}, 13);
}

// Each of two indexes fails three times and is given up; how often is known from pod to pod.
TEST(ExactlyOnce, IndexesThatFailForGood) {
  auto job = JobWorld::make_job(2, 3, true);
  job.mutable_spec()->set_backoff_limit(1'000'000);
  job.mutable_spec()->set_backoff_limit_per_index(2);
  play_all({job, [](const corev1::Pod& pod, size_t) { return pod.metadata().annotations().at(kIndex) == "1" ? 0 : 1; }},
           {1, 6, "1"}, 25);
}

// What still runs when the Job is given up has failed.
TEST(ExactlyOnce, AJobThatTakesTooLong) {
  auto job = JobWorld::make_job(3, 3);
  job.mutable_spec()->set_active_deadline_seconds(30);
  play_all({job, [](const auto&, size_t) { return -1; }}, {0, 3, ""}, 10);
}

TEST(ExactlyOnce, AJobWithTooManyFailures) {
  auto job = JobWorld::make_job(3, 3);
  job.mutable_spec()->set_backoff_limit(0);
  play_all({job, [](const auto&, size_t n) { return n == 1 ? 1 : -1; }}, {0, 3, ""}, 10);
}

}  // namespace
}  // namespace gantry::job
