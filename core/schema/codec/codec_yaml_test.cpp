// YAML in and out: scalars of YAML 1.1, merges, aliases, limits.
#include "core/schema/codec/json_write.hpp"
#include "core/schema/schema_testing.hpp"

namespace gantry::schema {
namespace {

std::string to_json(std::string_view yaml) {
  auto parsed = parse_yaml(yaml);
  EXPECT_TRUE(parsed.ok()) << (parsed ? "" : parsed.error().message());
  if (!parsed) return "";
  std::string out;
  append_plain_json(out, *parsed);
  return out;
}

TEST(CodecYaml, Scalars) {
  const std::pair<const char*, const char*> kCases[] = {{"a: yes", R"({"a":true})"},
                                                        {"a: 'yes'", R"({"a":"yes"})"},
                                                        {"a: Off", R"({"a":false})"},
                                                        {"a: ~", R"({"a":null})"},
                                                        {"a:", R"({"a":null})"},
                                                        {"a: 010", R"({"a":8})"},
                                                        {"a: 0x1F", R"({"a":31})"},
                                                        {"a: 1_000", R"({"a":1000})"},
                                                        {"a: 1.5", R"({"a":1.5})"},
                                                        {"a: 1e3", R"({"a":1000})"},
                                                        {"a: 2024-01-01", R"({"a":"2024-01-01"})"},
                                                        {"a: \"1\"", R"({"a":"1"})"},
                                                        {"1: x", R"({"1":"x"})"},
                                                        {"true: x", R"({"true":"x"})"},
                                                        {"a: -5", R"({"a":-5})"},
                                                        {"a: 1.2.3", R"({"a":"1.2.3"})"},
                                                        {"a: 500m", R"({"a":"500m"})"},
                                                        {"a: !!str 5", R"({"a":"5"})"},
                                                        {"a: |\n  x\n  y\n", R"({"a":"x\ny\n"})"},
                                                        {"- 1\n- [a, b]", R"([1,["a","b"]])"},
                                                        {"a: 1.10", R"({"a":1.1})"}};
  for (auto& [in, out] : kCases) EXPECT_EQ(to_json(in), out) << in;
}

TEST(CodecYaml, AnchorsAndMerges) {
  EXPECT_EQ(to_json("base: &b {x: 1, z: 2}\nuse:\n  <<: *b\n  z: 3\n"),
            R"({"base":{"x":1,"z":2},"use":{"x":1,"z":3}})");
}

TEST(CodecYaml, BombsAndGarbageAreRefused) {
  std::string bomb = "a0: &a0 [x,x,x,x,x,x,x,x,x,x]\n";
  for (int i = 1; i < 10; ++i) {
    std::string n = std::to_string(i), p = std::to_string(i - 1);
    bomb += "a" + n + ": &a" + n + " [";
    for (int k = 0; k < 10; ++k) bomb += (k > 0 ? ",*a" : "*a") + p;
    bomb += "]\n";
  }
  EXPECT_FALSE(parse_yaml(bomb).ok());
  EXPECT_FALSE(parse_yaml("a: [1,").ok());
  EXPECT_FALSE(parse_yaml("a: *nope").ok());
  EXPECT_FALSE(parse_yaml("a: &x [*x]").ok());
  EXPECT_FALSE(parse_yaml(std::string(5000, '[')).ok());
  EXPECT_FALSE(parse_yaml("a: b: c").ok());
}

TEST(CodecYaml, DecodesAPodAndWritesItBack) {
  const Kind& pod = testing::pod_kind();
  auto decoded = decode(*pod.message, Media::kYaml,
                        "apiVersion: v1\nkind: Pod\nmetadata:\n  name: p\nspec:\n  containers:\n  - name: c\n    "
                        "image: i\n    resources:\n      limits:\n        cpu: 0.5\n");
  ASSERT_TRUE(decoded.ok()) << decoded.error().message();
  EXPECT_EQ(decoded->at("spec").at("containers").at(0).at("resources").at("limits").at("cpu"), "500m");
  std::string yaml = to_yaml(*decoded);
  EXPECT_EQ(yaml,
            "apiVersion: v1\nkind: Pod\nmetadata:\n  name: p\nspec:\n  containers:\n  - image: i\n    name: c\n    "
            "resources:\n      limits:\n        cpu: 500m\n");
}

TEST(CodecYaml, WhatIsWrittenIsReadBack) {
  auto value = parse_json(
      R"({"a":"","b":"true","c":"1","d":"x: y","e":"line\nline\n","f":[],"g":{},"h":[[1,2],{"k":[{"z":1}]}],"i":" x","j":"- x","k":"#","l":null,"m":"a\tb","n":"it's","o":"1e3","p":"x\n\n","q":"\n","r":{"s":{"t":"multi\nline"}},"u":"...","v":"---"})");
  ASSERT_TRUE(value.ok());
  std::string before;
  append_plain_json(before, *value);
  EXPECT_EQ(to_json(to_yaml(*value)), before) << to_yaml(*value);
  for (const char* text : {"...", "---", "... a", "\uFEFFa"}) {
    EXPECT_EQ(to_yaml(Json(text)), "'" + std::string(text) + "'\n");
  }
}

TEST(CodecYaml, KeysOfManyLinesOrBytesAreReadBack) {
  const std::string far(2000, 'k'), quoted = far + ": #";
  const Json values[] = {1, boost::json::object{{"a", 1}}, boost::json::array{1, boost::json::object{{"b", 2}}},
                         boost::json::array{}, "a\nb\n"};
  for (const std::string& key : {std::string("a\nb"), std::string("\n"), std::string("? [c]\n"), far, quoted}) {
    for (const Json& value : values) {
      const Json document = boost::json::object{{"x", boost::json::object{{key, value}, {"z", 1}}}};
      std::string before;
      append_plain_json(before, document);
      EXPECT_EQ(to_json(to_yaml(document)), before) << to_yaml(document);
    }
  }
}

TEST(CodecYaml, DuplicateKeysAreNamed) {
  std::vector<std::string> problems;
  DecodeOptions options;
  options.problems = &problems;
  ASSERT_TRUE(decode(*testing::pod_kind().message, Media::kYaml, "kind: Pod\nkind: Pod\n", options).ok());
  EXPECT_THAT(problems, ::testing::ElementsAre("key \"kind\" already set in map"));
}

std::string yaml_error(const std::string& yaml) {
  auto parsed = parse_yaml(yaml);
  return parsed ? "" : parsed.error().message();
}

std::string aliases(size_t count) {
  std::string out = "y: [";
  for (size_t i = 0; i < count; ++i) out += i > 0 ? ",*x" : "*x";
  return out + "]\n";
}

TEST(CodecYaml, AliasesAreCountedInBytes) {
  const std::string kilobyte = "x: &x " + std::string(1000, 's') + "\n";
  EXPECT_EQ(yaml_error(kilobyte + aliases(1000)), "");
  EXPECT_EQ(yaml_error(kilobyte + aliases(4000)), "yaml: document contains excessive aliasing");
  const std::string keys = "x: &x {" + std::string(1000, 's') + ": 1}\n";
  EXPECT_EQ(yaml_error(keys + aliases(4000)), "yaml: document contains excessive aliasing");
}

TEST(CodecYaml, AliasesAreCountedInValues) {
  EXPECT_EQ(yaml_error("x: &x [1,2,3,4,5,6,7,8,9]\n" + aliases(9000)), "");
  EXPECT_EQ(yaml_error("x: &x [1,2,3,4,5,6,7,8,9]\n" + aliases(10'000)), "yaml: document contains excessive aliasing");
}

std::string nested_anchors(size_t levels, size_t values) {
  std::string out = "x: ", end;
  for (size_t i = 0; i < levels; ++i) {
    out += "&a" + std::to_string(i) + " [";
    end += "]";
  }
  for (size_t i = 0; i < values; ++i) out += "0,";
  return out + end + "\n";
}

TEST(CodecYaml, AnchorsCostNothingUnlessThereAreAliases) {
  auto plain = std::make_shared<limits::Account>(64 << 20), anchored = std::make_shared<limits::Account>(64 << 20);
  std::string without = nested_anchors(50, 10'000);
  for (size_t at = 0; (at = without.find('&', at)) != std::string::npos;) without.erase(at, without.find(' ', at) - at);
  ASSERT_TRUE(parse_yaml(without, kMaxDepth, plain).ok());
  ASSERT_TRUE(parse_yaml(nested_anchors(50, 10'000), kMaxDepth, anchored).ok());
  EXPECT_LT(anchored->peak(), plain->peak() + 50 * 300) << "a name each, no copy";
  EXPECT_EQ(yaml_error(nested_anchors(50, 10'000) + "y: *a49\n"), "yaml: document contains excessive aliasing");
  EXPECT_EQ(yaml_error(nested_anchors(5, 10'000) + "y: *a4\n"), "");
}

// The parser's tokens, which only it can count, are charged before it begins.
TEST(CodecYaml, FlowStyleHasItsPrice) {
  const auto list = [](size_t items) {
    std::string out = "[0";
    for (size_t i = 1; i < items; ++i) out += ",0";
    return out + "]\n";
  };
  auto account = std::make_shared<limits::Account>(64 << 20);
  ASSERT_TRUE(parse_yaml(list(10'000), kMaxDepth, account).ok());
  EXPECT_GE(account->peak(), 10'000u * 320);
  EXPECT_EQ(account->used(), 0u);
  EXPECT_TRUE(parse_yaml(list(140'000)).ok());
  const auto refused = parse_yaml(list(150'000));
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().code(), 413);
  account->add((64 << 20) - (3 << 20));
  EXPECT_EQ(parse_yaml(list(10'000), kMaxDepth, account).error().code(), 429);
  EXPECT_TRUE(parse_yaml("x: " + list(400'000)).ok()) << "brackets that are no key's beginning";
  std::string block = "x:\n";
  for (int i = 0; i < 250'000; ++i) block += "- 0\n";
  EXPECT_TRUE(parse_yaml(block).ok());
}

// Of block style the parser keeps little: a manifest is charged a few times its size, whatever it is long.
TEST(CodecYaml, LargeManifestsHaveASmallPrice) {
  std::string text = "apiVersion: v1\nkind: List\nitems:\n";
  for (int i = 0; text.size() < 1 << 20; ++i) {
    text += "- apiVersion: apps/v1\n  kind: Deployment\n  metadata:\n    name: \"web-" + std::to_string(i) +
            "\"\n    labels: {app: web, tier: 'front'}  # by hand\n  spec:\n    replicas: 3\n    selector:\n"
            "      matchLabels: {app: web}\n    template:\n      metadata: {labels: {app: web}}\n      spec:\n"
            "        containers:\n        - name: web\n          image: registry.example.com/web:1.2.3\n"
            "          command: [\"sh\", \"-c\", \"while true; do date; sleep 1; done\"]\n          ports:\n"
            "          - containerPort: 8080\n          resources:\n            limits: {cpu: 500m, memory: 1Gi}\n";
  }
  auto account = std::make_shared<limits::Account>(64 << 20);
  auto parsed = parse_yaml(text, kMaxDepth, account);
  ASSERT_TRUE(parsed.ok()) << parsed.error().message();
  EXPECT_LT(account->peak(), 16 * text.size());
}

TEST(CodecYaml, WhatTheParserKeepsIsRefusedBeforeItIsTaken) {
  const auto repeated = [](std::string_view text, size_t times) {
    std::string out;
    for (size_t i = 0; i < times; ++i) out += text;
    return out;
  };
  constexpr size_t kAll = 64 << 20, kOthers = 63 << 20;
  for (const std::string_view token : {"! ", ": ", "? ", "a: ", "\"\" ", "a #\n", "\n%", "&a ", "!<x> "}) {
    const std::string text = "[" + repeated(token, 20'000);
    auto account = std::make_shared<limits::Account>(kAll);
    account->add(kOthers);
    EXPECT_EQ(parse_yaml(text, kMaxDepth, account).error().code(), 429) << token;
    EXPECT_EQ(account->used(), kOthers) << token;
    EXPECT_LE(account->peak(), kAll) << token;
    EXPECT_EQ(parse_yaml("[" + repeated(token, 1'000'000)).error().code(), 413) << token;
  }
  for (const std::string_view token : {"! ", "&a ", "*a ", "\"\" "}) {
    EXPECT_EQ(parse_yaml(repeated(token, 1'000'000)).error().code(), 413) << token;
  }
}

TEST(CodecYaml, Utf16IsRead) {
  std::string wide("\xff\xfe");
  for (const char c : std::string_view("a: [b, c]\n")) wide.append({c, '\0'});
  EXPECT_EQ(to_json(wide), R"({"a":["b","c"]})");
}

TEST(CodecYaml, AliasesMakeNothingDeeperThan64) {
  const auto chain = [](size_t levels) {
    std::string out = "a0: &a0 []\n";
    for (size_t i = 1; i < levels; ++i) {
      out += "a" + std::to_string(i) + ": &a" + std::to_string(i) + " [*a" + std::to_string(i - 1) + "]\n";
    }
    return out;
  };
  EXPECT_EQ(yaml_error(chain(63)), "");
  EXPECT_EQ(yaml_error(chain(64)), "yaml: exceeded max depth");
  EXPECT_EQ(yaml_error("a: &a " + std::string(32, '[') + std::string(32, ']') + "\nb: " + std::string(31, '[') + "*a" +
                       std::string(31, ']')),
            "");
  EXPECT_EQ(yaml_error("a: &a " + std::string(32, '[') + std::string(32, ']') + "\nb: " + std::string(32, '[') + "*a" +
                       std::string(32, ']')),
            "yaml: exceeded max depth");
}

}  // namespace
}  // namespace gantry::schema
