// Jobs: what failures of pods mean, what success is, lists of indexes, and the status.
#include "core/kinds/batch/job_testing.hpp"
#include "core/kinds/parts/job_indexes.hpp"

namespace gantry::kinds::batch_job_policy_test {
namespace {

using namespace job_testing;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;
using ::testing::StartsWith;

Problems failure(std::string_view rule) {
  return of_new(R"({"spec":{"podFailurePolicy":{"rules":[)" + std::string(rule) + "]}}}");
}
Problems success(std::string_view rules) {
  return of_new(R"({"spec":{"completionMode":"Indexed","completions":5,"successPolicy":{"rules":[)" +
                std::string(rules) + "]}}}");
}
std::string many(size_t count, std::string_view item) {
  std::string out;
  for (size_t i = 0; i < count; ++i) out.append(i > 0 ? "," : "").append(item);
  return out;
}

constexpr std::string_view kRule = "spec.podFailurePolicy.rules[0]";

TEST(JobPolicy, FailuresAreTold) {
  EXPECT_THAT(failure(R"({"action":"FailJob","onExitCodes":{"containerName":"c","operator":"In","values":[1,2]}})"),
              IsEmpty());
  EXPECT_THAT(failure(R"({"action":"Ignore","onPodConditions":[{"type":"DisruptionTarget"}]})"), IsEmpty());
  const struct {
    std::string_view rule;
    Problems problems;
  } cases[] = {
      {R"({"onPodConditions":[{"type":"A"}]})",
       {".action: Required value: valid values: [\"Count\" \"FailIndex\" \"FailJob\" \"Ignore\"]"}},
      {R"({"action":"FailIndex","onPodConditions":[{"type":"A"}]})",
       {".action: Invalid value: \"FailIndex\": requires the backoffLimitPerIndex to be set"}},
      {R"({"action":"Go","onPodConditions":[{"type":"A"}]})",
       {".action: Unsupported value: \"Go\": supported values: \"Count\", \"FailIndex\", \"FailJob\", \"Ignore\""}},
      {R"({"action":"Count"})", {": Invalid value: specifying one of OnExitCodes and OnPodConditions is required"}},
      {R"({"action":"Count","onPodConditions":[{"type":"A"}],"onExitCodes":{"operator":"NotIn","values":[0]}})",
       {": Invalid value: specifying both OnExitCodes and OnPodConditions is not supported"}},
      {R"({"action":"Count","onPodConditions":[{"type":"A","status":"Maybe"}]})",
       {".onPodConditions[0].status: Unsupported value: \"Maybe\": supported values: \"False\", \"True\", "
        "\"Unknown\""}},
      {R"({"action":"Count","onExitCodes":{"values":[1]}})",
       {".onExitCodes.operator: Required value: valid values: [\"In\" \"NotIn\"]"}},
      {R"({"action":"Count","onExitCodes":{"operator":"Near","containerName":"x","values":[]}})",
       {".onExitCodes.operator: Unsupported value: \"Near\": supported values: \"In\", \"NotIn\"",
        ".onExitCodes.containerName: Invalid value: \"x\": must be one of the container or initContainer names in the "
        "pod template",
        ".onExitCodes.values: Invalid value: []: at least one value is required"}},
      {R"({"action":"Count","onExitCodes":{"operator":"In","values":[0,2,2,1]}})",
       {".onExitCodes.values[0]: Invalid value: 0: must not be 0 for the In operator",
        ".onExitCodes.values[2]: Duplicate value: 2",
        ".onExitCodes.values: Invalid value: [0,2,2,1]: must be ordered"}},
  };
  for (const auto& one : cases) {
    Problems expected;
    for (const std::string& problem : one.problems) expected.push_back(std::string(kRule) + problem);
    EXPECT_EQ(failure(one.rule), expected) << one.rule;
  }
}

TEST(JobPolicy, ListsAreBounded) {
  constexpr std::string_view kGood = R"({"action":"Count","onPodConditions":[{"type":"A"}]})";
  EXPECT_THAT(failure(many(20, kGood)), IsEmpty());
  EXPECT_THAT(failure(many(21, kGood)),
              ElementsAre("spec.podFailurePolicy.rules: Too many: 21: must have at most 20 items"));
  EXPECT_THAT(failure(R"({"action":"Count","onPodConditions":[)" + many(21, R"({"type":"A"})") + "]}"),
              ElementsAre(StartsWith("spec.podFailurePolicy.rules[0].onPodConditions: Too many: 21")));
  std::string codes;
  for (int i = 1; i <= 256; ++i) codes += (i > 1 ? "," : "") + std::to_string(i);
  EXPECT_THAT(failure(R"({"action":"Count","onExitCodes":{"operator":"In","values":[)" + codes + "]}}"),
              ElementsAre(StartsWith("spec.podFailurePolicy.rules[0].onExitCodes.values: Too many: 256")));
  EXPECT_THAT(success(many(21, R"({"succeededCount":1})")),
              ElementsAre(StartsWith("spec.successPolicy.rules: Too many: 21")));
}

TEST(JobPolicy, SuccessIsTold) {
  EXPECT_THAT(success(R"({"succeededIndexes":"0-2,4","succeededCount":3})"), IsEmpty());
  EXPECT_THAT(of_new(R"({"spec":{"successPolicy":{"rules":[{"succeededCount":1}]}}})"),
              ElementsAre("spec.successPolicy: Invalid value: {\"rules\":[{\"succeededCount\":1}]}: requires indexed "
                          "completion mode"));
  EXPECT_THAT(success(""), ElementsAre("spec.successPolicy.rules: Required value: at least one rules must be "
                                       "specified when the successPolicy is specified"));
  EXPECT_THAT(success("{}"), ElementsAre("spec.successPolicy.rules[0]: Required value: at least one of succeededCount "
                                         "or succeededIndexes must be specified"));
  EXPECT_THAT(success(R"({"succeededCount":6})"),
              ElementsAre("spec.successPolicy.rules[0].succeededCount: Invalid value: 6: must be less than or equal to "
                          "5 (the number of specified completions)"));
  EXPECT_THAT(success(R"({"succeededIndexes":"0-1","succeededCount":3})"),
              ElementsAre("spec.successPolicy.rules[0].succeededCount: Invalid value: 3: must be less than or equal to "
                          "2 (the number of indexes in the specified succeededIndexes field)"));
  EXPECT_THAT(success(R"({"succeededIndexes":"5"})"),
              ElementsAre("spec.successPolicy.rules[0].succeededIndexes: Invalid value: \"5\": error parsing "
                          "succeededIndexes: too large index: \"5\""));
}

TEST(JobIndexes, AreCounted) {
  const auto counted = [](std::string_view list) {
    const auto count = count_indexes(list, 100);
    return count ? std::to_string(*count) : count.error().message();
  };
  EXPECT_EQ(counted(""), "0");
  EXPECT_EQ(counted("0,2-4,99"), "5");
  EXPECT_EQ(counted("1,"), "cannot convert string to integer for index: \"\"");
  EXPECT_EQ(counted("a-2"), "cannot convert string to integer for index: \"a\"");
  EXPECT_EQ(counted("2-100"), "too large index: \"100\"");
  EXPECT_EQ(counted("3-3"), "non-increasing order, previous: 3, current: 3");
  EXPECT_EQ(counted("1-4,4"), "non-increasing order, previous: 4, current: 4");
  EXPECT_EQ(counted("1-2-3"),
            "the fragment \"1-2-3\" violates the requirement that an index interval can have at most "
            "two parts separated by '-'");
  EXPECT_EQ(common_index("0-3,7", "4-6,8", 100), std::nullopt);
  EXPECT_EQ(common_index("0-3,7-9", "x,4-6,8", 100), 8);
  EXPECT_EQ(common_index("", "1", 100), std::nullopt);
}

class JobStatus : public ::testing::Test {
 protected:
  static Problems change(std::string_view now, std::string_view before = "{}", std::string_view spec = "{}") {
    const auto with = [&](std::string_view status) {
      return job(R"({"spec":)" + std::string(spec) + R"(,"status":)" + std::string(status) + "}");
    };
    const Json old = with(before);
    return lines(validate(jobs(), with(now), &old));
  }
  static std::string ended(std::string_view types, std::string_view more = "") {
    std::string out = R"({"startTime":"2026-01-01T00:00:00Z","conditions":[)";
    for (size_t begin = 0; begin < types.size();) {
      const size_t end = std::min(types.find(',', begin), types.size());
      if (begin > 0) out += ",";
      out += R"({"type":")" + std::string(types.substr(begin, end - begin)) + R"(","status":"True"})";
      begin = end + 1;
    }
    return out + "]" + std::string(more) + "}";
  }
};

constexpr std::string_view kDone = R"(,"completionTime":"2026-01-01T00:01:00Z")";

TEST_F(JobStatus, NumbersFit) {
  EXPECT_THAT(change(R"({"active":2,"ready":2,"terminating":1})"), IsEmpty());
  EXPECT_THAT(change(R"({"active":-1,"succeeded":-1,"failed":-1})"),
              ElementsAre("status.active: Invalid value: -1: must be greater than or equal to 0",
                          "status.succeeded: Invalid value: -1: must be greater than or equal to 0",
                          "status.failed: Invalid value: -1: must be greater than or equal to 0",
                          "status.failed: Invalid value: -1: cannot decrease the failed counter",
                          "status.succeeded: Invalid value: -1: cannot decrease the succeeded counter"));
  EXPECT_THAT(change(R"({"active":1,"ready":2})"),
              ElementsAre("status.ready: Invalid value: 2: cannot set more ready pods than active"));
  EXPECT_THAT(change(R"({"uncountedTerminatedPods":{"succeeded":["a",""],"failed":["a"]}})"),
              ElementsAre("status.uncountedTerminatedPods.succeeded[1]: Invalid value: \"\": must not be empty",
                          "status.uncountedTerminatedPods.failed[0]: Duplicate value: \"a\""));
  EXPECT_THAT(change(R"({"succeeded":1})", R"({"succeeded":2})",
                     R"({"completionMode":"Indexed","completions":2,"parallelism":2})"),
              IsEmpty())
      << "it has become smaller";
}

TEST_F(JobStatus, ItEndsOneWay) {
  EXPECT_THAT(change(ended("SuccessCriteriaMet,Complete", kDone)), IsEmpty());
  EXPECT_THAT(change(ended("FailureTarget,Failed")), IsEmpty());
  EXPECT_THAT(change(ended("Failed")), ElementsAre("status.conditions: Invalid value: cannot set Failed=True condition "
                                                   "without the FailureTarget=true condition"));
  EXPECT_THAT(change(ended("SuccessCriteriaMet,Complete")),
              ElementsAre("status.completionTime: Required value: completionTime is required for Complete jobs"));
  EXPECT_THAT(change(ended("", kDone)),
              ElementsAre("status.completionTime: Invalid value: \"2026-01-01T00:01:00Z\": cannot set completionTime "
                          "when there is no Complete=True condition"));
  EXPECT_THAT(
      change(ended("Complete,Failed,FailureTarget", kDone)),
      ElementsAre("status.conditions: Invalid value: cannot set Complete=True and Failed=true conditions",
                  "status.conditions: Invalid value: cannot set Complete=True and FailureTarget=true conditions",
                  "status.conditions: Invalid value: cannot set Complete=True condition without the "
                  "SuccessCriteriaMet=true condition"));
  EXPECT_THAT(change(ended("SuccessCriteriaMet,FailureTarget")),
              ElementsAre("status.conditions: Invalid value: cannot set SuccessCriteriaMet=True and FailureTarget=true "
                          "conditions"));
  EXPECT_THAT(change(ended("FailureTarget,Failed", R"(,"active":1,"terminating":1)")),
              ElementsAre("status.active: Invalid value: 1: active>0 is invalid for finished job",
                          "status.terminating: Invalid value: 1: terminating>0 is invalid for finished job"));
  EXPECT_THAT(change(ended("FailureTarget,Failed", R"(,"uncountedTerminatedPods":{"failed":["a"]})")),
              ElementsAre("status.uncountedTerminatedPods: Invalid value: {\"failed\":[\"a\"]}: must be empty for "
                          "finished job"));
  EXPECT_THAT(change(ended("SuccessCriteriaMet,Complete", R"(,"completionTime":"2025-01-01T00:00:00Z")")),
              ElementsAre(HasSubstr("must be equal to or after `startTime`")));
  EXPECT_THAT(change(ended("SuccessCriteriaMet,Complete", R"(,"completionTime":"2025-01-01T00:00:00Z")"),
                     ended("SuccessCriteriaMet")),
              ElementsAre(HasSubstr("must be equal to or after `startTime`")))
      << "it began before";
  EXPECT_THAT(change(R"({"conditions":[{"type":"FailureTarget","status":"True"},{"type":"Failed","status":"True"}]})"),
              ElementsAre("status.startTime: Required value: startTime is required for finished job"))
      << "it never began";
}

TEST_F(JobStatus, NothingGoesBack) {
  EXPECT_THAT(change(ended("FailureTarget"), ended("FailureTarget,Failed")),
              ElementsAre("status.conditions: Invalid value: cannot disable the terminal Failed=True condition"));
  EXPECT_THAT(change(ended(""), ended("SuccessCriteriaMet")),
              ElementsAre("status.conditions: Invalid value: cannot disable the SuccessCriteriaMet=True condition"));
  EXPECT_THAT(change("{}", R"({"startTime":"2026-01-01T00:00:00Z"})"),
              ElementsAre("status.startTime: Invalid value: null: field is immutable for unsuspended job once set"));
  EXPECT_THAT(change(R"({"startTime":"2026-01-01T01:00:00Z"})", R"({"startTime":"2026-01-01T00:00:00Z"})"),
              ElementsAre("status.startTime: Invalid value: \"2026-01-01T01:00:00Z\": field is immutable for "
                          "unsuspended job once set"));
  EXPECT_THAT(change("{}", R"({"startTime":"2026-01-01T00:00:00Z"})", R"({"suspend":true})"), IsEmpty());
  constexpr std::string_view kResumed =
      R"({"startTime":"2026-01-01T01:00:00Z","conditions":[{"type":"Suspended","status":"False"}]})";
  EXPECT_THAT(change(kResumed, ended("Suspended")), IsEmpty()) << "it begins anew";
  EXPECT_THAT(change(kResumed, R"({"startTime":"2026-01-01T00:00:00Z"})"), SizeIs(1)) << "it was not suspended";
  EXPECT_THAT(change(ended("SuccessCriteriaMet,Complete", R"(,"completionTime":"2026-01-01T00:02:00Z")"),
                     ended("SuccessCriteriaMet,Complete", kDone)),
              ElementsAre("status.completionTime: Invalid value: \"2026-01-01T00:02:00Z\": field is immutable"));
}

TEST_F(JobStatus, IndexesFit) {
  constexpr std::string_view kSpec = R"({"completionMode":"Indexed","completions":9,"backoffLimitPerIndex":1})";
  EXPECT_THAT(change(R"({"completedIndexes":"0-3","failedIndexes":"5"})", "{}", kSpec), IsEmpty());
  EXPECT_THAT(change(R"({"completedIndexes":"0-3","failedIndexes":"3,x"})", "{}", kSpec),
              ElementsAre("status.failedIndexes: Invalid value: \"3,x\": error parsing failedIndexes: cannot convert "
                          "string to integer for index: \"x\"",
                          "status.failedIndexes: Invalid value: \"3,x\": failedIndexes and completedIndexes overlap at "
                          "index: 3"));
  EXPECT_THAT(change(R"({"completedIndexes":"0","failedIndexes":""})"),
              ElementsAre("status.completedIndexes: Invalid value: \"0\": cannot set non-empty completedIndexes when "
                          "non-indexed completion mode",
                          "status.failedIndexes: Invalid value: \"\": cannot set non-null failedIndexes when "
                          "backoffLimitPerIndex is null"));
}

}  // namespace
}  // namespace gantry::kinds::batch_job_policy_test
