// Tests of label and field selectors and of the attributes they look at.
#include "core/schema/selector/selector.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <boost/json/object.hpp>
#include <boost/json/parse.hpp>

#include "core/kinds/kinds.hpp"
#include "core/schema/values/json_testing.hpp"

namespace gantry::schema {
namespace {

TEST(LabelSelector, Matching) {
  const struct {
    const char* selector;
    const char* labels;
    bool matches;
  } cases[] = {
      {"", R"({"a":"b"})", true},
      {"a=b", R"({"a":"b"})", true},
      {"a==b", R"({"a":"b"})", true},
      {" a = b ", R"({"a":"b"})", true},
      {"a=b", R"({"a":"c"})", false},
      {"a=b", R"({})", false},
      {"a!=b", R"({"a":"b"})", false},
      {"a!=b", R"({})", true},
      {"a=", R"({"a":""})", true},
      {"a=,b=c", R"({"a":"","b":"c"})", true},
      {"a in (x, y)", R"({"a":"y"})", true},
      {"a in (x,y)", R"({"a":"z"})", false},
      {"a in (x,)", R"({"a":""})", true},
      {"a in (,x)", R"({"a":""})", true},
      {"a notin (x,y)", R"({"a":"y"})", false},
      {"a notin (x,y)", R"({})", true},
      {"a", R"({"a":""})", true},
      {"a", R"({})", false},
      {"!a", R"({})", true},
      {"!a", R"({"a":"x"})", false},
      {"a>1", R"({"a":"2"})", true},
      {"a>1", R"({"a":"1"})", false},
      {"a>1", R"({"a":"x"})", false},
      {"a>1", R"({})", false},
      {"a<1", R"({"a":"0"})", true},
      {"a=b,c in (d),!e,f", R"({"a":"b","c":"d","f":"1"})", true},
      {"a=b,c in (d),!e,f", R"({"a":"b","c":"d","f":"1","e":""})", false},
      {"in in (in)", R"({"in":"in"})", true},
      {"notin=in", R"({"notin":"in"})", true},
      {"example.com/a=b", R"({"example.com/a":"b"})", true},
  };
  for (const auto& c : cases) {
    auto selector = LabelSelector::parse(c.selector);
    ASSERT_TRUE(selector.ok()) << c.selector << ": " << selector.error().message();
    Json labels = js(c.labels);
    EXPECT_EQ(selector->matches(&labels), c.matches) << c.selector << " on " << c.labels;
    // What it prints selects the same.
    auto again = LabelSelector::parse(selector->to_string());
    ASSERT_TRUE(again.ok()) << selector->to_string() << ": " << again.error().message();
    EXPECT_EQ(again->matches(&labels), c.matches) << selector->to_string();
  }
}

TEST(LabelSelector, Errors) {
  const struct {
    const char* selector;
    const char* message;
  } cases[] = {
      {"a=b,", "found '', expected: identifier after ','"},
      {",", "found ',', expected: !, identifier, or 'end of string'"},
      {"a b", "unable to parse requirement: found 'b', expected: in, notin, =, ==, !=, gt, lt"},
      {"a=b c", "found 'c', expected: ',' or 'end of string'"},
      {"!a=b", "found '=', expected: ',' or 'end of string'"},
      {"!", "unable to parse requirement: found '', expected: identifier"},
      {"a in x", "unable to parse requirement: found 'x' expected: '('"},
      {"a in (x", "unable to parse requirement: found '', expected: ',' or ')'"},
      {"a in (=)", "unable to parse requirement: found '=', expected: ',', ')' or identifier"},
      {"a in ()",
       "unable to parse requirement: values: Invalid value: []: for 'in', 'notin' "
       "operators, values set can't be empty"},
      {"a>x",
       "unable to parse requirement: values[0]: Invalid value: \"x\": for 'Gt', 'Lt' "
       "operators, the value must be an integer"},
      {"a==b==c", "found '==', expected: ',' or 'end of string'"},
      {"a=(b)", "unable to parse requirement: found '(', expected: identifier"},
  };
  for (const auto& c : cases) {
    auto selector = LabelSelector::parse(c.selector);
    ASSERT_FALSE(selector.ok()) << c.selector;
    EXPECT_EQ(selector.error().code(), 400);
    EXPECT_EQ(selector.error().message(), c.message) << c.selector;
  }
  auto key = LabelSelector::parse("a^=b");
  ASSERT_FALSE(key.ok());
  EXPECT_TRUE(key.error().message().starts_with(
      "unable to parse requirement: <nil>: Invalid value: \"a^\": name part must consist of"))
      << key.error().message();
  auto value = LabelSelector::parse("a=b^");
  ASSERT_FALSE(value.ok());
  EXPECT_TRUE(value.error().message().starts_with(
      "unable to parse requirement: values[0][a]: Invalid value: \"b^\": a valid label must be"))
      << value.error().message();
}

TEST(LabelSelector, FromDocument) {
  auto nothing = LabelSelector::from_document(Json());
  ASSERT_TRUE(nothing.ok());
  Json labels = js(R"({"a":"b","c":"d"})");
  EXPECT_FALSE(nothing->matches(&labels));
  EXPECT_FALSE(nothing->empty());
  auto all = LabelSelector::from_document(js("{}"));
  EXPECT_TRUE(all->matches(&labels));
  EXPECT_TRUE(all->matches(nullptr));
  EXPECT_TRUE(all->empty());
  auto some = LabelSelector::from_document(js(R"({"matchLabels":{"a":"b"},"matchExpressions":[
    {"key":"c","operator":"In","values":["d","e"]},{"key":"x","operator":"DoesNotExist"},
    {"key":"a","operator":"Exists"},{"key":"y","operator":"NotIn","values":["z"]}]})"));
  ASSERT_TRUE(some.ok());
  EXPECT_TRUE(some->matches(&labels));
  EXPECT_EQ(some->to_string(), "a=b,a,c in (d,e),!x,y!=z");
  auto bad = LabelSelector::from_document(js(R"({"matchExpressions":[{"key":"c","operator":"Near","values":["d"]}]})"));
  ASSERT_FALSE(bad.ok());
  EXPECT_EQ(bad.error().message(), "\"Near\" is not a valid label selector operator");
}

TEST(LabelSelector, ManyValuesAreASortedSet) {
  std::string in = "k in (";
  for (int i = 0; i < 20'000; ++i) in += (i > 0 ? "," : "") + std::to_string((i * 7919) % 20'000);
  auto selector = LabelSelector::parse(in + ")");
  ASSERT_TRUE(selector.ok());
  const auto& values = selector->requirements().front().values;
  EXPECT_EQ(values.size(), 20'000U);
  EXPECT_TRUE(std::is_sorted(values.begin(), values.end()));
  for (int i = 0; i < 20'000; ++i) {
    const Json labels = boost::json::object{{"k", std::to_string(i)}};
    ASSERT_TRUE(selector->matches(&labels)) << i;
  }
  const Json other = js(R"({"k":"x"})");
  EXPECT_FALSE(selector->matches(&other));
}

TEST(LabelSelector, ManyRequirementsOfOneKey) {
  boost::json::array expressions;
  for (int i = 0; i < 1000; ++i) {
    expressions.push_back(
        js(i % 2 == 0 ? R"({"key":"a","operator":"Exists"})" : R"({"key":"b","operator":"In","values":["y"]})"));
  }
  auto selector = LabelSelector::from_document(boost::json::object{{"matchExpressions", expressions}});
  ASSERT_TRUE(selector.ok());
  EXPECT_TRUE(selector->matches(js(R"({"a":"x","b":"y"})").get_object()));
  EXPECT_FALSE(selector->matches(js(R"({"a":"x","b":"x"})").get_object()));
  EXPECT_FALSE(selector->matches(js(R"({"a":"x"})").get_object()));
}

struct Selectors {
  SchemaPtr schema;
  Selectors() {
    auto built = Schema::builtin(kinds::all());
    if (built.ok()) schema = *std::move(built);
  }
  const Kind& kind(const char* group, const char* name) { return *schema->find_kind(group, "v1", name); }
};

// Many terms, of one key or of many, say what each of them says.
TEST(LabelSelector, ManyTermsAreAskedTogether) {
  const struct {
    const char* labels;
    const char* more;
    bool matches;
  } cases[] = {
      {R"({"a":"x","k500":"y"})", "", true},
      {R"({"a":"x","k500":"v"})", "", false},
      {R"({"a":"7"})", "", false},
      {R"({})", "", true},
      {R"({"a":"x"})", ",a", true},
      {R"({"k1":"x"})", ",a", false},
      {R"({"k1":"x"})", ",a,b,c", false},
      {R"({"a":"x"})", ",a in (x,y),a in (x,z),a=x,a=x,a=x,a=x,a=x,a=x,a=x", true},
      {R"({"a":"y"})", ",a in (x,y),a in (x,z),a=x,a=x,a=x,a=x,a=x,a=x,a=x", false},
      {R"({"a":"x"})", ",a in (x,y),a=z,a=x,a=x,a=x,a=x,a=x,a=x,a=x", false},
      {R"({"n":"5"})", ",n>1,n>2,n>3,n>4,n<9,n<8,n<7,n<6,n,n", true},
      {R"({"n":"4"})", ",n>1,n>2,n>3,n>4,n<9,n<8,n<7,n<6,n,n", false},
      {R"({"n":"6"})", ",n>1,n>2,n>3,n>4,n<9,n<8,n<7,n<6,n,n", false},
      {R"({"n":"5"})", ",!n,!n,!n,!n,!n,!n,!n,!n,!n", false},
  };
  Selectors tree;
  std::string many = "a!=0";
  for (int i = 1; i < 1000; ++i) many += ",a!=" + std::to_string(i) + ",k" + std::to_string(i) + "!=v";
  for (const auto& c : cases) {
    auto selector = LabelSelector::parse(many + c.more);
    ASSERT_TRUE(selector.ok()) << selector.error().message();
    const Json labels = js(c.labels);
    const Attributes attributes = attributes_of(tree.kind("", "ConfigMap"), Json{{"metadata", {{"labels", labels}}}});
    EXPECT_EQ(selector->matches(&labels), c.matches) << c.more << " on " << c.labels;
    EXPECT_EQ(selector->matches(attributes), c.matches) << c.more << " on " << c.labels;
    auto again = LabelSelector::parse(selector->to_string());
    ASSERT_TRUE(again.ok());
    EXPECT_EQ(again->matches(&labels), c.matches) << c.more;
    EXPECT_EQ(again->to_string(), selector->to_string());
  }
  auto selector = LabelSelector::parse(many);
  EXPECT_EQ(selector->requirements().size(), 1000U) << "those of one key are one";
}

TEST(LabelSelector, KnowsWhatItHolds) {
  std::string many = "k in (a";
  for (int i = 0; i < 10'000; ++i) many += ",a-value-of-more-than-15-characters-" + std::to_string(i);
  many += ")";
  std::string keys = "a";
  for (int i = 0; i < 10'000; ++i) keys += ",k" + std::to_string(i) + "!=v";
  for (const auto& text : {many, keys}) {
    auto selector = LabelSelector::parse(text);
    ASSERT_TRUE(selector.ok());
    EXPECT_GT(selector->held(), 10'000 * sizeof(std::string));
    EXPECT_GT(selector->held(), text.size());
    EXPECT_LT(selector->held(), LabelSelector::cost(text));
  }
  EXPECT_EQ(LabelSelector::cost(""), 0U);
  EXPECT_EQ(LabelSelector().held(), 0U);
}

TEST(LabelSelector, ErrorsShowOnlySome) {
  const std::string huge(100'000, '^');
  std::string many = "{\"matchExpressions\":[{\"key\":\"a\",\"operator\":\"Exists\",\"values\":[";
  for (int i = 0; i < 1000; ++i) many += (i > 0 ? ",\"" : "\"") + std::to_string(i) + "\"";
  for (const Status& status :
       {LabelSelector::parse(huge).error(), LabelSelector::parse("a=" + huge).error(),
        LabelSelector::parse("a b" + huge).error(), LabelSelector::from_document(js(many + "]}]}")).error()}) {
    EXPECT_EQ(status.code(), 400);
    EXPECT_LT(status.message().size(), 1500U);
    EXPECT_NE(status.message().find("..."), std::string::npos) << status.message();
  }
}

TEST(FieldSelector, PodsAndNodes) {
  Selectors tree;
  const Kind& pods = tree.kind("", "Pod");
  Attributes pod = attributes_of(pods, js(R"({"metadata":{"name":"p","namespace":"n","uid":"u",
    "labels":{"b":"2","a":"1"}},"spec":{"nodeName":"w","hostNetwork":true},"status":{"phase":"Running"}})"));
  EXPECT_EQ(pod.name(), "p");
  EXPECT_EQ(pod.ns(), "n");
  EXPECT_EQ(pod.labels(), 2U);
  EXPECT_EQ(pod.label("a"), "1");
  EXPECT_EQ(pod.label("b"), "2");
  for (const char* none : {"", "aa", "c"}) EXPECT_FALSE(pod.label(none).has_value()) << none;
  EXPECT_EQ(pod.label_at(1), (std::pair<std::string_view, std::string_view>("b", "2")));
  EXPECT_EQ(pod.field("metadata.name"), "p");
  EXPECT_EQ(pod.field("spec.nodeName"), "w");
  EXPECT_EQ(pod.field("spec.serviceAccountName"), "");
  EXPECT_FALSE(pod.field("spec.nodeNam").has_value());
  EXPECT_FALSE(Attributes().field("spec.nodeName").has_value());
  EXPECT_FALSE(Attributes().label("a").has_value());
  const struct {
    const char* selector;
    bool matches;
  } cases[] = {
      {"", true},
      {"metadata.name=p", true},
      {"metadata.name==p,metadata.namespace=n", true},
      {"metadata.name!=p", false},
      {"spec.nodeName=w", true},
      {"spec.nodeName=", false},
      {"status.phase!=Running", false},
      {"status.phase!=Failed,status.phase!=Succeeded", true},
  };
  for (const auto& c : cases) {
    auto selector = FieldSelector::parse(pods, c.selector);
    ASSERT_TRUE(selector.ok()) << c.selector << selector.error().message();
    EXPECT_EQ(selector->matches(pod), c.matches) << c.selector;
  }
  auto exact = FieldSelector::parse(pods, "metadata.name=p\\,q");
  ASSERT_TRUE(exact.ok());
  ASSERT_NE(exact->exact("metadata.name"), nullptr);
  EXPECT_EQ(*exact->exact("metadata.name"), "p,q");
  EXPECT_EQ(exact->exact("metadata.namespace"), nullptr);
  const Kind& nodes = tree.kind("", "Node");
  auto open = FieldSelector::parse(nodes, "spec.unschedulable=false");
  ASSERT_TRUE(open.ok());
  EXPECT_TRUE(open->matches(attributes_of(nodes, js(R"({"spec":{}})"))));
  EXPECT_TRUE(open->matches(attributes_of(nodes, js(R"({})"))));
  EXPECT_FALSE(open->matches(attributes_of(nodes, js(R"({"spec":{"unschedulable":true}})"))));
}

TEST(FieldSelector, ManyTermsAreAskedTogether) {
  Selectors tree;
  const Kind& pods = tree.kind("", "Pod");
  std::string many = "metadata.name!=a";
  for (int i = 0; i < 1000; ++i) many += ",metadata.name!=p" + std::to_string(i) + ",status.phase=Running";
  auto selector = FieldSelector::parse(pods, many);
  ASSERT_TRUE(selector.ok());
  EXPECT_LT(selector->held(), FieldSelector::cost(many));
  EXPECT_GT(selector->held(), 1000 * sizeof(std::string));
  const auto pod = [&](const std::string& name, const std::string& phase) {
    return attributes_of(pods, js(R"({"metadata":{"name":")" + name + R"("},"status":{"phase":")" + phase + R"("}})"));
  };
  EXPECT_TRUE(selector->matches(pod("p1000", "Running")));
  EXPECT_FALSE(selector->matches(pod("p999", "Running")));
  EXPECT_FALSE(selector->matches(pod("p1000", "Failed")));
  auto never = FieldSelector::parse(pods, "status.phase=Running,status.phase=Failed");
  EXPECT_FALSE(never->matches(pod("p", "Running")));
}

TEST(FieldSelector, Errors) {
  Selectors tree;
  auto unknown = FieldSelector::parse(tree.kind("", "Pod"), "spec.foo=x");
  ASSERT_FALSE(unknown.ok());
  EXPECT_EQ(unknown.error().code(), 400);
  EXPECT_EQ(unknown.error().message(), "field label not supported: spec.foo");
  auto bad = FieldSelector::parse(tree.kind("", "Pod"), "metadata.name");
  ASSERT_FALSE(bad.ok());
  EXPECT_EQ(bad.error().message(), "invalid selector: 'metadata.name'; can't understand 'metadata.name'");
  auto none = FieldSelector::parse(tree.kind("", "ConfigMap"), "data=x");
  ASSERT_FALSE(none.ok());
  EXPECT_EQ(none.error().message(),
            "\"data\" is not a known field selector: only \"metadata.name\", \"metadata.namespace\"");
}

}  // namespace
}  // namespace gantry::schema
