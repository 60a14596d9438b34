// Jobs: defaults, what is made of the UID, rules of the spec, what may change, table.
#include "core/kinds/batch/job_testing.hpp"
#include "core/schema/table/table.hpp"

namespace gantry::kinds::batch_job_test {
namespace {

using namespace job_testing;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

Problems changed(std::string_view next, std::string_view before) {
  const Json old = job(before);
  const Json now = made(jobs(), schema::encode_json(*jobs().message, old), next);
  return lines(validate(jobs(), now, &old));
}

TEST(Job, Defaults) {
  const Json one = made(jobs(), kJob);
  EXPECT_EQ(
      schema::encode_json(*jobs().message, one),
      R"({"metadata":{"name":"j","namespace":"default","uid":"u1"},"spec":{"parallelism":1,"completions":1,"manualSelector":false,)"
      R"("template":{"metadata":{},"spec":{"containers":[{"name":"c","image":"i:1","resources":{},)"
      R"("terminationMessagePath":"/dev/termination-log","imagePullPolicy":"IfNotPresent","terminationMessagePolicy":"File"}],)"
      R"("restartPolicy":"Never","terminationGracePeriodSeconds":30,"dnsPolicy":"ClusterFirst","securityContext":{},)"
      R"("schedulerName":"default-scheduler"}},"backoffLimit":6,"completionMode":"NonIndexed","suspend":false,)"
      R"("podReplacementPolicy":"TerminatingOrFailed"},"status":{}})");
  const auto spec = [](std::string_view patch) {
    return made(jobs(), kJob, R"({"spec":)" + std::string(patch) + "}").at("spec");
  };
  EXPECT_FALSE(spec(R"({"parallelism":3})").as_object().contains("completions"));
  EXPECT_EQ(spec(R"({"completions":3})").at("parallelism"), 1);
  EXPECT_EQ(spec(R"({"backoffLimitPerIndex":1})").at("backoffLimit"), 2147483647);
  const Json policy = spec(R"({"podFailurePolicy":{"rules":[{"action":"Ignore","onPodConditions":[{"type":"A"}]}]}})");
  EXPECT_EQ(policy.at("podReplacementPolicy"), "Failed");
  EXPECT_EQ(policy.at("podFailurePolicy").at("rules").at(0).at("onPodConditions").at(0).at("status"), "True");
}

TEST(Job, SelectsByItsUid) {
  const Json one = job("{}");
  EXPECT_EQ(one.at("spec").at("selector"), parsed(R"({"matchLabels":{"batch.kubernetes.io/controller-uid":"u1"}})"));
  const Json labels = parsed(R"({"batch.kubernetes.io/controller-uid":"u1","controller-uid":"u1",
    "batch.kubernetes.io/job-name":"j","job-name":"j"})");
  EXPECT_EQ(one.at("spec").at("template").at("metadata").at("labels"), labels);
  EXPECT_EQ(one.at("metadata").at("labels"), labels) << "a job without labels has those of its pods";
  EXPECT_THAT(lines(validate(jobs(), one)), IsEmpty());
  const Json labeled = job(R"({"spec":{"template":{"metadata":{"labels":{"x":"y"}}}}})");
  EXPECT_EQ(labeled.at("metadata").at("labels").as_object().size(), 5U) << "those that it gave them, too";
  const Json own = job(R"({"metadata":{"labels":{"a":"b"}}})");
  EXPECT_EQ(own.at("metadata").at("labels"), parsed(R"({"a":"b"})"));
  const Json manual = job(R"({"spec":{"manualSelector":true,"selector":{"matchLabels":{"a":"b"}},
    "template":{"metadata":{"labels":{"a":"b"}}}}})");
  EXPECT_EQ(manual.at("spec").at("template").at("metadata").at("labels"), parsed(R"({"a":"b"})"));
  EXPECT_EQ(manual.at("metadata").at("labels"), parsed(R"({"a":"b"})"));
  EXPECT_THAT(lines(validate(jobs(), manual)), IsEmpty());
}

TEST(Job, LabelsOfOthersAreRefused) {
  EXPECT_THAT(of_new(R"({"spec":{"template":{"metadata":{"labels":{"job-name":"other"}}}}})"),
              ElementsAre(HasSubstr("spec.template.metadata.labels[job-name]: Invalid value: {")));
  EXPECT_THAT(of_new(R"({"spec":{"selector":{"matchLabels":{"a":"b"}}}})"),
              ElementsAre(HasSubstr("`selector` not auto-generated"),
                          HasSubstr("`selector` does not match template `labels`")));
  EXPECT_THAT(of_new(R"({"spec":{"manualSelector":true}})"), ElementsAre("spec.selector: Required value"));
  EXPECT_THAT(
      of_new(R"({"spec":{"manualSelector":true,"selector":{"matchLabels":{"a":"b"}}}})"),
      ElementsAre("spec.template.metadata.labels: Invalid value: {}: `selector` does not match template `labels`"));
}

TEST(Job, NumbersFitTheMode) {
  const struct {
    std::string_view spec;
    Problems problems;
  } cases[] = {
      {R"({"parallelism":-1,"completions":-1,"backoffLimit":-1,"ttlSecondsAfterFinished":-1,"activeDeadlineSeconds":-1})",
       {"spec.parallelism: Invalid value: -1: must be greater than or equal to 0",
        "spec.completions: Invalid value: -1: must be greater than or equal to 0",
        "spec.backoffLimit: Invalid value: -1: must be greater than or equal to 0",
        "spec.ttlSecondsAfterFinished: Invalid value: -1: must be greater than or equal to 0",
        "spec.activeDeadlineSeconds: Invalid value: -1: must be greater than or equal to 0"}},
      {R"({"maxFailedIndexes":1})",
       {"spec.backoffLimitPerIndex: Required value: when maxFailedIndexes is specified",
        "spec.maxFailedIndexes: Invalid value: 1: requires indexed completion mode"}},
      {R"({"backoffLimitPerIndex":1})",
       {"spec.backoffLimitPerIndex: Invalid value: 1: requires indexed completion mode"}},
      {R"({"completionMode":"Some"})",
       {"spec.completionMode: Unsupported value: \"Some\": supported values: \"NonIndexed\", \"Indexed\""}},
      {R"({"completionMode":"Indexed","parallelism":1})",
       {"spec.completions: Required value: when completion mode is Indexed"}},
      {R"({"completionMode":"Indexed","completions":1,"parallelism":100001})",
       {"spec.parallelism: Invalid value: 100001: must be less than or equal to 100000 when completion mode is "
        "Indexed"}},
      {R"({"completionMode":"Indexed","completions":2,"backoffLimitPerIndex":1,"maxFailedIndexes":3})",
       {"spec.maxFailedIndexes: Invalid value: 3: must be less than or equal to completions"}},
      {R"({"completionMode":"Indexed","completions":200000,"backoffLimitPerIndex":1,"maxFailedIndexes":100001})",
       {"spec.maxFailedIndexes: Invalid value: 100001: must be less than or equal to 100000",
        "spec.maxFailedIndexes: Invalid value: 100001: must be less than or equal to 10000 when completions are above "
        "100000 and used with backoff limit per index"}},
      {R"({"completionMode":"Indexed","completions":100001,"parallelism":10001,"backoffLimitPerIndex":1})",
       {"spec.maxFailedIndexes: Required value: must be specified when completions is above 100000",
        "spec.parallelism: Invalid value: 10001: must be less than or equal to 10000 when completions are above "
        "100000 and used with backoff limit per index"}},
      {R"({"managedBy":""})", {"spec.managedBy: Required value"}},
      {R"({"managedBy":"me"})",
       {"spec.managedBy: Invalid value: \"me\": must be a domain-prefixed path (such as \"acme.io/foo\")"}},
      {R"({"managedBy":"a.b/c d"})",
       {"spec.managedBy: Invalid value: \"c d\": Invalid path (regex used for validation is "
        "'[A-Za-z0-9/\\-._~%!$&'()*+,;=:]+')"}},
      {R"({"podReplacementPolicy":"Never"})",
       {"spec.podReplacementPolicy: Unsupported value: \"Never\": supported values: \"Failed\", "
        "\"TerminatingOrFailed\""}},
  };
  for (const auto& one : cases) {
    EXPECT_EQ(of_new(R"({"spec":)" + std::string(one.spec) + "}"), one.problems) << one.spec;
  }
  EXPECT_THAT(of_new(R"({"spec":{"managedBy":"a.b/)" + std::string(60, 'x') + "\"}}"),
              ElementsAre("spec.managedBy: Too long: may not be more than 63 bytes"));
  EXPECT_THAT(of_new(R"({"spec":{"managedBy":"a.b/c"}})"), IsEmpty());
}

TEST(Job, PodsEnd) {
  const auto with = [](std::string_view policy, std::string_view more = "") {
    return of_new(R"({"spec":{"template":{"spec":{"restartPolicy":)" + std::string(policy) + "}}" + std::string(more) +
                  "}}");
  };
  EXPECT_THAT(with("\"OnFailure\""), IsEmpty());
  EXPECT_THAT(with("null"), ElementsAre("spec.template.spec.restartPolicy: Required value: valid values: "
                                        "\"OnFailure\", \"Never\""));
  EXPECT_THAT(with("\"OnFailure\"", R"(,"podFailurePolicy":{"rules":[]})"),
              ElementsAre("spec.template.spec.restartPolicy: Invalid value: \"OnFailure\": only \"Never\" is supported "
                          "when podFailurePolicy is specified"));
}

TEST(Job, HostNamesOfPodsAreNames) {
  const auto named = [](size_t length, int completions = 11) {
    return of_new(R"({"metadata":{"name":")" + std::string(length, 'j') +
                  R"("},"spec":{"completionMode":"Indexed","completions":)" + std::to_string(completions) + "}}");
  };
  EXPECT_THAT(named(60), IsEmpty());
  EXPECT_THAT(named(61, 10), IsEmpty()) << "the last one is 9";
  EXPECT_THAT(named(61), ElementsAre(HasSubstr("metadata.name: Invalid value: \"jjj")));
}

TEST(Job, MostOfItStays) {
  EXPECT_THAT(changed(R"({"spec":{"parallelism":5,"backoffLimit":2,"suspend":true}})", "{}"), IsEmpty());
  EXPECT_THAT(changed(R"({"spec":{"completions":2}})", "{}"),
              ElementsAre("spec.completions: Invalid value: 2: field is immutable"));
  constexpr std::string_view kIndexed = R"({"spec":{"completionMode":"Indexed","completions":3,"parallelism":3}})";
  EXPECT_THAT(changed(R"({"spec":{"completions":4,"parallelism":4}})", kIndexed), IsEmpty());
  EXPECT_THAT(changed(R"({"spec":{"completions":4}})", kIndexed),
              ElementsAre("spec.completions: Invalid value: 4: can only be modified in tandem with spec.parallelism"));
  EXPECT_THAT(changed(R"({"spec":{"completionMode":"Indexed","managedBy":"a.b/c",
                          "podFailurePolicy":{"rules":[{"action":"Ignore","onPodConditions":[{"type":"a"}]}]},
                          "successPolicy":{"rules":[{"succeededCount":1}]},"backoffLimitPerIndex":1,
                          "podReplacementPolicy":"Failed"}})",
                      "{}"),
              ElementsAre("spec.completionMode: Invalid value: \"Indexed\": field is immutable",
                          HasSubstr("spec.podFailurePolicy: Invalid value: {\"rules\":[{\"action\":\"Ignore\""),
                          "spec.backoffLimitPerIndex: Invalid value: 1: field is immutable",
                          "spec.managedBy: Invalid value: \"a.b/c\": field is immutable",
                          HasSubstr("spec.successPolicy: Invalid value: {\"rules\":")));
  const auto policy = [](std::string_view policy) {
    return R"({"spec":{"podReplacementPolicy":"Failed","podFailurePolicy":)" + std::string(policy) + "}}";
  };
  const std::string no_rules = policy(R"({"rules":[]})"), none = policy("null");
  EXPECT_THAT(changed(no_rules, no_rules), IsEmpty());
  EXPECT_THAT(changed(no_rules, none), ElementsAre("spec.podFailurePolicy: Invalid value: {}: field is immutable"))
      << "a policy without rules is one";
  EXPECT_THAT(changed(none, no_rules), ElementsAre("spec.podFailurePolicy: Invalid value: null: field is immutable"));
  EXPECT_THAT(changed(R"({"spec":{"template":{"spec":{"containers":[{"name":"c","image":"j"}]}}}})", "{}"),
              ElementsAre(HasSubstr("spec.template: Invalid value: ")));
  EXPECT_THAT(changed(R"({"spec":{"template":{"metadata":{"annotations":null}}}})",
                      R"({"spec":{"template":{"metadata":{"annotations":{"a":"b"}}}}})"),
              ElementsAre(HasSubstr("spec.template: Invalid value: ")))
      << "what is gone is a change, too";
}

TEST(Job, OneThatWaitsMayBeSentElsewhere) {
  constexpr std::string_view kElsewhere = R"({"spec":{"template":{"metadata":{"annotations":{"a":"b"}},"spec":{
    "nodeSelector":{"a":"b"},"tolerations":[{"operator":"Exists"}],"affinity":{"nodeAffinity":{
    "requiredDuringSchedulingIgnoredDuringExecution":{"nodeSelectorTerms":[{"matchExpressions":[{"key":"a","operator":"Exists"}]}]}}}}}}})";
  EXPECT_THAT(changed(kElsewhere, R"({"spec":{"suspend":true}})"), IsEmpty());
  EXPECT_THAT(changed(kElsewhere, "{}"), ElementsAre(HasSubstr("spec.template: Invalid value: ")));
  EXPECT_THAT(changed(kElsewhere, R"({"spec":{"suspend":true},"status":{"startTime":"2026-01-01T00:00:00Z"}})"),
              ElementsAre(HasSubstr("spec.template: Invalid value: ")));
  // It began and was stopped.
  const auto stopped = [](std::string_view active) {
    return R"({"spec":{"suspend":true},"status":{"startTime":"2026-01-01T00:00:00Z","active":)" + std::string(active) +
           R"(,"conditions":[{"type":"Suspended","status":"True"}]}})";
  };
  EXPECT_THAT(changed(kElsewhere, stopped("0")), IsEmpty());
  EXPECT_THAT(changed(kElsewhere, stopped("1")), ElementsAre(HasSubstr("spec.template: Invalid value: ")));
  constexpr std::string_view kLarger = R"({"spec":{"template":{"spec":{"containers":[{"name":"c","image":"i:1",
    "resources":{"requests":{"cpu":"2"},"limits":{"memory":"1Gi"}}}]}}}})";
  EXPECT_THAT(changed(kLarger, R"({"spec":{"suspend":true}})"), IsEmpty());
  EXPECT_THAT(changed(kLarger, stopped("0")), IsEmpty());
  EXPECT_THAT(changed(kLarger, "{}"), ElementsAre(HasSubstr("spec.template: Invalid value: ")));
  EXPECT_THAT(changed(R"({"spec":{"template":{"spec":{"containers":[{"name":"c","image":"i:2"}]}}}})",
                      R"({"spec":{"suspend":true}})"),
              ElementsAre(HasSubstr("spec.template: Invalid value: ")));
  EXPECT_THAT(changed(R"({"spec":{"template":{"spec":{"priority":5}}}})", R"({"spec":{"suspend":true}})"),
              ElementsAre(HasSubstr("spec.template: Invalid value: ")));
}

TEST(Job, ATableSaysHowItIs) {
  const auto cells = [](std::string_view patch) {
    const auto now = *schema::parse_time("2026-01-01T01:00:00Z");
    const Json row = parsed(table_row_json(jobs(), job(patch), "{}", schema::IncludeObject::kNone, now));
    const auto& all = row.at("cells").as_array();
    return boost::json::array{all[1], all[2], all[3], all[5], all[6], all[7]};
  };
  EXPECT_EQ(cells(R"({"status":{"startTime":"2026-01-01T00:50:00Z","succeeded":1},"spec":{"completions":3}})"),
            parsed(R"(["Running","1/3","10m","c","i:1","batch.kubernetes.io/controller-uid=u1"])").as_array());
  const auto status = [&](std::string_view type) {
    return cells(R"({"status":{"conditions":[{"type":")" + std::string(type) + R"(","status":"True"}]}})").at(0);
  };
  for (std::string_view type : {"Complete", "Failed", "Suspended", "FailureTarget", "SuccessCriteriaMet"}) {
    EXPECT_EQ(status(type), Json(type));
  }
  EXPECT_EQ(status("Other"), "Running");
  EXPECT_EQ(cells(R"({"metadata":{"deletionTimestamp":"2026-01-01T00:00:00Z"}})").at(0), "Terminating");
  EXPECT_EQ(cells(R"({"spec":{"parallelism":3}})").at(1), "0/1 of 3");
  EXPECT_EQ(cells(R"({"spec":{"parallelism":1,"completions":null}})").at(2), "");
  EXPECT_EQ(cells(R"({"status":{"startTime":"2026-01-01T00:00:00Z","completionTime":"2026-01-01T00:00:07Z"}})").at(2),
            "7s");
}

}  // namespace
}  // namespace gantry::kinds::batch_job_test
