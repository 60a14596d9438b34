// Jobs through kubectl, with real containers.
#include "tests/e2e/suite.hpp"

namespace gantry::e2e {
namespace {

class JobsByKubectl : public Suite {
 protected:
  std::string job(const std::string& name, const std::string& script, const std::string& spec = {}) const {
    return "apiVersion: batch/v1\nkind: Job\nmetadata:\n  name: " + name + "\nspec:\n" + spec +
           "  template:\n    spec:\n      restartPolicy: Never\n      terminationGracePeriodSeconds: 1\n"
           "      containers:\n      - name: main\n        image: " +
           Cluster::kImage + "\n        command: [\"/bin/sh\", \"-c\", \"" + script + "\"]\n";
  }
};

TEST_F(JobsByKubectl, EachIndexIsToldItsNumber) {
  k({"apply", "-f", "-"}, job("count", "echo $(hostname) is $JOB_COMPLETION_INDEX",
                              "  completionMode: Indexed\n  completions: 3\n  parallelism: 2\n"));
  k({"wait", "--for=condition=complete", "job/count", "--timeout=50s"});
  EXPECT_EQ(path("job/count", "{.status.succeeded} {.status.completedIndexes}"), "3 0-2");
  EXPECT_EQ(k({"logs", "-l", "batch.kubernetes.io/job-completion-index=1"}), "count-1 is 1\n");
  EXPECT_TRUE(contains(k({"get", "job", "count"}), "3/3"));
  k({"delete", "job", "count", "--timeout=50s"});
  k({"wait", "--for=delete", "pod", "-l", "job-name=count", "--timeout=50s"});
}

TEST_F(JobsByKubectl, AFailureThatThePolicyKnowsEndsIt) {
  k({"apply", "-f", "-"}, job("fail", "exit 3",
                              "  podFailurePolicy:\n    rules:\n    - action: FailJob\n"
                              "      onExitCodes: {operator: In, values: [3]}\n"));
  k({"wait", "--for=condition=failed", "job/fail", "--timeout=50s"});
  EXPECT_EQ(path("job/fail", "{.status.conditions[?(@.type=='Failed')].reason}"), "PodFailurePolicy");
  EXPECT_TRUE(contains(k({"describe", "job", "fail"}), "failed with exit code 3 matching FailJob rule at index 0"));
}

}  // namespace
}  // namespace gantry::e2e
