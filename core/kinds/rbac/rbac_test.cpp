// Roles and bindings: defaults, rules, tables.
#include "core/kinds/kinds_testing.hpp"
#include "core/schema/table/table.hpp"

namespace gantry::kinds::rbac_test {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

const Kind& of(const std::string& name) { return kind("rbac.authorization.k8s.io", name); }
std::string head(const std::string& kind) {
  return std::string(R"({"metadata":{"name":"r:s")") + (kind.starts_with("Cluster") ? "" : R"(,"namespace":"n")") +
         "},";
}
Problems rules(const std::string& kind, const std::string& list) {
  return problems(of(kind), head(kind) + R"("rules":[)" + list + "]}");
}
std::string binding(const std::string& kind, const std::string& ref, const std::string& subjects = "") {
  return head(kind) + R"("roleRef":)" + ref + R"(,"subjects":[)" + subjects + "]}";
}
Problems subjects(const std::string& kind, const std::string& list) {
  return problems(of(kind), binding(kind, R"({"kind":"ClusterRole","name":"r"})", list));
}

TEST(Role, HasRulesThatAreWhole) {
  constexpr const char* kPods = R"({"verbs":["get"],"apiGroups":[""],"resources":["pods"]})";
  constexpr const char* kUrls = R"({"verbs":["get"],"nonResourceURLs":["/healthz"]})";
  for (const char* kind : {"Role", "ClusterRole"}) {
    EXPECT_THAT(rules(kind, kPods), IsEmpty()) << "and its name may have a colon";
    EXPECT_THAT(rules(kind, "{}"),
                ElementsAre("rules[0].verbs: Required value: verbs must contain at least one value",
                            "rules[0].apiGroups: Required value: resource rules must supply at least "
                            "one api group",
                            "rules[0].resources: Required value: resource rules must supply at least "
                            "one resource"));
  }
  EXPECT_THAT(rules("ClusterRole", kUrls), IsEmpty());
  EXPECT_THAT(rules("Role", std::string(kPods) + "," + kUrls),
              ElementsAre("rules[1].nonResourceURLs: Invalid value: [\"/healthz\"]: namespaced rules cannot apply to "
                          "non-resource URLs"));
  EXPECT_THAT(rules("ClusterRole", R"({"verbs":["get"],"nonResourceURLs":["/a"],"resources":["pods"]})"),
              ElementsAre("rules[0].nonResourceURLs: Invalid value: [\"/a\"]: rules cannot apply to both regular "
                          "resources and non-resource URLs"));
}

TEST(ClusterRole, IsPutTogetherBySelectors) {
  const auto with = [](const std::string& selectors) {
    return problems(of("ClusterRole"),
                    head("ClusterRole") + R"("aggregationRule":{"clusterRoleSelectors":[)" + selectors + "]}}");
  };
  EXPECT_THAT(with(R"({"matchLabels":{"a":"b"}})"), IsEmpty());
  EXPECT_THAT(with(""), ElementsAre("aggregationRule.clusterRoleSelectors: Required value: at least one "
                                    "clusterRoleSelector required if aggregationRule is non-nil"));
  EXPECT_THAT(with(R"({"matchExpressions":[{"key":"a","operator":"Near"}]})"),
              ElementsAre(HasSubstr("aggregationRule.clusterRoleSelectors[0].matchExpressions[0].operator: ")));
}

TEST(Role, IsWrittenAsUpstreamWritesIt) {
  const auto json = [](const char* name, const std::string& text) {
    return schema::encode_json(*of(name).message, made(of(name), text));
  };
  EXPECT_EQ(json("Role", R"({"metadata":{"name":"r","namespace":"n"}})"),
            R"({"metadata":{"name":"r","namespace":"n"},"rules":null})");
  EXPECT_EQ(
      json("RoleBinding",
           R"({"metadata":{"name":"r","namespace":"n"},"roleRef":{"kind":"Role","name":"x"},"subjects":[
                     {"kind":"User","name":"u"},{"kind":"Group","name":"g"},{"kind":"ServiceAccount","name":"s"}]})"),
      R"({"metadata":{"name":"r","namespace":"n"},"subjects":[{"kind":"User","apiGroup":"rbac.authorization.k8s.io",)"
      R"("name":"u"},{"kind":"Group","apiGroup":"rbac.authorization.k8s.io","name":"g"},{"kind":"ServiceAccount",)"
      R"("name":"s"}],"roleRef":{"apiGroup":"rbac.authorization.k8s.io","kind":"Role","name":"x"}})");
}

TEST(RoleBinding, NamesARole) {
  const auto with = [](const std::string& kind, const std::string& ref) {
    return problems(of(kind), binding(kind, ref));
  };
  EXPECT_THAT(with("RoleBinding", R"({"kind":"Role","name":"a"})"), IsEmpty());
  EXPECT_THAT(with("RoleBinding", R"({"kind":"Pod","apiGroup":"apps"})"),
              ElementsAre("roleRef.apiGroup: Unsupported value: \"apps\": supported values: "
                          "\"rbac.authorization.k8s.io\"",
                          "roleRef.kind: Unsupported value: \"Pod\": supported values: \"Role\", \"ClusterRole\"",
                          "roleRef.name: Required value"));
  EXPECT_THAT(with("ClusterRoleBinding", R"({"kind":"Role","name":"a/b"})"),
              ElementsAre("roleRef.kind: Unsupported value: \"Role\": supported values: \"ClusterRole\"",
                          "roleRef.name: Invalid value: \"a/b\": may not contain '/'"));
  EXPECT_THAT(problems(of("RoleBinding"), binding("RoleBinding", R"({"kind":"Role","name":"b"})"),
                       binding("RoleBinding", R"({"kind":"Role","name":"a"})")),
              ElementsAre("roleRef: Invalid value: {\"apiGroup\":\"rbac.authorization.k8s.io\",\"kind\":\"Role\","
                          "\"name\":\"b\"}: cannot change roleRef"));
}

TEST(RoleBinding, NamesWhoIsGivenIt) {
  EXPECT_THAT(subjects("RoleBinding", R"({"kind":"ServiceAccount","name":"s"})"), IsEmpty());
  EXPECT_THAT(subjects("ClusterRoleBinding", R"({"kind":"ServiceAccount","name":"s"})"),
              ElementsAre("subjects[0].namespace: Required value"));
  EXPECT_THAT(subjects("RoleBinding", R"({"kind":"ServiceAccount","name":"S","apiGroup":"a"})"),
              ElementsAre(HasSubstr("subjects[0].name: Invalid value: \"S\": a lowercase RFC 1123 subdomain"),
                          "subjects[0].apiGroup: Unsupported value: \"a\": supported values: \"\""));
  EXPECT_THAT(subjects("RoleBinding", R"({"kind":"User","apiGroup":"a"})"),
              ElementsAre("subjects[0].name: Required value",
                          "subjects[0].name: Invalid value: \"\": user name cannot be empty",
                          "subjects[0].apiGroup: Unsupported value: \"a\": supported values: "
                          "\"rbac.authorization.k8s.io\""));
  EXPECT_THAT(subjects("RoleBinding", R"({"kind":"Dog","name":"d"})"),
              ElementsAre("subjects[0].kind: Unsupported value: \"Dog\": supported values: \"ServiceAccount\", "
                          "\"User\", \"Group\""));
}

TEST(RoleBinding, ATableSaysWho) {
  const auto row = [](const char* name, const std::string& json) {
    return table_row_json(of(name), made(of(name), json), "{}", schema::IncludeObject::kNone, 0);
  };
  EXPECT_EQ(row("Role", R"({"metadata":{"name":"r","namespace":"n","creationTimestamp":"2026-01-01T00:00:00Z"}})"),
            R"({"cells":["r","2026-01-01T00:00:00Z"],"object":null})");
  EXPECT_EQ(row("RoleBinding", binding("RoleBinding", R"({"kind":"Role","name":"x"})",
                                       R"({"kind":"User","name":"a"},{"kind":"User","name":"b"},
                                          {"kind":"ServiceAccount","name":"s","namespace":"n"})")),
            R"({"cells":["r:s","Role/x","\u003cunknown\u003e","a, b","","n/s"],"object":null})");
}

TEST(Role, IsMadeByAnUpdateToo) {
  for (const char* name : {"Role", "ClusterRole", "RoleBinding", "ClusterRoleBinding"}) {
    EXPECT_TRUE(of(name).behavior->create_on_update) << name;
  }
}

}  // namespace
}  // namespace gantry::kinds::rbac_test
