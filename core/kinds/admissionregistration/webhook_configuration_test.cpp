// Webhook configurations: defaults, rules and table.
#include "core/kinds/cases_testing.hpp"

namespace gantry::kinds::admissionregistration_webhook_configuration_test {
namespace {

constexpr std::string_view kGroup = "admissionregistration.k8s.io";
const Kind& validating() { return kind(kGroup, "ValidatingWebhookConfiguration"); }
const Kind& mutating() { return kind(kGroup, "MutatingWebhookConfiguration"); }

constexpr std::string_view kGood = R"({"metadata":{"name":"w"},"webhooks":[{"name":"a.acme.io","clientConfig":
  {"url":"https://host/path"},"sideEffects":"None","admissionReviewVersions":["v1"]}]})";

// A webhook that is good but for some fields.
std::string webhook(const std::string& fields) {
  const Json base = parsed(kGood).at("webhooks").at(0);
  const auto merged = schema::merge_patch(base, parsed("{" + fields + "}"));
  return boost::json::serialize(*merged);
}
std::string webhooks(const std::string& list) { return R"({"webhooks":[)" + list + "]}"; }
std::string with(const std::string& fields) { return webhooks(webhook(fields)); }
std::string url(const std::string& url) { return with(R"("clientConfig":{"url":")" + url + R"("})"); }
std::string service(const std::string& fields) {
  return with(R"("clientConfig":{"url":null,"service":{)" + fields + "}}");
}
std::string path(const std::string& path) { return service(R"("name":"n","namespace":"d","path":")" + path + "\""); }
std::string rule(const std::string& fields) {
  const auto merged = schema::merge_patch(
      parsed(R"({"operations":["CREATE"],"apiGroups":[""],"apiVersions":["v1"],"resources":["pods"]})"),
      parsed("{" + fields + "}"));
  return with(R"("rules":[)" + boost::json::serialize(*merged) + "]");
}

TEST(WebhookConfiguration, Defaults) {
  const std::string patch =
      webhooks(webhook(R"("rules":[{"operations":["*"],"apiGroups":["*"],"apiVersions":["*"],"resources":["*"]}],
                 "clientConfig":{"url":null,"service":{"name":"n","namespace":"d"}})"));
  EXPECT_EQ(answered(validating(), kGood, patch),
            R"({"metadata":{"name":"w"},"webhooks":[{"name":"a.acme.io","clientConfig":{"service":{"namespace":"d",)"
            R"("name":"n","port":443}},"rules":[{"operations":["*"],"apiGroups":["*"],"apiVersions":["*"],)"
            R"("resources":["*"],"scope":"*"}],"failurePolicy":"Fail","matchPolicy":"Equivalent",)"
            R"("namespaceSelector":{},"objectSelector":{},"sideEffects":"None","timeoutSeconds":10,)"
            R"("admissionReviewVersions":["v1"]}]})");
  EXPECT_EQ(made(mutating(), kGood).at("webhooks").at(0).at("reinvocationPolicy"), "Never");
  EXPECT_TRUE(mutating().generation);
  EXPECT_FALSE(validating().behavior->unconditional_update);
}

TEST(WebhookConfiguration, Webhooks) {
  const std::string at = "webhooks[0].";
  for (const Kind* what : {&validating(), &mutating()}) {
    expect_problems(
        *what, kGood,
        {{R"({"webhooks":[]})", {}},
         {with(R"("name":"")"), {at + "name: Required value"}},
         {with(R"("name":"a.b")"),
          {at + R"(name: Invalid value: "a.b": should be a domain with at least three segments separated by dots)"}},
         {with(R"("name":"A.b.c")"), {at + R"(name: Invalid value: "A.b.c": a lowercase...)"}},
         {webhooks(webhook("") + "," + webhook("")), {R"(webhooks[1].name: Duplicate value: "a.acme.io")"}},
         {with(R"("failurePolicy":"Retry")"),
          {at + R"(failurePolicy: Unsupported value: "Retry": supported values: "Fail", "Ignore")"}},
         {with(R"("matchPolicy":"Any")"),
          {at + R"(matchPolicy: Unsupported value: "Any": supported values: "Equivalent", "Exact")"}},
         {with(R"("timeoutSeconds":31)"),
          {at + "timeoutSeconds: Invalid value: 31: the timeout value must be between 1 and 30 seconds"}},
         {with(R"("timeoutSeconds":0)"), {at + "timeoutSeconds: Invalid value: 0: the timeout value must be..."}},
         {with(R"("sideEffects":null)"), {at + "sideEffects: Required value: must specify one of None, NoneOnDryRun"}},
         {with(R"("sideEffects":"Some")"),
          {at + R"(sideEffects: Unsupported value: "Some": supported values: "None", "NoneOnDryRun")"}},
         {with(R"("namespaceSelector":{"matchLabels":{"a":"b c"}})"),
          {at + R"(namespaceSelector.matchLabels: Invalid value: "b c"...)"}},
         {with(R"("objectSelector":{"matchLabels":{"a":"b c"}})"),
          {at + R"(objectSelector.matchLabels: Invalid value: "b c"...)"}},
         {with(R"("admissionReviewVersions":[])"),
          {at + "admissionReviewVersions: Required value: must specify one of v1, v1beta1"}},
         {with(R"("admissionReviewVersions":["v2","v2","V"])"),
          {at + R"(admissionReviewVersions[1]: Invalid value: "v2": duplicate version)",
           at + R"(admissionReviewVersions[2]: Invalid value: "V": a DNS-1035 label...)",
           at +
               R"(admissionReviewVersions: Invalid value: ["v2","v2","V"]: must include at least one of v1, v1beta1)"}},
         {with(R"("admissionReviewVersions":["v9","v1beta1"])"), {}}});
  }
  expect_problems(
      mutating(), kGood,
      {{with(R"("reinvocationPolicy":"Always")"),
        {at + R"(reinvocationPolicy: Unsupported value: "Always": supported values: "IfNeeded", "Never")"}}});
}

TEST(WebhookConfiguration, Conditions) {
  const auto conditions = [](const std::string& list) { return with(R"("matchConditions":[)" + list + "]"); };
  const std::string at = "webhooks[0].matchConditions";
  std::string many;
  for (int i = 0; i < 65; ++i)
    many += (i > 0 ? "," : "") + (R"({"expression":"true","name":"c)" + std::to_string(i) + "\"}");
  expect_problems(
      validating(), kGood,
      {{conditions(R"~({"name":"a","expression":"request.operation == 'CREATE' && !has(object.metadata.labels)"})~"),
        {}},
       {conditions(R"({"name":"a","expression":" object.a ( "})"),
        {at + R"([0].expression: Invalid value: "object.a (": compilation failed: ERROR: <input>:1:11: Syntax...)"}},
       {conditions(R"({"name":"a","expression":"params.a == 1"})"),
        {at +
         R"([0].expression: Invalid value: "params.a == 1": compilation failed: ERROR: <input>:1:1: undeclared...)"}},
       {conditions(R"({"expression":" "})"), {at + "[0].name: Required value", at + "[0].expression: Required value"}},
       {conditions(R"({"name":"a b","expression":"true"})"), {at + R"([0].name: Invalid value: "a b": name part...)"}},
       {conditions(R"({"name":"a","expression":"true"},{"name":"a","expression":"true"})"),
        {at + R"([1].name: Duplicate value: "a")"}},
       {conditions(many), {at + ": Too many: 65: must have at most 64 items"}}});
}

TEST(WebhookConfiguration, IsCalledByUrlOrService) {
  const std::string at = "webhooks[0].clientConfig", form = "; desired format: https://host[/path]";
  const auto wrong = [&](const std::string& text, const std::string& part, const std::string& why) {
    return Case{url(text), {at + ".url: Invalid value: \"" + part + "\": " + why}};
  };
  expect_problems(
      validating(), kGood,
      {{with(R"("clientConfig":{"url":null})"), {at + ": Required value: exactly one of url or service is required"}},
       {with(R"("clientConfig":{"service":{"name":"n","namespace":"d"}})"),
        {at + ": Required value: exactly one of url or service is required"}},
       {url("https://[::1]:8443/a?"), {}},
       wrong("http://host", "http", "'https' is the only allowed URL scheme" + form),
       wrong("https:///path", "", "host must be specified" + form),
       wrong("https://me:pw@host", "me:pw", "user information is not permitted in the URL"),
       wrong("https://host/#top", "top", "fragments are not permitted in the URL"),
       wrong("https://host?a=b", "a=b", "query parameters are not permitted in the URL"),
       {url("host/path"),
        {at + R"(.url: Invalid value: "": 'https' is the only...)", at + R"(.url: Invalid value: "": host must...)"}},
       {url("https://host:web/"),
        {at +
         ".url: Required value: url must be a valid URL: parse \"https://host:web/\": invalid port \":web\" after "
         "host" +
         form}},
       {url("://"),
        {at + ".url: Required value: url must be a valid URL: parse \"://\": missing protocol scheme" + form}}});
}

TEST(WebhookConfiguration, Services) {
  const std::string at = "webhooks[0].clientConfig.service.";
  const auto wrong = [&](const std::string& text, const std::string& why) {
    return Case{path(text), {at + "path: Invalid value: \"" + text + "\": " + why}};
  };
  expect_problems(validating(), kGood,
                  {{service(""),
                    {at + "name: Required value: service name is required",
                     at + "namespace: Required value: service namespace is required"}},
                   {service(R"("name":"n","namespace":"d","port":0)"),
                    {at + "port: Invalid value: 0: port is not valid: must be between 1 and 65535, inclusive"}},
                   {path("/"), {}},
                   {path("/a/b-c/"), {}},
                   wrong("//", "segment[0] may not be empty"),
                   wrong("/a//b", "segment[1] may not be empty"),
                   wrong("/a/B", "segment[1]: a lowercase..."),
                   {path("a/b"),
                    {at + R"(path: Invalid value: "a/b": must start with a '/')",
                     at + R"(path: Invalid value: "a/b": segment[0] may not be empty)"}}});
}

TEST(WebhookConfiguration, Rules) {
  const std::string at = "webhooks[0].rules[0].";
  expect_problems(
      validating(), kGood,
      {{with(R"("rules":[{}])"),
        {at + "operations: Required value", at + "apiGroups: Required value", at + "apiVersions: Required value",
         at + "resources: Required value"}},
       {rule(R"("operations":["*","CREATE"],"apiGroups":["*",""],"apiVersions":["*","v1"])"),
        {at + R"(operations: Invalid value: ["*","CREATE"]: if '*' is present, must not specify other operations)",
         at + R"(apiGroups: Invalid value: ["*",""]: if '*' is present, must not specify other API groups)",
         at + R"(apiVersions: Invalid value: ["*","v1"]: if '*' is present, must not specify other API versions)"}},
       {rule(R"("operations":["GET"])"),
        {at +
         R"(operations[0]: Unsupported value: "GET": supported values: "*", "CONNECT", "CREATE", "DELETE", "UPDATE")"}},
       {rule(R"("apiVersions":[""])"), {at + "apiVersions[0]: Required value"}},
       {rule(R"("scope":"World")"),
        {at + R"(scope: Unsupported value: "World": supported values: "*", "Cluster", "Namespaced")"}},
       {rule(R"("resources":["pods/*","pods/log","*/scale","rs/scale","*"])"),
        {at + R"(resources[1]: Invalid value: "pods/log": if 'pods/*' is present, must not specify pods/log)",
         at + R"(resources[3]: Invalid value: "rs/scale": if '*/scale' is present, must not specify rs/scale)"}},
       {rule(R"("resources":["*/*","pods"])"),
        {at + R"(resources: Invalid value: ["*/*","pods"]: if '*/*' is present, must not specify other resources)"}},
       {rule(R"("resources":["*","pods"])"),
        {at + R"(resources: Invalid value: ["*","pods"]: if '*' is present, must not specify other resources without )"
              "subresources"}},
       {rule(R"("resources":[""])"), {at + "resources[0]: Required value"}}});
}

TEST(WebhookConfiguration, UpdatesAndTable) {
  expect_update_problems(validating(), kGood,
                         {{R"({"metadata":{"labels":{"a":"b"}}})", {}},
                          {with(R"("sideEffects":"Some")"), {"webhooks[0].sideEffects: Unsupported value..."}}});
  EXPECT_EQ(cells(validating(), kGood), R"(["w",1])");
  EXPECT_EQ(cells(mutating(), kGood, R"({"webhooks":null})"), R"(["w",0])");
}

}  // namespace
}  // namespace gantry::kinds::admissionregistration_webhook_configuration_test
