// ResourceQuotas: resources, scopes, and the table.
#include "core/kinds/kinds_testing.hpp"
#include "core/schema/table/table.hpp"

namespace gantry::kinds::core_resource_quota_test {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

const Kind& quotas() { return kind("", "ResourceQuota"); }
std::string with(std::string_view spec, std::string_view status = "{}") {
  return R"({"metadata":{"name":"q","namespace":"default"},"spec":)" + std::string(spec) + R"(,"status":)" +
         std::string(status) + "}";
}
Problems of_new(std::string_view spec) { return problems(quotas(), with(spec)); }

TEST(ResourceQuota, IsWrittenAsItCame) {
  EXPECT_EQ(schema::encode_json(*quotas().message, made(quotas(), with(R"({"hard":{"pods":"5"}})"))),
            R"({"metadata":{"name":"q","namespace":"default"},)"
            R"("spec":{"hard":{"pods":"5"}},"status":{}})");
}

TEST(ResourceQuota, IsForResourcesThatAreCounted) {
  EXPECT_THAT(of_new(R"({"hard":{"pods":"1","requests.cpu":"500m","count/jobs.batch":"2","requests.a.b/gpu":"1",
                                 "hugepages-2Mi":"4Mi","requests.storage":"1Gi","services.nodeports":"0",
                                 "gold.storageclass.storage.k8s.io/requests.storage":"1Gi"}})"),
              IsEmpty());
  EXPECT_THAT(
      of_new(R"({"hard":{"gold":"1"}})"),
      ElementsAre("spec.hard[gold]: Invalid value: \"gold\": must be a standard resource type or fully qualified",
                  "spec.hard[gold]: Invalid value: \"gold\": must be a standard resource for quota"));
  EXPECT_THAT(of_new(R"({"hard":{"storage":"1"}})"),
              ElementsAre("spec.hard[storage]: Invalid value: \"storage\": must be a standard resource for quota"));
  EXPECT_THAT(of_new(R"({"hard":{"pods":"-1"}})"),
              ElementsAre("spec.hard[pods]: Invalid value: \"-1\": must be greater than or equal to 0"));
  for (const char* counted : {"pods", "services.loadbalancers", "a.b/gpu"}) {
    EXPECT_THAT(of_new(R"({"hard":{")" + std::string(counted) + R"(":"1500m"}})"),
                ElementsAre("spec.hard[" + std::string(counted) + "]: Invalid value: \"1500m\": must be an integer"));
  }
}

TEST(ResourceQuota, ScopesFitTheResources) {
  EXPECT_THAT(of_new(R"({"hard":{"pods":"1","count/a.b":"1"},"scopes":["BestEffort","NotTerminating"]})"), IsEmpty());
  EXPECT_THAT(of_new(R"({"hard":{"requests.storage":"1"},"scopes":["VolumeAttributesClass"]})"), IsEmpty());
  EXPECT_THAT(of_new(R"({"scopes":["Sunny"]})"),
              ElementsAre("spec.scopes: Invalid value: [\"Sunny\"]: unsupported scope"));
  const auto misfit = [](const char* scope, const char* resource) {
    return of_new(R"({"hard":{")" + std::string(resource) + R"(":"1"},"scopes":[")" + scope + "\"]}");
  };
  for (auto [scope, resource] : {std::pair{"BestEffort", "cpu"},
                                 {"NotBestEffort", "secrets"},
                                 {"PriorityClass", "requests.storage"},
                                 {"VolumeAttributesClass", "pods"}}) {
    EXPECT_THAT(misfit(scope, resource), ElementsAre(HasSubstr("unsupported scope applied to resource"))) << scope;
  }
  EXPECT_THAT(misfit("NotBestEffort", "limits.memory"), IsEmpty());
  EXPECT_THAT(of_new(R"({"scopes":["BestEffort","NotBestEffort"]})"), ElementsAre(HasSubstr("conflicting scopes")));
  EXPECT_THAT(of_new(R"({"scopes":["Terminating","NotTerminating"]})"), ElementsAre(HasSubstr("conflicting scopes")));
}

TEST(ResourceQuota, ScopesAreChosenByValuesToo) {
  const auto chosen = [](const std::string& list) {
    return of_new(R"({"hard":{"pods":"1"},"scopeSelector":{"matchExpressions":[)" + list + "]}}");
  };
  EXPECT_THAT(chosen(R"({"scopeName":"PriorityClass","operator":"In","values":["high"]})"), IsEmpty());
  EXPECT_THAT(chosen(R"({"scopeName":"PriorityClass","operator":"Exists"})"), IsEmpty());
  constexpr std::string_view kAt = "spec.scopeSelector.matchExpressions";
  EXPECT_THAT(chosen(R"({"scopeName":"Sunny","operator":"Exists"})"),
              ElementsAre(std::string(kAt) + ".scopeName: Invalid value: \"Sunny\": unsupported scope"));
  EXPECT_THAT(chosen(R"({"scopeName":"PriorityClass","operator":"In"})"),
              ElementsAre(std::string(kAt) + ".values: Required value: must be at least one value when `operator` is "
                                             "'In' or 'NotIn' for scope selector"));
  EXPECT_THAT(chosen(R"({"scopeName":"PriorityClass","operator":"DoesNotExist","values":["a"]})"),
              ElementsAre(std::string(kAt) + ".values: Invalid value: [\"a\"]: must be no value when `operator` is "
                                             "'Exist' or 'DoesNotExist' for scope selector"));
  EXPECT_THAT(chosen(R"({"scopeName":"PriorityClass","operator":"Near"})"),
              ElementsAre(std::string(kAt) + ".operator: Invalid value: \"Near\": not a valid selector operator"));
  for (const std::string scope : {"Terminating", "NotTerminating", "BestEffort", "NotBestEffort"}) {
    EXPECT_THAT(chosen(R"({"operator":"In","values":["a"],"scopeName":")" + scope + "\"}"),
                ElementsAre(HasSubstr(".operator: Invalid value: \"In\": must be 'Exists' when scope is any of")))
        << scope;
  }
  EXPECT_THAT(chosen(R"({"scopeName":"VolumeAttributesClass","operator":"Exists"})"),
              ElementsAre(HasSubstr("unsupported scope applied to resource")));
  EXPECT_THAT(
      chosen(R"({"scopeName":"BestEffort","operator":"Exists"},{"scopeName":"NotBestEffort","operator":"Exists"})"),
      ElementsAre(HasSubstr("conflicting scopes")));
}

TEST(ResourceQuota, ScopesStay) {
  const auto scoped = [](std::string_view scopes) { return with(R"({"scopes":)" + std::string(scopes) + "}"); };
  EXPECT_THAT(problems(quotas(), scoped(R"(["Terminating","BestEffort"])"), scoped(R"(["BestEffort","Terminating"])")),
              IsEmpty());
  EXPECT_THAT(problems(quotas(), scoped(R"(["Terminating"])"), scoped("[]")),
              ElementsAre("spec.scopes: Invalid value: [\"Terminating\"]: field is immutable"));
  EXPECT_THAT(problems(quotas(), with(R"({"hard":{"pods":"2"}})"), with(R"({"hard":{"pods":"1"}})")), IsEmpty());
  EXPECT_THAT(problems(quotas(), with("{}", R"({"hard":{"gold":"1"},"used":{"pods":"-1"}})"), with("{}")),
              ElementsAre(HasSubstr("status.hard[gold]: Invalid value"), HasSubstr("status.hard[gold]: Invalid value"),
                          "status.used[pods]: Invalid value: \"-1\": must be greater than or equal to 0"));
}

TEST(ResourceQuota, ATableShowsWhatIsUsed) {
  EXPECT_EQ(table_row_json(quotas(),
                           made(quotas(), with("{}", R"({"hard":{"requests.cpu":"2","pods":"5","limits.memory":"1Gi",
                                                         "limits.cpu":"4"},"used":{"pods":"1","limits.cpu":"500m"}})")),
                           "{}", schema::IncludeObject::kNone, 0),
            R"({"cells":["q","pods: 1/5, requests.cpu: 0/2","limits.cpu: 500m/4, limits.memory: 0/1Gi",)"
            R"("\u003cunknown\u003e"],"object":null})");
}

}  // namespace
}  // namespace gantry::kinds::core_resource_quota_test
