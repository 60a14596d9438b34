// YAML of strangers: aliases, anchors, merges, and text that is nearly YAML. Whatever comes: nothing deeper than 64,
// memory and time in bounds, and what was read is written as YAML that reads the same.
#include <boost/json/serialize.hpp>

#include "core/schema/fuzz/fuzzing.hpp"
#include "core/schema/json_write.hpp"
#include "core/schema/sample_pod.hpp"
#include "core/schema/schema_testing.hpp"

namespace gantry::schema::fuzz {
namespace {

std::string sorted(const Json& document) {
  std::string out;
  append_plain_json(out, document);
  return out;
}

bool read(const std::string& text) {
  const Bounded bounded(text.size());
  std::vector<std::string> problems;
  DecodeOptions options;
  options.problems = &problems;
  (void)decode(*testing::pod_kind().message, Media::kYaml, text, options);
  EXPECT_LE(problems.size(), kMaxProblems + 1);
  auto document = parse_yaml(text);
  if (!document) {
    EXPECT_EQ(document.error().code(), 400) << document.error().message();
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
      "a: &x [*x]",
      "*a : b",
      "<<: 1",
  };
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
