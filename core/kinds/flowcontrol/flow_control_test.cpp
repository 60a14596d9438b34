// FlowSchemas and PriorityLevelConfigurations: defaults, rules, what is always the same, tables.
#include "core/kinds/kinds_testing.hpp"
#include "core/schema/table/table.hpp"

namespace gantry::kinds::flowcontrol_test {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr std::string_view kGroup = "flowcontrol.apiserver.k8s.io";
const Kind& schemas() { return kind(std::string(kGroup), "FlowSchema"); }
const Kind& levels() { return kind(std::string(kGroup), "PriorityLevelConfiguration"); }

std::string object(std::string_view name, std::string_view spec) {
  return R"({"metadata":{"name":")" + std::string(name) + R"("},"spec":)" + std::string(spec) + "}";
}
Problems schema_problems(std::string_view spec, std::string_view name = "s") {
  return problems(schemas(), object(name, spec));
}
Problems level_problems(std::string_view spec, std::string_view name = "l") {
  return problems(levels(), object(name, spec));
}
std::string with_rule(std::string_view rule) {
  return R"({"priorityLevelConfiguration":{"name":"l"},"rules":[)" + std::string(rule) + "]}";
}
Problems rule(std::string_view text) { return schema_problems(with_rule(text)); }
Problems resource(std::string_view text) {
  return rule(R"({"subjects":[{"kind":"User","user":{"name":"u"}}],"resourceRules":[)" + std::string(text) + "]}");
}
Problems url(std::string_view text) {
  return rule(
      R"({"subjects":[{"kind":"Group","group":{"name":"g"}}],"nonResourceRules":[{"verbs":["*"],"nonResourceURLs":[)" +
      std::string(text) + "]}]}");
}
Problems subject(std::string_view text) {
  return rule(R"({"nonResourceRules":[{"verbs":["*"],"nonResourceURLs":["*"]}],"subjects":[)" + std::string(text) +
              "]}");
}

TEST(FlowSchema, HasALevelAndAPlace) {
  EXPECT_EQ(made(schemas(), object("s", "{}")).at("spec").at("matchingPrecedence"), 1000);
  EXPECT_EQ(made(schemas(), object("s", R"({"matchingPrecedence":0})")).at("spec").at("matchingPrecedence"), 1000);
  EXPECT_THAT(schema_problems(R"({"priorityLevelConfiguration":{"name":"l"},"distinguisherMethod":{"type":"ByUser"}})"),
              IsEmpty());
  EXPECT_THAT(schema_problems(R"({"matchingPrecedence":-1,"distinguisherMethod":{"type":"ByDay"}})"),
              ElementsAre("spec.matchingPrecedence: Invalid value: -1: must be a positive value",
                          "spec.distinguisherMethod.type: Unsupported value: {\"Type\":\"ByDay\"}: supported values: "
                          "\"ByNamespace\", \"ByUser\"",
                          "spec.priorityLevelConfiguration.name: Required value: must reference a priority level"));
  EXPECT_THAT(schema_problems(R"({"matchingPrecedence":10001,"priorityLevelConfiguration":{"name":"L"}})"),
              ElementsAre("spec.matchingPrecedence: Invalid value: 10001: must not be greater than 10000",
                          HasSubstr("spec.priorityLevelConfiguration.name: Invalid value: \"L\"")));
  EXPECT_THAT(schema_problems(R"({"matchingPrecedence":1,"priorityLevelConfiguration":{"name":"l"}})"),
              ElementsAre("spec.matchingPrecedence: Invalid value: 1: only the schema named 'exempt' may have "
                          "matchingPrecedence 1"));
}

TEST(FlowSchema, RulesAreWhole) {
  EXPECT_THAT(rule("{}"),
              ElementsAre("spec.rules[0].subjects: Required value: subjects must contain at least one value",
                          "spec.rules[0]: Required value: at least one of resourceRules and "
                          "nonResourceRules has to be non-empty"));
  constexpr std::string_view kAll =
      R"({"verbs":["*"],"apiGroups":["*"],"resources":["*"],"namespaces":["*"],"clusterScope":true})";
  EXPECT_THAT(resource(kAll), IsEmpty());
  EXPECT_THAT(resource(R"({"verbs":["get","get"],"apiGroups":[""],"resources":["pods"],"clusterScope":true})"),
              IsEmpty());
  const std::string at = "spec.rules[0].resourceRules[0].";
  EXPECT_THAT(resource("{}"),
              ElementsAre(at + "verbs: Required value: verbs must contain at least one value",
                          at + "apiGroups: Required value: resource rules must supply at least one api group",
                          at + "resources: Required value: resource rules must supply at least one resource",
                          at + "namespaces: Required value: resource rules that are not cluster scoped must supply at "
                               "least one namespace"));
  EXPECT_THAT(
      resource(R"({"verbs":["*","get"],"apiGroups":["*","a"],"resources":["*","a"],"namespaces":["*","a"]})"),
      ElementsAre(at + "verbs: Invalid value: [\"*\",\"get\"]: if '*' is present, must not specify other verbs",
                  at + "apiGroups: Invalid value: [\"*\",\"a\"]: if '*' is present, must not specify other api groups",
                  at + "resources: Invalid value: [\"*\",\"a\"]: if '*' is present, must not specify other resources",
                  at + "namespaces: Invalid value: [\"*\",\"a\"]: if '*' is present, must not specify other "
                       "namespaces"));
  EXPECT_THAT(resource(R"({"verbs":["fly"],"apiGroups":["a"],"resources":["a"],"namespaces":["A"]})"),
              ElementsAre(HasSubstr("verbs: Unsupported value: [\"fly\"]: supported values: \"create\", \"delete\""),
                          HasSubstr("namespaces[0]: Invalid value: \"A\": each member of this list must be '*' or a "
                                    "DNS-1123 label; a lowercase")));
}

TEST(FlowSchema, AddressesArePaths) {
  EXPECT_THAT(url(R"("/","/healthz","/apis/*")"), IsEmpty());
  const std::string at = "spec.rules[0].nonResourceRules[0].nonResourceURLs";
  EXPECT_THAT(url(""), ElementsAre(at + ": Required value: nonResourceURLs must contain at least one value"));
  EXPECT_THAT(url(R"("","a","/a b","/a//b","/a*","/*/*","/*/a")"),
              ElementsAre(at + "[0]: Invalid value: \"\": must not be empty",
                          at + "[1]: Invalid value: \"a\": must start with slash",
                          at + "[2]: Invalid value: \"/a b\": must not contain white-space",
                          at + "[3]: Invalid value: \"/a//b\": must not contain double slash",
                          at + "[4]: Invalid value: \"/a*\": wildcard can only do suffix matching",
                          at + "[5]: Invalid value: \"/*/*\": wildcard can only do suffix matching",
                          at + "[6]: Invalid value: \"/*/a\": wildcard can only do suffix matching"));
  EXPECT_THAT(url(R"("*","/a")"), ElementsAre(HasSubstr("must not specify other non-resource URLs")));
}

TEST(FlowSchema, SubjectsAreOfTheirKind) {
  EXPECT_THAT(subject(R"({"kind":"ServiceAccount","serviceAccount":{"namespace":"n","name":"*"}})"), IsEmpty());
  const std::string at = "spec.rules[0].subjects[0].";
  EXPECT_THAT(subject(R"({"kind":"Dog"})"), ElementsAre(at + "kind: Unsupported value: \"Dog\": supported values: "
                                                             "\"Group\", \"ServiceAccount\", \"User\""));
  EXPECT_THAT(subject(R"({"kind":"User","group":{"name":"g"},"serviceAccount":{"name":"s","namespace":"n"}})"),
              ElementsAre(at + "user: Required value: user is required when subject kind is 'User'",
                          at + "serviceAccount: Forbidden: serviceAccount is forbidden when subject kind is not "
                               "'ServiceAccount'",
                          at + "group: Forbidden: group is forbidden when subject kind is not 'Group'"));
  EXPECT_THAT(subject(R"({"kind":"Group","group":{}})"), ElementsAre(at + "group.name: Required value"));
  EXPECT_THAT(subject(R"({"kind":"ServiceAccount","serviceAccount":{}})"),
              ElementsAre(at + "serviceAccount.name: Required value",
                          at + "serviceAccount.namespace: Required value: must specify namespace for service account"));
}

TEST(FlowSchema, TwoAreAlwaysTheSame) {
  constexpr std::string_view kAny = R"("resourceRules":[{"verbs":["*"],"apiGroups":["*"],"resources":["*"],
    "clusterScope":true,"namespaces":["*"]}],"nonResourceRules":[{"verbs":["*"],"nonResourceURLs":["*"]}])";
  const auto exempt = [&](std::string_view group) {
    return R"({"priorityLevelConfiguration":{"name":"exempt"},"matchingPrecedence":1,"rules":[{"subjects":[
      {"kind":"Group","group":{"name":")" +
           std::string(group) + "\"}}]," + std::string(kAny) + "}]}";
  };
  EXPECT_THAT(schema_problems(exempt("system:masters"), "exempt"), IsEmpty());
  EXPECT_THAT(schema_problems(exempt("mine"), "exempt"),
              ElementsAre(HasSubstr("spec of 'exempt' must equal the fixed value")));
  EXPECT_THAT(schema_problems(R"({"priorityLevelConfiguration":{"name":"catch-all"},"matchingPrecedence":10000,
    "distinguisherMethod":{"type":"ByUser"},"rules":[{"subjects":[{"kind":"Group","group":{"name":
    "system:unauthenticated"}},{"kind":"Group","group":{"name":"system:authenticated"}}],)" +
                                  std::string(kAny) + "}]}",
                              "catch-all"),
              IsEmpty());
  EXPECT_THAT(schema_problems(R"({"priorityLevelConfiguration":{"name":"catch-all"}})", "catch-all").size(), 1U);
}

constexpr std::string_view kQueue = R"({"type":"Limited","limited":{"limitResponse":{"type":"Queue","queuing":{}}}})";

TEST(PriorityLevelConfiguration, Defaults) {
  const auto spec = [](std::string_view text, std::string_view name = "l") {
    return made(levels(), object(name, text)).at("spec");
  };
  EXPECT_EQ(spec(kQueue),
            parsed(R"({"type":"Limited","limited":{"nominalConcurrencyShares":30,"lendablePercent":0,"limitResponse":{
                       "type":"Queue","queuing":{"queues":64,"handSize":8,"queueLengthLimit":50}}}})"));
  EXPECT_EQ(spec(R"({"type":"Exempt"})", "exempt"),
            parsed(R"({"type":"Exempt","exempt":{"nominalConcurrencyShares":0,"lendablePercent":0}})"));
  EXPECT_EQ(spec(R"({"type":"Limited","limited":{"nominalConcurrencyShares":0}})")
                .at("limited")
                .at("nominalConcurrencyShares"),
            0);
}

TEST(PriorityLevelConfiguration, IsLimitedOrExempt) {
  EXPECT_THAT(level_problems(kQueue), IsEmpty());
  EXPECT_THAT(level_problems(R"({"type":"Exempt"})"),
              ElementsAre("spec.type: Invalid value: \"Exempt\": type must be 'Exempt' if and only if name is "
                          "'exempt'"));
  EXPECT_THAT(level_problems("{}"),
              ElementsAre("spec.type: Unsupported value: \"\": supported values: \"Exempt\", \"Limited\""));
  EXPECT_THAT(level_problems(R"({"type":"Limited","exempt":{}})"),
              ElementsAre("spec.exempt: Forbidden: must be nil if the type is Limited",
                          "spec.limited: Required value: must not be empty when type is Limited"));
  EXPECT_THAT(level_problems(R"({"type":"Exempt","exempt":{"lendablePercent":50}})", "exempt"), IsEmpty());
  EXPECT_THAT(level_problems(R"({"type":"Exempt","limited":{"limitResponse":{"type":"Reject"}}})", "exempt"),
              ElementsAre("spec.limited: Forbidden: must be nil if the type is not Limited",
                          HasSubstr("spec of 'exempt' except the 'spec.exempt' field must equal the fixed value")));
  EXPECT_THAT(level_problems(R"({"type":"Limited","limited":{"nominalConcurrencyShares":5,"limitResponse":{"type":
                                 "Reject"}}})",
                             "catch-all"),
              IsEmpty());
  EXPECT_THAT(level_problems(kQueue, "catch-all"),
              ElementsAre(HasSubstr("spec of 'catch-all' must equal the fixed value")));
}

TEST(PriorityLevelConfiguration, NumbersFit) {
  const auto limited = [](std::string_view fields) {
    return level_problems(R"({"type":"Limited","limited":{"limitResponse":{"type":"Reject"},)" + std::string(fields) +
                          "}}");
  };
  EXPECT_THAT(limited(R"("nominalConcurrencyShares":-1,"lendablePercent":101,"borrowingLimitPercent":-1)"),
              ElementsAre("spec.limited.nominalConcurrencyShares: Invalid value: -1: must be a non-negative integer",
                          "spec.limited.lendablePercent: Invalid value: 101: must be between 0 and 100, inclusive",
                          "spec.limited.borrowingLimitPercent: Invalid value: -1: if specified, must be a non-negative "
                          "integer"));
  const auto response = [](std::string_view text) {
    return level_problems(R"({"type":"Limited","limited":{"limitResponse":)" + std::string(text) + "}}");
  };
  const std::string at = "spec.limited.limitResponse.";
  EXPECT_THAT(response(R"({"type":"Reject","queuing":{}})"),
              ElementsAre(at + "queuing: Forbidden: must be nil if limited.limitResponse.type is not Limited"));
  EXPECT_THAT(response(R"({"type":"Queue"})"),
              ElementsAre(at + "queuing: Required value: must not be empty if limited.limitResponse.type is Limited"));
  EXPECT_THAT(response(R"({"type":"Wait"})"),
              ElementsAre(at + "type: Unsupported value: \"Wait\": supported values: \"Queue\", \"Reject\""));
  const auto queuing = [&](std::string_view text) {
    return response(R"({"type":"Queue","queuing":)" + std::string(text) + "}");
  };
  EXPECT_THAT(queuing(R"({"queues":-1,"handSize":-1,"queueLengthLimit":-1})"),
              ElementsAre(at + "queuing.queueLengthLimit: Invalid value: -1: must be positive",
                          at + "queuing.queues: Invalid value: -1: must be positive",
                          at + "queuing.handSize: Invalid value: -1: must be positive"));
  EXPECT_THAT(queuing(R"({"queues":10000001,"handSize":1})"),
              ElementsAre(at + "queuing.queues: Invalid value: 10000001: must not be greater than 10000000"));
  EXPECT_THAT(queuing(R"({"queues":4,"handSize":5})"),
              ElementsAre(at + "queuing.handSize: Invalid value: 5: should not be greater than queues (4)"));
  EXPECT_THAT(queuing(R"({"queues":64,"handSize":10})"), IsEmpty());
  EXPECT_THAT(queuing(R"({"queues":64,"handSize":11})"),
              ElementsAre(at + "queuing.handSize: Invalid value: 11: required entropy bits of deckSize 64 and handSize "
                               "11 should not be greater than 60"));
}

TEST(FlowControl, ConditionsHaveATypeOnce) {
  const auto with = [](const Kind& what, std::string_view spec) {
    const Json old = made(what, object("x", spec));
    const Json now =
        made(what, object("x", spec), R"({"status":{"conditions":[{"type":"A"},{"type":"A"},{"status":"True"}]}})");
    return lines(validate(what, now, &old));
  };
  for (const auto& problems :
       {with(schemas(), R"({"priorityLevelConfiguration":{"name":"l"}})"), with(levels(), kQueue)}) {
    EXPECT_THAT(problems, ElementsAre("status.conditions[1].type: Duplicate value: \"A\"",
                                      "status.conditions[2].type: Required value: must not be empty"));
  }
}

TEST(FlowControl, Tables) {
  const auto row = [](const Kind& what, std::string_view spec, std::string_view patch = "{}") {
    return table_row_json(what, made(what, object("x", spec), patch), "{}", schema::IncludeObject::kNone, 0);
  };
  EXPECT_EQ(row(schemas(), R"({"priorityLevelConfiguration":{"name":"l"}})"),
            R"({"cells":["x","l",1000,"\u003cnone\u003e","\u003cunknown\u003e","?"],"object":null})");
  EXPECT_EQ(row(schemas(), R"({"priorityLevelConfiguration":{"name":"l"},"distinguisherMethod":{"type":"ByUser"}})",
                R"({"status":{"conditions":[{"type":"Dangling","status":"False"}]}})"),
            R"({"cells":["x","l",1000,"ByUser","\u003cunknown\u003e","False"],"object":null})");
  EXPECT_EQ(row(levels(), kQueue), R"({"cells":["x","Limited",30,64,8,50,"\u003cunknown\u003e"],"object":null})");
  EXPECT_EQ(row(levels(), R"({"type":"Exempt"})"),
            R"({"cells":["x","Exempt","\u003cnone\u003e","\u003cnone\u003e","\u003cnone\u003e","\u003cnone\u003e",)"
            R"("\u003cunknown\u003e"],"object":null})");
}

}  // namespace
}  // namespace gantry::kinds::flowcontrol_test
