// Types of expressions, and what upstream's checker says of those that have none.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/cel/compile.hpp"

namespace gantry::cel {
namespace {

Environment environment() {
  Environment out;
  const TypePtr string = type_named("string");
  const TypePtr user = message_type(
      "kubernetes.UserInfo",
      {{"username", string}, {"groups", list_type(string)}, {"extra", map_type(string, list_type(string))}});
  out.set_variable("object", dyn_type());
  out.set_variable("request", message_type("kubernetes.AdmissionRequest", {{"name", string}, {"userInfo", user}}));
  out.set_variable("authorizer", type_named("kubernetes.authorization.Authorizer"));
  out.set_variable("authorizer.requestResource", type_named("kubernetes.authorization.ResourceCheck"));
  out.add_message(message_type("JSONPatch", {{"op", string}, {"path", string}, {"value", dyn_type()}}));
  out.add_open_messages("Object");
  return out;
}

// The type, or what is wrong without the lines of the text.
std::string checked(std::string_view text) {
  static const Environment kEnvironment = environment();
  Issues issues(text);
  const Compiled compiled = compile(text, kEnvironment, issues);
  EXPECT_EQ(compiled.type != nullptr, issues.empty()) << text;
  if (compiled.type != nullptr) return type_text(*compiled.type);
  std::string out = issues.text();
  for (size_t at = out.find("\n | "); at != std::string::npos; at = out.find("\n | ", at)) {
    out.erase(at, out.find('\n', at + 1) - at);
  }
  return out;
}

using Row = std::pair<std::string, std::string>;
void expect_checked(const std::vector<Row>& rows) {
  for (const auto& [text, wanted] : rows) EXPECT_EQ(checked(text), wanted) << text;
}

TEST(Checker, Types) {
  expect_checked({{"1 + 2", "int"},
                  {"1.5 * 2.0 > 3", "bool"},
                  {"1 < 2u", "bool"},
                  {"'a' + 'b'", "string"},
                  {"object.spec.replicas", "dyn"},
                  {"object.spec.replicas + 1", "int"},
                  {"object.a + object.b", "dyn"},
                  {"object.a == 'x' || object.b < 3", "bool"},
                  {"has(object.a.b) && !object.c", "bool"},
                  {"[]", "list(dyn)"},
                  {"[[], [1]]", "list(list(int))"},
                  {"{'a': [1]}", "map(string, list(int))"},
                  {"{}.a", "dyn"},
                  {"object.a ? 1 : 2", "int"},
                  {"true ? [] : ['a']", "list(string)"},
                  {"request.userInfo.groups[0]", "string"},
                  {"request.userInfo.extra['a']", "list(string)"},
                  {"'a' in request.userInfo.groups", "bool"},
                  {"type(1) == int", "bool"},
                  {"type(ip('1.2.3.4')) == net.IP", "bool"},
                  {"timestamp('2024-02-29T00:00:00Z') - timestamp(object.t)", "duration"},
                  {"null == object", "bool"},
                  {"duration('1h30m').getHours()", "int"}});
}

TEST(Checker, MacrosAndOptionalValues) {
  expect_checked({{"[1, 2].all(x, x > 0)", "bool"},
                  {"object.list.exists(x, x.name == 'a')", "bool"},
                  {"[1].map(x, string(x))", "list(string)"},
                  {"[1].map(x, x > 0, [x])", "list(list(int))"},
                  {"{'a': 1}.filter(k, k == 'a')", "list(string)"},
                  {"{'a': 1}.all(k, v, k == 'a' && v == 1)", "bool"},
                  {"[1].transformMap(i, v, string(v))", "map(int, string)"},
                  {"{'a': 1}.transformList(k, v, v)", "list(int)"},
                  {"{'a': 1}.transformMapEntry(k, v, {v: k})", "map(int, string)"},
                  {"object.?spec.?replicas.orValue(1)", "dyn"},
                  {"{'a': 1}.?b", "optional_type(int)"},
                  {"[1][?0].optMap(x, string(x))", "optional_type(string)"},
                  {"[1][?0].hasValue() ? optional.of(1) : optional.none()", "optional_type(int)"},
                  {"[?object.?a, object.b]", "list(dyn)"},
                  {"{?'a': optional.of(1)}", "map(string, int)"}});
}

TEST(Checker, Libraries) {
  expect_checked({{"'a,b'.split(',').map(x, x.trim()).join('-')", "string"},
                  {"'%s %d'.format(['a', 1])", "string"},
                  {"'%s'.format([object])", "string"},
                  {"[1, 2].sum() + [1].indexOf(1)", "int"},
                  {"'abc'.find('[a-z]+')", "string"},
                  {"url('https://a').getHost()", "string"},
                  {"quantity('1Gi').add(quantity('1Mi')).isGreaterThan(quantity('1'))", "bool"},
                  {"cidr('10.0.0.0/8').containsIP('10.1.2.3')", "bool"},
                  {"ip.isCanonical('::1')", "bool"},
                  {"sets.contains([1], [])", "bool"},
                  {"format.named('uuid').value().validate('a').hasValue()", "bool"},
                  {"semver('1.2.3').major()", "int"},
                  {"authorizer.group('apps').resource('deployments').namespace('a').check('get').allowed()", "bool"},
                  {"authorizer.requestResource.check('get').reason()", "string"},
                  {"JSONPatch{op: 'add', path: '/a', value: 1}", "JSONPatch"},
                  {"Object{spec: Object.spec{replicas: 1}}", "Object"}});
}

TEST(Checker, SaysWhatUpstreamSays) {
  const auto at = [](int column) { return "ERROR: <input>:1:" + std::to_string(column) + ": "; };
  expect_checked(
      {{"x", at(1) + "undeclared reference to 'x' (in container '')"},
       {"f(1)", at(2) + "undeclared reference to 'f' (in container '')"},
       {"cel.bind(y, 1, 2)", at(1) + "undeclared reference to 'cel' (in container '')\n" + at(9) +
                                 "undeclared reference to 'bind' (in container '')\n" + at(10) +
                                 "undeclared reference to 'y' (in container '')"},
       {"1 + 'a'", at(3) + "found no matching overload for '_+_' applied to '(int, string)'"},
       {"1 == 'a'", at(3) + "found no matching overload for '_==_' applied to '(int, string)'"},
       {"'a'.contains(1)", at(13) + "found no matching overload for 'contains' applied to 'string.(int)'"},
       {"size(1)", at(5) + "found no matching overload for 'size' applied to '(int)'"},
       {"request.foo", at(8) + "undefined field 'foo'"},
       {"'a'.b", at(4) + "type 'string' does not support field selection"},
       {"[1, 'a']", at(5) + "expected type 'int' but found 'string'"},
       {"{'a': 1, 'b': 'c'}", at(15) + "expected type 'int' but found 'string'"},
       {"['a', object.b]", at(13) + "expected type 'string' but found 'dyn'"},
       {"[1, 'a', 2.0] == [[], ['a']]", at(5) + "expected type 'int' but found 'string'"},
       {"'%s'.format([[1], ['a']]) + x", at(29) + "undeclared reference to 'x' (in container '')"},
       {"{1: 'a', 'b': 2} == {} && duration('1y') == x", at(45) + "undeclared reference to 'x' (in container '')"},
       {"{1: 'a', 'b': 2}",
        at(10) + "expected type 'int' but found 'string'\n" + at(15) + "expected type 'string' but found 'int'"},
       {"1.all(x, true)", at(1) + "expression of type 'int' cannot be range of a comprehension (must be list, map, or "
                                  "dynamic)"},
       {"[1].all(x, x)", at(8) + "found no matching overload for '_&&_' applied to '(bool, int)'"},
       {"JSONPatch{op: 1}", at(13) + "expected type of field 'op' is 'string' but provided type is 'int'"},
       {"JSONPatch{up: 'a'}", at(13) + "undefined field 'up'"},
       {"Other{}", at(6) + "undeclared reference to 'Other' (in container '')"},
       {"[?1]", at(3) + "expected type 'optional_type(int)' but found 'int'"},
       {"duration('1y')", at(10) + "invalid duration argument"},
       {"timestamp('2023-02-29T00:00:00Z')", at(11) + "invalid timestamp argument"},
       {"a + b", at(1) + "undeclared reference to 'a' (in container '')\n" + at(5) +
                     "undeclared reference to 'b' (in container '')"}});
}

// Each step doubles the type, or what stands for it.
TEST(Checker, IsBounded) {
  std::string text = "[1]";
  for (int i = 0; i < 60; ++i) text += ".map(x, {[x][0]: x})";
  EXPECT_EQ(checked(text).substr(0, 4), "list");
  std::string open = "[[]]";
  for (int i = 0; i < 60; ++i) open += ".map(x, {[x, []][0]: [x]})";
  EXPECT_FALSE(checked(open).empty());
}

}  // namespace
}  // namespace gantry::cel
