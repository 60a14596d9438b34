// YAML of strangers: aliases, anchors, merges, and text that is nearly YAML. Whatever comes: nothing deeper than 64,
// memory and time in bounds, memory charged before it is taken, and what was read is written as YAML that reads the
// same.
#include <boost/json/serialize.hpp>

#include "core/schema/codec/json_write.hpp"
#include "core/schema/fuzz/fuzzing.hpp"
#include "core/schema/sample_pod.hpp"
#include "core/schema/schema_testing.hpp"

namespace gantry::schema::fuzz {
namespace {

std::string sorted(const Json& document) {
  std::string out;
  append_plain_json(out, document);
  return out;
}

// Whatever the text is, an account has been asked for all that reading it takes.
void expect_charged(const std::string& text) {
  auto account = std::make_shared<limits::Account>(size_t{1} << 40);
  const Bounded bounded(text.size());
  (void)parse_yaml(text, kMaxDepth, account);
  EXPECT_GE(account->peak(), bounded.most_bytes()) << "for an input of " << text.size() << " bytes";
}

bool read(const std::string& text) {
  expect_charged(text);
  const Bounded bounded(text.size());
  std::vector<std::string> problems;
  DecodeOptions options;
  options.problems = &problems;
  (void)decode(*testing::pod_kind().message, Media::kYaml, text, options);
  EXPECT_LE(problems.size(), kMaxProblems + 1);
  auto document = parse_yaml(text);
  if (!document) {
    EXPECT_TRUE(document.error().code() == 400 || document.error().code() == 413) << document.error().message();
    return false;
  }
  EXPECT_TRUE(is_shallow(*document));
  const std::string yaml = to_yaml(*document);
  auto again = parse_yaml(yaml);
  EXPECT_TRUE(again.ok()) << yaml;
  if (again) {
    EXPECT_EQ(sorted(*again), sorted(*document)) << yaml;
  }
  return true;
}

std::string chain(size_t levels, std::string_view first, std::string_view each) {
  std::string out = "a0: &a0 " + std::string(first) + "\n";
  for (size_t i = 1; i < levels; ++i) {
    std::string line = "a" + std::to_string(i) + ": &a" + std::to_string(i) + " " + std::string(each) + "\n";
    for (size_t at = 0; (at = line.find('@')) != std::string::npos;) line.replace(at, 1, "*a" + std::to_string(i - 1));
    out += line;
  }
  return out;
}

std::string wide(std::string_view text) {
  std::string out("\xff\xfe");
  for (const char c : text) out.append({c, '\0'});
  return out;
}

std::vector<std::string> corpus() {
  std::string anchors = "x: ";
  for (int i = 0; i < 55; ++i) anchors += "&a" + std::to_string(i) + " [";
  return {
      "x: &x " + repeated("s", 100'000) + "\ny: [" + repeated("*x,", 1000) + "]\n",
      anchors + repeated("0,", 50'000) + repeated("]", 55) + "\n",
      anchors + repeated("0,", 50'000) + repeated("]", 55) + "\ny: *a3\n",
      chain(100, "[]", "[@]"),
      chain(100, "{}", "{k: @}"),
      chain(12, "[x,x,x,x,x,x,x,x,x]", "[@,@,@,@,@,@,@,@,@]"),
      chain(12, "{a: 1}", "{<<: @, b: @}"),
      chain(12, "{a: 1}", "{<<: [@, @, @], c: 2}"),
      "a: " + repeated("[", 100'000),
      repeated("a: {", 20'000),
      repeated("- ", 20'000),
      repeated("? ", 20'000),
      repeated("&a ", 20'000),
      repeated("!a ", 20'000),
      "{" + repeated("a: 1, ", 20'000) + "}",
      "{" + repeated("\"" + repeated("k", 1000) + "\": {a: 1, a: 1}, ", 100) + "}",
      "x: |\n" + repeated(" \n", 50'000) + " y",
      "x: >\n" + repeated(" a\n\n", 30'000),
      "x: a" + repeated(" ", 100'000) + "\n  b",
      "x: \"" + repeated("\\u0041", 20'000) + "\"",
      "x: [" + repeated("'a': b,", 20'000) + "]",
      "metadata: {labels: {" + repeated("a,", 50'000) + "}}",
      "[" + repeated("! ", 1'450'000) + "]",
      "[" + repeated(": ", 500'000) + "]",
      "x: &a 1\ny: [" + repeated("*a ", 300'000) + "]",
      repeated("&a ", 300'000),
      repeated("\"\" ", 300'000),
      "% " + repeated("a ", 300'000) + "\n--- 1",
      "x: \"" + repeated("y", 2'100'000) + "\"",
      wide("[" + repeated("! ", 100'000) + "]"),
      "&a a\n" + repeated("- a\na\n", 20'000),
      "&a a\n" + repeated(" ? a\na\n", 20'000),
      "&a a\n" + repeated(" : a\na\n", 20'000),
      wide("a: " + repeated("...\na\n", 4000)),
      "'...'",
      "'\xEF\xBB\xBF.'",
      "'... a': '---'",
      "a: &x [*x]",
      "*a : b",
      "<<: 1",
  };
}

// One token after the other, which the parser keeps until it knows whether they are a key; alone and within brackets.
constexpr std::string_view kTokens[] = {"! ",
                                        "!a ",
                                        "!<x> ",
                                        "!a!b ",
                                        "&a ",
                                        "&a b ",
                                        "&a\n",
                                        "*a ",
                                        "*a, ",
                                        ": ",
                                        "? ",
                                        "- ",
                                        "a: ",
                                        "a: b ",
                                        "a? ",
                                        "a, ",
                                        ", ",
                                        "[], ",
                                        "[a], ",
                                        "{a}, ",
                                        "{a,a}, ",
                                        "[",
                                        "{",
                                        "\"\" ",
                                        "\"\",",
                                        "\"\":",
                                        "\"a\":",
                                        "''",
                                        "'' ",
                                        "''a, ",
                                        "a #\n",
                                        "#\n",
                                        "%\n",
                                        "% a ",
                                        "%a b\n",
                                        "---\n",
                                        "--- ",
                                        "...\n",
                                        "- a\n",
                                        "- ~\n",
                                        "-\n",
                                        "- &a\n",
                                        "- &a !b c\n",
                                        "\r",
                                        "a\n",
                                        "a\n\n",
                                        "? a\n",
                                        ": a\n",
                                        "? a\n: b\n",
                                        "? - a\n",
                                        "- - a\n",
                                        "- a: 1\n",
                                        "- a\n  b\n",
                                        "|\n",
                                        "- |\n",
                                        "- >\n a\n",
                                        "a-b- ",
                                        "\\",
                                        "\t",
                                        "a,b:",
                                        "aaaaaaaaaaaaaaaa, ",
                                        "- aaaaaaaaaaaaaaaa\n",
                                        "&aaaaaaaaaaaaaaaa ",
                                        "!aaaaaaaaaaaaaaaa ",
                                        "\"aaaaaaaaaaaaaaaa\" "};
constexpr std::string_view kBegins[] = {
    "", "[", "{", "a: [", "- ", "a: ", "a ", "\"\" ", "&a ", "[[", "x: &a y\nz: [*a, "};

TEST(YamlFuzz, EveryTokenIsCharged) {
  for (const std::string_view begin : kBegins) {
    for (const std::string_view token : kTokens) {
      const std::string text = std::string(begin) + repeated(token, 20'000 / token.size());
      SCOPED_TRACE(text.substr(0, 60));
      expect_charged(text);
    }
  }
}

TEST(YamlFuzz, AnchorsAndDirectivesAreCharged) {
  std::string flow = "[", block, directives, words = "%";
  for (int i = 0; i < 5000; ++i) {
    const std::string n = std::to_string(i);
    flow += "&a" + n + ",";
    block += "- &a" + n + "\n";
    directives += "%TAG !a" + n + "! b\n";
    words += " " + n;
  }
  for (const std::string& text :
       {flow + "]", block, block + "- *a1\n", directives + "--- a", words + "\n--- a", directives + "---\n" + block}) {
    SCOPED_TRACE(text.substr(0, 60));
    read(text);
  }
}

// Tokens in any order, so that what one is charged cannot stand for another.
TEST(YamlFuzz, MixedTokensAreCharged) {
  Random random(seed());
  Rounds rounds(400);
  while (rounds.next()) {
    std::string piece, text(random.pick(kBegins));
    for (size_t i = 0, parts = 1 + random.below(5); i < parts; ++i) piece += random.pick(kTokens);
    text += repeated(piece, random.below(40'000) / piece.size());
    if (random.one_in(3)) text += "]";
    if (random.one_in(4)) text = wide(text);
    SCOPED_TRACE("round " + std::to_string(rounds.count()) + ": " + boost::json::serialize(Json(text.substr(0, 120))));
    expect_charged(text);
  }
}

TEST(YamlFuzz, Corpus) {
  size_t at = 0;
  for (const std::string& text : corpus()) {
    SCOPED_TRACE(std::to_string(at++) + ": " + text.substr(0, 60));
    read(text);
  }
}

TEST(YamlFuzz, Mutations) {
  const std::string seeds[] = {to_yaml(testing::document(testing::pod_kind(), testing::kSamplePod)),
                               chain(6, "[x, y]", "[@, z]"),
                               chain(6, "{a: 1, b: &in [1, 2]}", "{<<: @, c: @, d: *in}"),
                               "a: 'it''s'\nb: \"\\x41\\n\"\nc: |+\n  text\n\nd: >-\n  folded\n  text\ne: !!str 5\nf: "
                               "0x1F\ng: ~\nh: [1, {i: j}]\n",
                               "? a\n: b\n? [c]\n: d\n",
                               "%YAML 1.2\n---\na: 1\n...\n---\nb: 2\n"};
  Random random(seed());
  size_t taken = 0;
  Rounds rounds(3000);
  while (rounds.next()) {
    SCOPED_TRACE("round " + std::to_string(rounds.count()));
    if (read(random.mutated(random.pick(seeds)))) ++taken;
  }
  EXPECT_GT(taken, rounds.count() / 20) << "the mutations hardly get past the parser";
}

}  // namespace
}  // namespace gantry::schema::fuzz
