// Admission policies and their bindings: defaults, rules and tables.
#include "core/kinds/cases_testing.hpp"

namespace gantry::kinds::admissionregistration_admission_policy_test {
namespace {

constexpr std::string_view kGroup = "admissionregistration.k8s.io";
const Kind& validating() { return kind(kGroup, "ValidatingAdmissionPolicy"); }
const Kind& mutating() { return kind(kGroup, "MutatingAdmissionPolicy"); }
const Kind& validating_bindings() { return kind(kGroup, "ValidatingAdmissionPolicyBinding"); }
const Kind& mutating_bindings() { return kind(kGroup, "MutatingAdmissionPolicyBinding"); }

constexpr const char* kRule =
    R"({"operations":["CREATE"],"apiGroups":["apps"],"apiVersions":["v1"],"resources":["deployments"]})";
const std::string kMatch = R"("matchConstraints":{"resourceRules":[)" + std::string(kRule) + "]}";
const std::string kValidating = R"({"metadata":{"name":"p"},"spec":{)" + kMatch +
                                R"(,"validations":[{"expression":"object.spec.replicas <= 5"}]}})";
const std::string kMutating = R"({"metadata":{"name":"p"},"spec":{)" + kMatch +
                              R"(,"reinvocationPolicy":"Never","mutations":[{"patchType":"JSONPatch",)"
                              R"("jsonPatch":{"expression":"[JSONPatch{op: 'remove', path: '/spec'}]"}}]}})";
constexpr std::string_view kValidatingBinding = R"({"metadata":{"name":"b"},"spec":{"policyName":"p",
  "validationActions":["Deny"]}})";
constexpr std::string_view kMutatingBinding = R"({"metadata":{"name":"b"},"spec":{"policyName":"p"}})";

std::string spec(const std::string& fields) { return R"({"spec":{)" + fields + "}}"; }

TEST(AdmissionPolicy, Defaults) {
  EXPECT_EQ(answered(validating(), kValidating),
            R"({"metadata":{"name":"p"},"spec":{"matchConstraints":{"namespaceSelector":{},"objectSelector":{},)"
            R"("resourceRules":[{"operations":["CREATE"],"apiGroups":["apps"],"apiVersions":["v1"],)"
            R"("resources":["deployments"],"scope":"*"}],"matchPolicy":"Equivalent"},)"
            R"("validations":[{"expression":"object.spec.replicas \u003c= 5"}],"failurePolicy":"Fail"},"status":{}})");
  const Json policy = made(mutating(), kMutating);
  EXPECT_EQ(policy.at("spec").at("failurePolicy"), "Fail");
  EXPECT_EQ(policy.at("spec").at("matchConstraints").at("matchPolicy"), "Equivalent");
  EXPECT_EQ(answered(validating_bindings(), kValidatingBinding),
            R"({"metadata":{"name":"b"},"spec":{"policyName":"p","validationActions":["Deny"]}})");
  for (const Kind* what : {&validating(), &mutating(), &validating_bindings(), &mutating_bindings()}) {
    EXPECT_TRUE(what->generation) << what->kind;
    EXPECT_FALSE(what->behavior->unconditional_update) << what->kind;
  }
}

TEST(AdmissionPolicy, WhatBothKindsHave) {
  for (const auto& [what, good] : {std::pair(&validating(), kValidating), std::pair(&mutating(), kMutating)}) {
    expect_problems(
        *what, good,
        {{spec(R"("matchConstraints":null)"), {"spec.matchConstraints: Required value"}},
         {spec(R"("matchConstraints":{"resourceRules":null})"),
          {"spec.matchConstraints.resourceRules: Required value"}},
         {spec(R"("failurePolicy":"Warn")"),
          {R"(spec.failurePolicy: Unsupported value: "Warn": supported values: "Fail", "Ignore")"}},
         {spec(R"("matchConstraints":{"matchPolicy":"Any","objectSelector":{"matchLabels":{"a":"b c"}}})"),
          {R"(spec.matchConstraints.matchPolicy: Unsupported value: "Any"...)",
           R"(spec.matchConstraints.objectSelector.matchLabels: Invalid value: "b c"...)"}},
         {spec(R"("matchConstraints":{"excludeResourceRules":[{"resourceNames":["a","..","a"],"operations":["CREATE"],
                  "apiGroups":["*"],"apiVersions":["*"],"resources":["*/*"]}]})"),
          {R"(spec.matchConstraints.excludeResourceRules[0].resourceNames[1]: Invalid value: "..": may not be '..')",
           R"(spec.matchConstraints.excludeResourceRules[0].resourceNames[2]: Duplicate value: "a")"}},
         {spec(R"("matchConditions":[{"name":"a","expression":""}])"),
          {"spec.matchConditions[0].expression: Required value"}}});
  }
}

TEST(AdmissionPolicy, VariablesHaveNames) {
  const auto variable = [](const std::string& name, const std::string& expression) {
    return spec(R"("variables":[{"name":")" + name + R"(","expression":")" + expression + "\"}]");
  };
  const auto no_name = [&](const std::string& name) {
    return Case{variable(name, "1"),
                {R"(spec.variables[0].name: Invalid value: ")" + name + "\": name is not a valid CEL identifier"}};
  };
  expect_problems(validating(), kValidating,
                  {{variable("_a1", "1"), {}},
                   {variable(" ", " "),
                    {"spec.variables[0].name: Required value: name is not specified",
                     "spec.variables[0].expression: Required value: expression is not specified"}},
                   no_name("1a"),
                   no_name("a-b"),
                   no_name("in"),
                   no_name("namespace"),
                   no_name("true")});
}

TEST(AdmissionPolicy, ParametersHaveAKind) {
  const auto params = [](const std::string& version, const std::string& kind) {
    return spec(R"("paramKind":{"apiVersion":")" + version + R"(","kind":")" + kind + "\"}");
  };
  const std::string at = "spec.paramKind.";
  expect_problems(
      mutating(), kMutating,
      {{params("v1", "ConfigMap"), {}},
       {params("", ""), {at + "apiVersion: Required value", at + "kind: Required value"}},
       {params("a/b/c", "K"), {at + R"(apiVersion: Invalid value: "a/b/c": unexpected GroupVersion string: a/b/c)"}},
       {params("A.b/v1", "K"), {at + R"(apiVersion: Invalid value: "A.b": a lowercase...)"}},
       {params("a.b/", "K"), {at + R"(apiVersion: Invalid value: "a.b/": version must be specified)"}},
       {params("a.b/1", "K"), {at + R"(apiVersion: Invalid value: "1": a DNS-1035 label...)"}},
       {params("v1", "1K"),
        {at + R"(kind: Invalid value: "1K": may have mixed case, but should otherwise match: a DNS...)"}}});
  EXPECT_EQ(cells(mutating(), kMutating, params("a.b/v1", "K")), R"(["p",1,"a.b/v1/K"])");
  EXPECT_EQ(cells(validating(), kValidating), R"(["p",1,"<unset>"])");
}

TEST(ValidatingAdmissionPolicy, Validations) {
  const auto one = [](const std::string& fields) { return spec(R"("validations":[{)" + fields + "}]"); };
  const std::string at = "spec.validations[0].";
  expect_problems(
      validating(), kValidating,
      {{spec(R"("validations":[])"),
        {"spec.validations: Required value: validations or auditAnnotations must contain at least one item",
         "spec.auditAnnotations: Required value: validations or auditAnnotations must contain at least one item"}},
       {one(R"("expression":" ")"), {at + "expression: Required value: expression is not specified"}},
       {one(R"("expression":"true","message":" ","messageExpression":" ")"),
        {at + R"(messageExpression: Invalid value: " ": must be non-empty if specified)",
         at + R"(message: Invalid value: " ": message must be non-empty if specified)"}},
       {one(R"("expression":"true","message":"a\nb")"),
        {at + "message: Invalid value: \"a\\nb\": message must not contain line breaks"}},
       {one(R"("expression":"true","message":"a\n")"), {}},
       {one(R"("expression":"true","reason":"NotFound")"),
        {at + R"(reason: Unsupported value: "NotFound": supported values: "Forbidden", "Invalid", )"
              R"("RequestEntityTooLarge", "Unauthorized")"}}});
}

// What each of them may refer to, and must be.
TEST(ValidatingAdmissionPolicy, ExpressionsCompile) {
  const auto validation = [](const std::string& key, const std::string& expression) {
    const std::string first = key == "expression" ? "" : R"("expression":"true",)";
    return spec(R"("validations":[{)" + first + "\"" + key + "\":\"" + expression + "\"}]");
  };
  const auto refused = [](const std::string& key, const std::string& expression, const std::string& why) {
    return Problems{"spec.validations[0]." + key + ": Invalid value: \"" + expression + "\": " + why};
  };
  const std::string failed = "compilation failed: ERROR: <input>:1:";
  const auto wrong = [&](const std::string& key, const std::string& expression, const std::string& why) {
    return Case{validation(key, expression), refused(key, expression, why)};
  };
  expect_problems(
      validating(), kValidating,
      {wrong("expression", "1 +",
             failed + "4: Syntax error: mismatched input '<EOF>' expecting {'[', '{', '(', '.', '-', '!', 'true', "
                      "'false', 'null', NUM_FLOAT, NUM_INT, NUM_UINT, STRING, BYTES, IDENTIFIER}\n | 1 +\n | ...^"),
       wrong("expression", "object.a < x",
             failed + "12: undeclared reference to 'x' (in container '')\n | object.a < x\n"
                      " | ...........^"),
       wrong("expression", "params.a == 1", failed + "1: undeclared reference to 'params'..."),
       wrong("expression", "variables.a == 1", failed + "1: undeclared reference to 'variables'..."),
       wrong("expression", "request.foo == 1", failed + "8: undefined field 'foo'..."),
       wrong("expression", "object.spec", "must evaluate to bool but got dyn"),
       wrong("expression", "JSONPatch{} == null", failed + "10: undeclared reference to 'JSONPatch'..."),
       wrong("messageExpression", "1", "must evaluate to string but got int"),
       wrong("messageExpression", "string(authorizer.path('/').check('get').allowed())",
             failed + "8: undeclared reference to 'authorizer'..."),
       {validation("expression",
                   "authorizer.requestResource.check('update').allowed() && "
                   "request.userInfo.groups.exists(g, g == 'a') && "
                   "namespaceObject.metadata.labels[?'a'].orValue('') != oldObject.metadata.name"),
        {}},
       {validation("messageExpression", "'at most ' + string(object.spec.replicas)"), {}},
       {spec(R"("paramKind":{"apiVersion":"v1","kind":"ConfigMap"},"validations":[{"expression":"params.a == 1"}],
                "matchConditions":[{"name":"a","expression":"params.b == 2"}])"),
        {}},
       {spec(R"("auditAnnotations":[{"key":"k","valueExpression":" 1"}])"),
        {R"(spec.auditAnnotations[0].valueExpression: Invalid value: " 1": must evaluate to one of [string null_type] but )"
         "got int"}}});
}

TEST(ValidatingAdmissionPolicy, ExpressionsKnowVariables) {
  const auto with = [](const std::string& variables, const std::string& expression) {
    return spec(R"("variables":[)" + variables + R"(],"validations":[{"expression":")" + expression + "\"}]");
  };
  const std::string text = R"({"name":"a","expression":"object.a.b + 'c'"})";
  const std::string twice = text + R"(,{"name":"b","expression":"[variables.a]"})";
  const std::string failed = "compilation failed: ERROR: <input>:1:";
  const std::string at = "spec.validations[0].expression: Invalid value: ";
  expect_problems(
      validating(), kValidating,
      {{with(twice, "variables.b[0].startsWith('d')"), {}},
       {with(twice, "variables.c == 1"), {at + R"("variables.c == 1": )" + failed + "10: undefined field 'c'..."}},
       {with(twice, "variables.a == 1"),
        {at + R"("variables.a == 1": )" + failed +
         "13: found no matching overload for '_==_' applied to '(string, int)'..."}},
       {with(R"~({"name":"q","expression":"quantity(object.a)"})~", "variables.q.anything == 1"), {}},
       {with(R"({"name":"b","expression":"variables.a"},)" + text, "variables.a == ''"),
        {R"(spec.variables[0].expression: Invalid value: "variables.a": )" + failed + "1: undeclared reference..."}},
       {spec(R"("variables":[)" + text + R"(],"matchConditions":[{"name":"m","expression":" variables.a == 1"}])"),
        {R"(spec.matchConditions[0].expression: Invalid value: "variables.a == 1": )" + failed +
         "1: undeclared reference to 'variables'..."}}});
}

// Conditions that are there already are not looked at, as long as their parameters are as they were.
TEST(ValidatingAdmissionPolicy, ConditionsThatWereTakenStay) {
  const Json old = made(validating(), kValidating, spec(R"("matchConditions":[{"name":"a","expression":"1"}])"));
  const std::string conditions = R"("matchConditions":[{"name":"a","expression":"1"}])";
  const auto problems = [&](const std::string& fields) {
    return lines(validate(validating(), made(validating(), kValidating, spec(fields)), &old));
  };
  EXPECT_THAT(problems(conditions + R"(,"failurePolicy":"Ignore")"), ::testing::IsEmpty());
  const std::string refused =
      R"(spec.matchConditions[0].expression: Invalid value: "1": must evaluate to bool but got int)";
  EXPECT_THAT(problems(conditions + R"(,"paramKind":{"apiVersion":"v1","kind":"A"})"), ::testing::ElementsAre(refused));
  EXPECT_THAT(problems(R"("matchConditions":[{"name":"b","expression":"1"}])"), ::testing::ElementsAre(refused));
}

TEST(ValidatingAdmissionPolicy, AuditAnnotations) {
  const auto notes = [](const std::string& list) {
    return spec(R"("validations":null,"auditAnnotations":[)" + list + "]");
  };
  const std::string at = "spec.auditAnnotations";
  std::string many;
  for (int i = 0; i < 21; ++i)
    many += (i > 0 ? "," : "") + (R"({"valueExpression":"'1'","key":"k)" + std::to_string(i) + "\"}");
  const auto long_value = [&](size_t size) {
    return notes(R"({"key":"k","valueExpression":"')" + std::string(size - 2, 'v') + "'\"}");
  };
  expect_problems(
      validating(), kValidating,
      {{notes(R"({"key":"k","valueExpression":"'1'"})"), {}},
       {notes(R"({"key":"a b","valueExpression":" "})"),
        {at + R"([0].key: Invalid value: "p/a b": name part must consist...)",
         at + "[0].valueExpression: Required value: valueExpression is not specified"}},
       {notes(R"({"key":"k","valueExpression":"'1'"},{"key":"k","valueExpression":"'1'"})"),
        {at + R"([1].key: Duplicate value: "k")"}},
       {long_value(5120), {}},
       {long_value(5121), {at + "[0].valueExpression: Required value: must not exceed 5120 bytes in length"}},
       {notes(many), {at + ": Invalid value: [..."}},
       {R"({"metadata":{"name":"","generateName":"p-"},"spec":{"auditAnnotations":[{"key":"k","valueExpression":"'1'"}]}})",
        {at + R"([0].key: Invalid value: "k": requires metadata.name be non-empty)"}}});
}

TEST(ValidatingAdmissionPolicy, Status) {
  expect_update_problems(
      validating(), kValidating,
      {{R"({"status":{"typeChecking":{"expressionWarnings":[{"fieldRef":"spec.validations[0].expression","warning":"w"}]}}})",
        {}},
       {R"({"status":{"typeChecking":{"expressionWarnings":[{}]},"conditions":[{"type":"A"}]}})",
        {"status.typeChecking.expressionWarnings[0].warning: Required value",
         "status.typeChecking.expressionWarnings[0].fieldRef: Required value",
         "status.conditions[0].status: Unsupported value...",
         "status.conditions[0].lastTransitionTime: Required value: must be set",
         "status.conditions[0].reason: Required value: must be set"}}});
}

TEST(MutatingAdmissionPolicy, Mutations) {
  const auto one = [](const std::string& fields) { return spec(R"("mutations":[{)" + fields + "}]"); };
  const std::string at = "spec.mutations[0].";
  expect_problems(
      mutating(), kMutating,
      {{spec(R"("mutations":[],"reinvocationPolicy":null)"),
        {"spec.mutations: Required value: mutations must contain at least one item",
         "spec.reinvocationPolicy: Required value"}},
       {spec(R"("reinvocationPolicy":"Always")"),
        {R"(spec.reinvocationPolicy: Unsupported value: "Always": supported values: "IfNeeded", "Never")"}},
       {one(""), {at + "patchType: Required value"}},
       {one(R"("patchType":"Merge")"),
        {at + R"(patchType: Unsupported value: "Merge": supported values: "ApplyConfiguration", "JSONPatch")"}},
       {one(R"("patchType":"JSONPatch","applyConfiguration":{"expression":"Object{}"})"),
        {at + "jsonPatch: Required value: must be specified when patchType is JSONPatch",
         at +
             R"(applyConfiguration: Invalid value: "{applyConfiguration}": must not be specified when patchType is JSONPatch)"}},
       {one(R"("patchType":"ApplyConfiguration","jsonPatch":{"expression":"[]"})"),
        {at + "applyConfiguration: Required value: must be specified when patchType is ApplyConfiguration",
         at +
             R"(jsonPatch: Invalid value: "{jsonPatch}": must not be specified when patchType is ApplyConfiguration)"}},
       {one(R"("patchType":"JSONPatch","jsonPatch":{"expression":"[]"})"),
        {at + R"(jsonPatch.expression: Invalid value: "[]": must evaluate to list(JSONPatch) but got list(dyn))"}},
       {one(R"("patchType":"ApplyConfiguration","applyConfiguration":{"expression":"object"})"),
        {at + R"(applyConfiguration.expression: Invalid value: "object": must evaluate to Object but got dyn)"}},
       {one(R"("patchType":"JSONPatch","jsonPatch":{"expression":"has(object.a) ? [] : [JSONPatch{op: 'add', )"
            R"(path: '/metadata/labels/' + jsonpatch.escapeKey('a/b'), value: Object.metadata{name: 'a'}}]"})"),
        {}},
       {one(R"("patchType":"ApplyConfiguration","applyConfiguration":{
               "expression":"Object{spec: Object.spec{?replicas: object.spec.?replicas}}"})"),
        {}},
       {one(R"("patchType":"ApplyConfiguration","applyConfiguration":{"expression":" "})"),
        {at + "applyConfiguration.expression: Required value"}},
       {spec(R"("matchConstraints":{"resourceRules":[{"operations":["DELETE"],"apiGroups":["*"],"apiVersions":["*"],
                "resources":["*"]}]})"),
        {R"(spec.matchConstraints.resourceRules.operations: Unsupported value: "DELETE": supported values: "*", )"
         R"("CONNECT", "CREATE", "UPDATE")"}}});
  expect_update_problems(mutating(), kMutating, {{spec(R"("mutations":null)"), {"spec.mutations: Required value..."}}});
}

TEST(AdmissionPolicyBinding, NamesAPolicyAndItsParameters) {
  const auto ref = [](const std::string& fields) { return spec(R"("paramRef":{)" + fields + "}"); };
  const std::string at = "spec.paramRef";
  const std::vector<Case> both = {
      {spec(R"("policyName":null)"), {"spec.policyName: Required value"}},
      {spec(R"("policyName":"P")"), {R"(spec.policyName: Invalid value: "P": a lowercase...)"}},
      {ref(R"("name":"n","parameterNotFoundAction":"Allow")"), {}},
      {ref(R"("selector":{},"parameterNotFoundAction":"Deny")"), {}},
      {ref(R"("parameterNotFoundAction":"")"),
       {at + ": Required value: one of name or selector must be specified",
        at + ".parameterNotFoundAction: Required value"}},
      {ref(R"("name":"a/b","selector":{},"parameterNotFoundAction":"Ask")"),
       {at + R"(.name: Invalid value: "a/b": may not contain '/')",
        at + ".name: Forbidden: name and selector are mutually exclusive",
        at + ".selector: Forbidden: name and selector are mutually exclusive",
        at + R"(.parameterNotFoundAction: Unsupported value: "Ask": supported values: "Deny", "Allow")"}},
      {spec(R"("matchResources":{"resourceRules":[{}]})"),
       {"spec.matchResources.resourceRules[0].operations: Required value...",
        "spec.matchResources.resourceRules[0].apiGroups: Required value...",
        "spec.matchResources.resourceRules[0].apiVersions: Required value...",
        "spec.matchResources.resourceRules[0].resources: Required value..."}}};
  expect_problems(validating_bindings(), kValidatingBinding, both);
  expect_problems(mutating_bindings(), kMutatingBinding, both);
  EXPECT_EQ(cells(validating_bindings(), kValidatingBinding), R"(["b","p","<unset>"])");
  EXPECT_EQ(cells(mutating_bindings(), kMutatingBinding, ref(R"("name":"n")")), R"(["b","p","*/n"])");
  EXPECT_EQ(cells(mutating_bindings(), kMutatingBinding, ref(R"("name":"n","namespace":"d")")), R"(["b","p","d/n"])");
  EXPECT_EQ(cells(mutating_bindings(), kMutatingBinding, ref(R"("selector":{"matchLabels":{"a":"b"}})")),
            R"(["b","p","a=b"])");
}

TEST(AdmissionPolicyBinding, Actions) {
  const auto actions = [](const std::string& list) { return spec(R"("validationActions":)" + list); };
  const std::string at = "spec.validationActions";
  expect_problems(validating_bindings(), kValidatingBinding,
                  {{actions(R"(["Audit","Warn"])"), {}},
                   {actions("[]"), {at + ": Required value: at least one validation action is required"}},
                   {actions(R"(["Block"])"),
                    {at + R"([0]: Unsupported value: "Block": supported values: "Audit", "Deny", "Warn")"}},
                   {actions(R"(["Audit","Audit"])"), {at + R"([1]: Duplicate value: "Audit")"}},
                   {actions(R"(["Deny","Warn"])"),
                    {at + R"(: Invalid value: ["Deny","Warn"]: must not contain both Deny and Warn...)"}}});
}

}  // namespace
}  // namespace gantry::kinds::admissionregistration_admission_policy_test
