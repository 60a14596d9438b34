// Expressions as trees, and what upstream's parser says of those that are none.
#include <gmock/gmock.h>

#include "core/cel/cel_testing.hpp"

namespace gantry::cel {
namespace {

using testing::parsed;
using Row = std::pair<std::string, std::string>;

void expect_rows(const std::vector<Row>& rows) {
  for (const auto& [text, wanted] : rows) EXPECT_EQ(parsed(text), wanted) << text;
}

const std::string kOperand =
    "{'[', '{', '(', '.', '-', '!', 'true', 'false', 'null', NUM_FLOAT, NUM_INT, NUM_UINT, STRING, BYTES, IDENTIFIER}";

TEST(Parser, Literals) {
  expect_rows({{"1", "1"},
               {"0x1F", "31"},
               {"-9223372036854775808", "-9223372036854775808"},
               {"18446744073709551615u", "18446744073709551615u"},
               {"0xffU", "255u"},
               {"1.5e3", "1500.000000"},
               {".5", "0.500000"},
               {"-.2.V", "-0.200000.V"},
               {"true", "true"},
               {"null", "null"},
               {R"("a\tb\x41\u00e9\U0001F600\101")", "\"a\tbA\u00e9\U0001F600A\""},
               {R"(r"a\n")", R"("a\n")"},
               {"'''a\n'b\\'''c'''", "\"a\n'b'''c\""},
               {R"(b'\xff\377a')",
                "b\"\xff\xff"
                "a\""},
               {R"(bR'\x')", R"(b"\x")"},
               {"1 // a comment\n + 2", "_+_(1, 2)"}});
}

TEST(Parser, Operators) {
  expect_rows({{"1 + 2 * 3 - 4", "_-_(_+_(1, _*_(2, 3)), 4)"},
               {"a || b && c == d", "_||_(a, _&&_(b, _==_(c, d)))"},
               {"a || b || c || d", "_||_(_||_(a, b), _||_(c, d))"},
               {"a ? b : c ? d : e", "_?_:_(a, b, _?_:_(c, d, e))"},
               {"9in-x", "@in(9, -_(x))"},
               {"1 -1", "_-_(1, 1)"},
               {"!!a", "a"},
               {"!-2.V", "!_(-2.V)"},
               {"- -1", "1"},
               {"---a", "-_(a)"},
               {"-x.foo[0]", "-_(_[_](x.foo, 0))"},
               {"a < b <= c", "_<=_(_<_(a, b), c)"},
               {"(a + b) % c / d", "_/_(_%_(_+_(a, b), c), d)"}});
}

TEST(Parser, MembersAndAggregates) {
  expect_rows({{".a.b(c).d", ".a.b(c).d"},
               {"a.?b[?0]", "_[?_](_?._(a, \"b\"), 0)"},
               {"[1, ?a, b,]", "[1, ?a, b]"},
               {"[,]", "[]"},
               {"{'a': 1, ?'b': c,}", "{\"a\": 1, ?\"b\": c}"},
               {"Object.spec{replicas: 1, ?b: c}", "Object.spec{replicas: 1, ?b: c}"},
               {".import.Foo{}", ".import.Foo{}"},
               {"a.for", "a.for"},
               {"f()", "f()"}});
}

TEST(Parser, Macros) {
  expect_rows(
      {{"has(a.b)", "a.b~test"},
       {"has(a, b)", "has(a, b)"},
       {"all(x, y)", "all(x, y)"},
       {"m.all(v, f)", "fold(v : m; @result = true; @not_strictly_false(@result); _&&_(@result, f); @result)"},
       {"m.exists(i, v, f)",
        "fold(i, v : m; @result = false; @not_strictly_false(!_(@result)); _||_(@result, f); @result)"},
       {"m.exists_one(v, f)", "fold(v : m; @result = 0; true; _?_:_(f, _+_(@result, 1), @result); _==_(@result, 1))"},
       {"m.map(v, f)", "fold(v : m; @result = []; true; _+_(@result, [f]); @result)"},
       {"m.map(v, p, f)", "fold(v : m; @result = []; true; _?_:_(p, _+_(@result, [f]), @result); @result)"},
       {"m.filter(v, p)", "fold(v : m; @result = []; true; _?_:_(p, _+_(@result, [v]), @result); @result)"},
       {"m.transformList(i, v, f)", "fold(i, v : m; @result = []; true; _+_(@result, [f]); @result)"},
       {"m.transformMap(k, v, p, f)",
        "fold(k, v : m; @result = {}; true; _?_:_(p, cel.@mapInsert(@result, k, f), @result); @result)"},
       {"m.transformMapEntry(k, v, {v: k})",
        "fold(k, v : m; @result = {}; true; cel.@mapInsert(@result, {v: k}); @result)"},
       {"a.?b.optMap(v, v + 1)",
        "_?_:_(_?._(a, \"b\").hasValue(), optional.of(fold(#unused : []; v = _?._(a, \"b\").value(); false; v; "
        "_+_(v, 1))), optional.none())"}});
}

TEST(Parser, SaysWhatUpstreamSays) {
  expect_rows(
      {{"", "ERROR: <input>:1:1: Syntax error: mismatched input '<EOF>' expecting " + kOperand + "\n | \n | ^"},
       {"1 + $",
        "ERROR: <input>:1:5: Syntax error: token recognition error at: '$'\n | 1 + $\n | ....^\n"
        "ERROR: <input>:1:6: Syntax error: mismatched input '<EOF>' expecting " +
            kOperand + "\n | 1 + $\n | .....^"},
       {"*@a | b",
        "ERROR: <input>:1:1: Syntax error: extraneous input '*' expecting " + kOperand +
            "\n | *@a | b\n | ^\n"
            "ERROR: <input>:1:2: Syntax error: token recognition error at: '@'\n | *@a | b\n | .^\n"
            "ERROR: <input>:1:5: Syntax error: token recognition error at: '| '\n | *@a | b\n | ....^\n"
            "ERROR: <input>:1:7: Syntax error: extraneous input 'b' expecting <EOF>\n | *@a | b\n | ......^"},
       {"'asdf'.contains('x'",
        "ERROR: <input>:1:20: Syntax error: missing ')' at '<EOF>'\n | 'asdf'.contains('x'\n"
        " | ...................^"},
       {"self.true == 1",
        "ERROR: <input>:1:6: Syntax error: mismatched input 'true' expecting IDENTIFIER\n"
        " | self.true == 1\n | .....^"},
       {"foo(a,b,)", "ERROR: <input>:1:9: Syntax error: mismatched input ')' expecting " + kOperand +
                         "\n | foo(a,b,)\n | ........^"},
       {"{",
        "ERROR: <input>:1:2: Syntax error: mismatched input '<EOF>' expecting {'[', '{', '}', '(', '.', ',', '-', "
        "'!', '?', 'true', 'false', 'null', NUM_FLOAT, NUM_INT, NUM_UINT, STRING, BYTES, IDENTIFIER}\n | {\n | .^"},
       {"x{.",
        "ERROR: <input>:1:3: Syntax error: mismatched input '.' expecting {'}', ',', '?', IDENTIFIER, "
        "ESC_IDENTIFIER}\n | x{.\n | ..^"},
       {"(a){}", "ERROR: <input>:1:4: Syntax error: mismatched input '{' expecting <EOF>\n | (a){}\n | ...^"},
       {"-!x", "ERROR: <input>:1:2: Syntax error: no viable alternative at input '-!'\n | -!x\n | .^"},
       {"!-x", "ERROR: <input>:1:3: Syntax error: no viable alternative at input '-x'\n | !-x\n | ..^"},
       {"* -1", "ERROR: <input>:1:1: Syntax error: extraneous input '*' expecting " + kOperand + "\n | * -1\n | ^"},
       {"while", "ERROR: <input>:1:1: reserved identifier: while\n | while\n | ^"},
       {"1.all(2, 3)", "ERROR: <input>:1:7: argument must be a simple name\n | 1.all(2, 3)\n | ......^"},
       {"has(a)", "ERROR: <input>:1:5: invalid argument to has() macro\n | has(a)\n | ....^"},
       {"a.all(x, x, true)", "ERROR: <input>:1:10: duplicate variable name: x\n | a.all(x, x, true)\n | .........^"},
       {"9223372036854775808", "ERROR: <input>:1:1: invalid int literal\n | 9223372036854775808\n | ^"},
       {"1.99e90000009", "ERROR: <input>:1:1: invalid double literal\n | 1.99e90000009\n | ^"},
       {R"('\udead')", "ERROR: <input>:1:1: invalid unicode code point\n | '\\udead'\n | ^"},
       {"'''hello\nworld",
        "ERROR: <input>:1:3: Syntax error: token recognition error at: ''hello\n'\n | '''hello\n | ..^\n"
        "ERROR: <input>:2:1: Syntax error: extraneous input 'world' expecting <EOF>\n | world\n | ^"},
       {"\n\t\u00e9",
        "ERROR: <input>:2:2: Syntax error: token recognition error at: '\u00e9'\n |  \u00e9\n | .\uff3e\n"
        "ERROR: <input>:2:3: Syntax error: mismatched input '<EOF>' expecting " +
            kOperand + "\n |  \u00e9\n | .\uff0e^"}});
}

std::string repeated(std::string_view text, size_t times) {
  std::string out;
  for (size_t i = 0; i < times; ++i) out += text;
  return out;
}

TEST(Parser, IsBounded) {
  const std::string deep = "ERROR: <input>:-1:0: max recursion depth exceeded";
  const std::string nested = "ERROR: <input>:-1:0: expression recursion limit exceeded: 250";
  expect_rows({{repeated("[", 251) + repeated("]", 251), nested},
               {repeated("a ? b : ", 300) + "c", nested},
               {"1" + repeated(" + 1", 300), deep},
               {"a" + repeated(".b", 300), deep},
               {"a" + repeated("[1]", 300), deep},
               // None of its chains is long.
               {repeated("(", 100) + "1" + repeated(repeated(" + 1", 100) + ")", 100), deep},
               {repeated("a ", 50'001),
                "ERROR: <input>:-1:0: expression code point size exceeds limit: size: 100002, "
                "limit 100000"}});
  EXPECT_EQ(parsed(repeated("(", 240) + "1" + repeated(")", 240)), "1");
  EXPECT_NE(parsed("true" + repeated(" && true", 9'000)).substr(0, 5), "ERROR");
  // Each copies what is before it.
  const std::string doubling = parsed("a" + repeated(".optMap(x, x)", 30));
  EXPECT_THAT(doubling, ::testing::HasSubstr("expression node limit exceeded: 200000"));
}

}  // namespace
}  // namespace gantry::cel
