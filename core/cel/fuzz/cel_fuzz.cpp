// Expressions. Whatever comes: issues or a type, in bounds of memory and time; what is read once is read again the
// same.
#include "core/cel/cel_testing.hpp"
#include "core/cel/compile.hpp"
#include "core/schema/fuzz/fuzzing.hpp"

namespace gantry::cel {
namespace {

using schema::fuzz::Bounded;
using schema::fuzz::Random;
using schema::fuzz::repeated;
using schema::fuzz::Rounds;

Environment environment() {
  Environment out;
  out.set_variable("object", dyn_type());
  out.set_variable("text", type_named("string"));
  out.set_variable("map", read_type("map(string, list(int))"));
  out.add_open_messages("Object");
  return out;
}

void read(const std::string& text) {
  static const Environment kEnvironment = environment();
  const Bounded bounded(text.size());
  Issues issues(text);
  const Compiled compiled = compile(text, kEnvironment, issues);
  EXPECT_EQ(compiled.type == nullptr, !issues.empty()) << text;
  EXPECT_LT(issues.text().size(), 64U * 1024);
  if (compiled.type != nullptr) {
    EXPECT_LT(type_text(*compiled.type).size(), 64U * 1024);
  }
}

TEST(CelFuzz, Corpus) {
  for (const std::string& text : {repeated("(", 100'000),
                                  repeated("[", 100'000),
                                  repeated("{", 100'000),
                                  repeated("-", 100'000),
                                  repeated("!", 100'000),
                                  repeated("a.", 50'000),
                                  repeated("a?", 50'000),
                                  repeated("\"\"\"", 33'000),
                                  repeated("'", 100'000),
                                  repeated("$", 100'000),
                                  repeated("|", 100'000),
                                  repeated("\n", 99'999) + "$",
                                  repeated("true||", 16'000) + "true",
                                  repeated("[1,", 200) + repeated("]", 200),
                                  "[" + repeated("1,", 49'000) + "]",
                                  "{" + repeated("'a':1,", 16'000) + "}",
                                  "object" + repeated(".optMap(x,x)", 200),
                                  "[1]" + repeated(".map(x,{[x][0]:x})", 200),
                                  "[[]]" + repeated(".map(x,[[x,[]],[]])", 200),
                                  repeated("has(object.a)&&", 6'000) + "true",
                                  repeated("$", 50'000) + repeated("\xc3\xa9", 25'000),
                                  std::string(100'000, '\0'),
                                  repeated("0x", 50'000),
                                  repeated("Object{a:", 200) + "1" + repeated("}", 200),
                                  repeated("[].map(x,", 240) + "1" + repeated(")", 240)}) {
    SCOPED_TRACE(text.substr(0, 60));
    read(text);
  }
}

TEST(CelFuzz, Words) {
  static const std::string kWords[] = {"object",
                                       "text",
                                       "map",
                                       ".",
                                       ".?",
                                       "[",
                                       "[?",
                                       "]",
                                       "(",
                                       ")",
                                       "{",
                                       "}",
                                       ",",
                                       ":",
                                       "?",
                                       " ",
                                       "1",
                                       "2u",
                                       "1.5",
                                       "'a'",
                                       "b'x'",
                                       "true",
                                       "null",
                                       "in",
                                       "&&",
                                       "||",
                                       "==",
                                       "<",
                                       "+",
                                       "-",
                                       "*",
                                       "!",
                                       "size",
                                       "has(",
                                       ".all(x, ",
                                       ".map(x, ",
                                       ".exists(i, x, ",
                                       ".filter(x, ",
                                       ".optMap(x, ",
                                       "x",
                                       "Object",
                                       "Object{",
                                       "a",
                                       "type(",
                                       "string(",
                                       "while",
                                       "\"\"\"",
                                       "'''",
                                       "r'",
                                       "\\",
                                       "//",
                                       "\n",
                                       "$",
                                       "duration('1h')",
                                       "quantity('1').add(",
                                       "optional.of("};
  Random random(schema::fuzz::seed());
  for (Rounds rounds(20'000); rounds.next();) {
    std::string text;
    for (size_t i = random.below(30); i-- > 0;) text += random.pick(kWords);
    read(random.one_in(8) ? random.mutated(text) : text);
  }
}

}  // namespace
}  // namespace gantry::cel
