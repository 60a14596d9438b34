// Indexed Jobs: which pod is made for which index, and how indexes succeed and fail.
#include <gmock/gmock.h>

#include "job_world.hpp"

namespace gantry::job {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

struct IndexedTest : testing::Test {
  void start(batchv1::Job job) {
    world.put(std::move(job));
    world.settle();
  }
  static const std::string& index_of(const corev1::Pod& pod) { return pod.metadata().annotations().at(kIndex); }
  std::vector<std::string> indexes() const {
    std::vector<std::string> out;
    for (const auto& pod : world.active()) out.push_back(index_of(pod));
    std::sort(out.begin(), out.end());
    return out;
  }
  void end(const std::string& index, int32_t code) {
    for (const auto& pod : world.active()) {
      if (index_of(pod) != index) continue;
      world.end_pod(pod, code);
      return world.settle();
    }
    ADD_FAILURE() << "no pod of index " << index;
  }
  JobWorld world;
};

TEST_F(IndexedTest, EachPodIsToldItsIndex) {
  auto job = JobWorld::make_job(2, 3, true);
  auto& spec = *job.mutable_spec()->mutable_template_()->mutable_spec();
  spec.add_init_containers()->set_name("prepare");
  auto& own = *spec.add_containers();
  own.set_name("own");
  auto& variable = *own.add_env();
  variable.set_name("JOB_COMPLETION_INDEX");
  variable.set_value("mine");
  start(std::move(job));
  EXPECT_THAT(indexes(), ElementsAre("0", "1"));
  const auto pods = world.active();
  const auto& pod = *std::find_if(pods.begin(), pods.end(), [](const auto& one) { return index_of(one) == "1"; });
  EXPECT_EQ(pod.metadata().generate_name(), "work-1-");
  EXPECT_EQ(pod.metadata().labels().at(kIndex), "1");
  EXPECT_EQ(pod.spec().hostname(), "work-1");
  const std::string path = "metadata.labels['batch.kubernetes.io/job-completion-index']";
  ASSERT_EQ(pod.spec().containers(0).env_size(), 1);
  EXPECT_EQ(pod.spec().containers(0).env(0).value_from().field_ref().field_path(), path);
  EXPECT_EQ(pod.spec().init_containers(0).env(0).value_from().field_ref().field_path(), path);
  ASSERT_EQ(pod.spec().containers(1).env_size(), 1);
  EXPECT_EQ(pod.spec().containers(1).env(0).value(), "mine");
  EXPECT_EQ(pod.metadata().annotations().count(kIndexFailures), 0U);
}

TEST_F(IndexedTest, ALongNameKeepsItsIndex) {
  auto job = JobWorld::make_job(1, 1, true);
  job.mutable_metadata()->set_name(std::string(70, 'n'));
  const auto pod = NewPods(job).at(12, nullptr);
  EXPECT_EQ(pod.metadata().generate_name(), std::string(54, 'n') + "-12-");
}

TEST_F(IndexedTest, EveryIndexOnceAndThenItIsDone) {
  start(JobWorld::make_job(2, 4, true));
  end("1", 0);
  EXPECT_EQ(world.job.status().completed_indexes(), "1");
  EXPECT_THAT(indexes(), ElementsAre("0", "2"));
  end("2", 0);
  EXPECT_EQ(world.job.status().completed_indexes(), "1,2");
  EXPECT_THAT(indexes(), ElementsAre("0", "3"));
  end("0", 1);
  world.pass_ms(10'000);
  world.settle();
  EXPECT_THAT(indexes(), ElementsAre("0", "3"));
  end("0", 0);
  end("3", 0);
  EXPECT_EQ(world.job.status().completed_indexes(), "0-3");
  EXPECT_EQ(world.job.status().succeeded(), 4);
  EXPECT_EQ(world.job.status().failed(), 1);
  EXPECT_TRUE(world.is("Complete"));
}

// Pods that somebody else made for a Job: of an index that is taken, of none, of one too high.
TEST_F(IndexedTest, PodsThatDoNotBelongGo) {
  start(JobWorld::make_job(2, 2, true));
  for (const char* index : {"1", "x", "7"}) {
    auto pod = world.active().front();
    pod.mutable_metadata()->set_name(std::string("odd-") + index);
    pod.mutable_metadata()->set_uid(std::string("uid-odd-") + index);
    (*pod.mutable_metadata()->mutable_annotations())[kIndex] = index;
    world.write(pod);
  }
  world.settle();
  EXPECT_THAT(indexes(), ElementsAre("0", "1"));
  EXPECT_EQ(world.job.status().failed(), 0);
}

TEST_F(IndexedTest, IndexesFailEachByItself) {
  auto job = JobWorld::make_job(3, 3, true);
  job.mutable_spec()->set_backoff_limit(2'147'483'647);
  job.mutable_spec()->set_backoff_limit_per_index(1);
  start(std::move(job));
  end("1", 1);
  EXPECT_THAT(indexes(), ElementsAre("0", "2"));
  EXPECT_EQ(world.due_ms, 10'000);
  EXPECT_EQ(world.job.status().failed(), 0) << "the failed pod waits for its successor";
  world.pass_ms(10'000);
  world.settle();
  EXPECT_EQ(world.job.status().failed(), 1);
  EXPECT_THAT(indexes(), ElementsAre("0", "1", "2"));
  for (const auto& pod : world.active()) {
    EXPECT_EQ(pod.metadata().annotations().at(kIndexFailures), index_of(pod) == "1" ? "1" : "0");
  }
  end("1", 1);
  EXPECT_EQ(world.job.status().failed_indexes(), "1");
  EXPECT_THAT(indexes(), ElementsAre("0", "2")) << "given up";
  end("0", 0);
  end("2", 0);
  const std::string why = "FailedIndexes: Job has failed indexes";
  EXPECT_THAT(world.conditions(), ElementsAre("FailureTarget=True " + why, "Failed=True " + why));
  EXPECT_EQ(world.job.status().completed_indexes(), "0,2");
  EXPECT_EQ(world.job.status().failed(), 2);
}

TEST_F(IndexedTest, TooManyFailedIndexesEndTheJob) {
  auto job = JobWorld::make_job(4, 4, true);
  job.mutable_spec()->set_backoff_limit(2'147'483'647);
  job.mutable_spec()->set_backoff_limit_per_index(0);
  job.mutable_spec()->set_max_failed_indexes(1);
  start(std::move(job));
  end("0", 1);
  EXPECT_FALSE(world.is("FailureTarget"));
  end("3", 1);
  const std::string why = "MaxFailedIndexesExceeded: Job has exceeded the specified maximal number of failed indexes";
  EXPECT_THAT(world.conditions(), ElementsAre("FailureTarget=True " + why, "Failed=True " + why));
  EXPECT_EQ(world.job.status().failed_indexes(), "0,3");
  EXPECT_EQ(world.job.status().failed(), 4);
}

TEST_F(IndexedTest, ASuccessPolicyNeedsNotAll) {
  auto job = JobWorld::make_job(3, 3, true);
  job.mutable_spec()->mutable_success_policy()->add_rules()->set_succeeded_indexes("1");
  start(std::move(job));
  end("0", 0);
  EXPECT_THAT(world.conditions(), IsEmpty());
  end("1", 0);
  const std::string why = "SuccessPolicy: Matched rules at index 0";
  EXPECT_THAT(world.conditions(), ElementsAre("SuccessCriteriaMet=True " + why, "Complete=True " + why));
  EXPECT_THAT(indexes(), IsEmpty()) << "the rest is stopped";
  EXPECT_EQ(world.job.status().completed_indexes(), "0,1");
  EXPECT_EQ(world.job.status().failed(), 0) << "and has not failed";
}

TEST_F(IndexedTest, ItGrowsAndShrinks) {
  start(JobWorld::make_job(2, 2, true));
  world.change([](auto& spec) {
    spec.set_completions(3);
    spec.set_parallelism(3);
  });
  world.settle();
  EXPECT_THAT(indexes(), ElementsAre("0", "1", "2"));
  world.change([](auto& spec) {
    spec.set_completions(1);
    spec.set_parallelism(1);
  });
  world.settle();
  EXPECT_THAT(indexes(), ElementsAre("0"));
  EXPECT_EQ(world.job.status().failed(), 0);
}

TEST_F(IndexedTest, APolicyFailsAnIndexAtOnceOrIgnoresAFailure) {
  auto job = JobWorld::make_job(2, 2, true);
  auto& spec = *job.mutable_spec();
  spec.set_backoff_limit(2'147'483'647);
  spec.set_backoff_limit_per_index(5);
  for (const auto& [action, code] : {std::pair{"FailIndex", 3}, std::pair{"Ignore", 42}}) {
    auto& rule = *spec.mutable_pod_failure_policy()->add_rules();
    rule.set_action(action);
    rule.mutable_on_exit_codes()->set_operator_("In");
    rule.mutable_on_exit_codes()->add_values(code);
  }
  start(std::move(job));
  end("0", 3);
  EXPECT_EQ(world.job.status().failed_indexes(), "0");
  end("1", 42);
  world.pass_ms(10'000);
  world.settle();
  ASSERT_THAT(indexes(), ElementsAre("1"));
  const auto annotations = world.active().front().metadata().annotations();
  EXPECT_EQ(annotations.at(kIndexFailures) + " " + annotations.at(kIndexIgnored), "0 1");
  EXPECT_EQ(world.job.status().failed(), 1);
}

}  // namespace
}  // namespace gantry::job
