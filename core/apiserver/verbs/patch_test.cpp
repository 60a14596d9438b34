// What is answered to patches that are none, or that fit nothing, as upstream words it for each type of them.
#include <gtest/gtest.h>

#include "core/apiserver/test_server.hpp"
#include "core/apiserver/verbs/patch_text.hpp"

namespace gantry::apiserver::patches {
namespace {

constexpr std::string_view kJson = "application/json-patch+json", kMerge = "application/merge-patch+json",
                           kStrategic = "application/strategic-merge-patch+json";

class PatchTest : public ServerTest {
 protected:
  void SetUp() override {
    ServerTest::SetUp();
    made(kMaps, config_map("a"));
  }
  Answer patched(std::string_view type, const std::string& body, const std::string& query = "") {
    return ask("PATCH", std::string(kMaps) + "/a" + query, body, std::string(type));
  }
  void refused(const Answer& answer, int code, const std::string& message) {
    EXPECT_EQ(answer.code, code) << answer.body;
    EXPECT_EQ(answer.text({"reason"}), code == 400 ? "BadRequest" : "Invalid");
    EXPECT_EQ(answer.text({"message"}), message);
  }
  // As the object stands in the message.
  std::string shown(const std::string& data) {
    const auto map = ask("GET", std::string(kMaps) + "/a");
    std::string text =
        R"({"apiVersion":"v1","data":)" + data + R"(,"kind":"ConfigMap","metadata":{"creationTimestamp":")" +
        map.text({"metadata", "creationTimestamp"}) + R"(","name":"a","namespace":"default","resourceVersion":")" +
        map.text({"metadata", "resourceVersion"}) + R"(","uid":")" + map.text({"metadata", "uid"}) + "\"}}";
    std::string quoted;
    for (const char c : text) quoted.append(c == '"' ? "\\" : "").push_back(c);
    return " \"\" is invalid: patch: Invalid value: \"" + quoted + "\": ";
  }
};

TEST_F(PatchTest, WhatDoesNotFitTheType) {
  const std::string why = "json: cannot unmarshal number into Go struct field ConfigMap.data of type map[string]string";
  const auto merged = patched(kMerge, R"({"data":7})");
  refused(merged, 422, shown("7") + why);
  const auto answer = merged.json();
  const auto& details = answer.at("details").as_object();
  EXPECT_EQ(details.size(), 1U) << "causes alone: " << merged.body;
  EXPECT_EQ(details.at("causes").at(0).at("field"), "patch");
  refused(patched(kJson, R"([{"op":"replace","path":"/data","value":7}])"), 422, shown("7") + why);
  refused(patched(kStrategic, R"({"data":{"k":{"a":[1,null,true,1.5]}}})"), 422,
          " \"\" is invalid: patch: Invalid value: \"map[data:map[k:map[a:[1 <nil> true 1.5]]]]\": unrecognized type: "
          "string");
  refused(patched(kStrategic, R"({"immutable":1})"), 422,
          " \"\" is invalid: patch: Invalid value: \"map[immutable:1]\": unrecognized type: bool");
  refused(patched(kStrategic, R"({"data":"x"})"), 422,
          " \"\" is invalid: patch: Invalid value: \"map[data:x]\": cannot restore map from string");
  EXPECT_EQ(ask("GET", std::string(kMaps) + "/a").text({"data", "k"}), "v");
}

TEST_F(PatchTest, UnknownAndDuplicateFields) {
  const std::string strict = "?fieldValidation=Strict", error = "strict decoding error: ";
  refused(patched(kMerge, R"({"zz":1,"aa":1,"data":{"k":"v","k":"v"}})", strict), 422, [&] {
    auto text = shown(R"({"k":"v"})");
    text.replace(text.find("{\\\"apiVersion"), 1, R"({\"aa\":1,)");
    text.replace(text.rfind("}\""), 1, R"(,\"zz\":1})");
    return text;
  }() + error + "duplicate field \"data.k\", unknown field \"aa\", unknown field \"zz\"");
  refused(patched(kStrategic, R"({"zz":1,"aa":1,"data":{"k":"v","k":"v"}})", strict), 422,
          " \"\" is invalid: patch: Invalid value: \"map[aa:1 data:map[k:v] zz:1]\": " + error +
              "duplicate field \"data.k\", unknown field \"aa\", unknown field \"zz\"");
  const std::string twice = R"([{"op":"replace","op":"replace","path":"/data/k","value":"v","oops":1}])";
  refused(
      patched(kJson, twice, strict), 422,
      shown(R"({"k":"v"})") + error + R"(json patch duplicate field "[0].op", json patch unknown field "[0].oops")");
  const auto warned = patched(kJson, twice);
  EXPECT_EQ(warned.code, 200) << warned.body;
  EXPECT_EQ(warned.header("Warning"), R"(299 - "json patch duplicate field \"[0].op\"")");
  EXPECT_EQ(patched(kMerge, R"({"data":{"k":"v","k":"v"}})").header("Warning"),
            R"(299 - "duplicate field \"data.k\"")");
  const auto ignored = patched(kMerge, R"({"zz":1,"data":{"k":"v","k":"v"}})", "?fieldValidation=Ignore");
  EXPECT_EQ(ignored.code, 200);
  EXPECT_EQ(ignored.header("Warning"), "");
}

TEST_F(PatchTest, BrokenJson) {
  const std::string ignore = "?fieldValidation=Ignore", decoding = "error decoding patch: ";
  const std::string end = "unexpected end of JSON input";
  refused(patched(kMerge, "{"), 400, decoding + end);
  refused(patched(kJson, R"([{"op":)"), 400, decoding + end);
  refused(patched(kStrategic, "{"), 400, end);
  refused(patched(kMerge, "{a}", ignore), 400, "Invalid JSON Patch");
  refused(patched(kJson, "[}", ignore), 400, "invalid character '}' looking for beginning of value");
  refused(patched(kStrategic, R"({"a" 1})"), 400, "invalid character '1' after object key");
  refused(patched(kMerge, "[]"), 400,
          decoding + "json: cannot unmarshal array into Go value of type map[string]interface {}");
  refused(patched(kMerge, "null"), 400, "Invalid JSON Patch");
  refused(patched(kStrategic, "7"), 400, "json: cannot unmarshal number into Go value of type map[string]interface {}");
  EXPECT_EQ(patched(kStrategic, "null").code, 200);
  refused(patched(kJson, "{}"), 400,
          decoding + "json: cannot unmarshal object into Go value of type []handlers.jsonPatchOp");
  refused(patched(kJson, "{}", ignore), 400, "json: cannot unmarshal object into Go value of type jsonpatch.Patch");
  refused(patched(kJson, R"(["x"])"), 400,
          decoding + "json: cannot unmarshal string into Go value of type handlers.jsonPatchOp");
  refused(patched(kJson, R"([{"op":7}])"), 400,
          decoding + "json: cannot unmarshal number into Go struct field jsonPatchOp.op of type string");
  refused(patched(kJson, "[null]"), 422, "the server rejected our request due to an error in our request");
  EXPECT_EQ(ask("PATCH", std::string(kMaps) + "/none", "{", std::string(kMerge)).code, 404)
      << "there is nothing to patch";
}

TEST_F(PatchTest, OtherTypesAndIdentities) {
  EXPECT_EQ(patched(kMerge, R"({"kind":"Pod"})").code, 422);
  EXPECT_EQ(patched(kStrategic, R"({"kind":"Pod"})").code, 200) << "it is applied to the type";
  refused(patched(kMerge, R"({"metadata":{"uid":"other"}})"), 422,
          "ConfigMap \"a\" is invalid: metadata.uid: Invalid value: \"other\": field is immutable");
}

// In Go's words, whatever is wrong.
TEST(PatchText, SyntaxErrors) {
  const std::pair<const char*, const char*> cases[] = {
      {"", "unexpected end of JSON input"},
      {"x", "invalid character 'x' looking for beginning of value"},
      {"[1,]", "invalid character ']' looking for beginning of value"},
      {"[1 2]", "invalid character '2' after array element"},
      {"{,}", "invalid character ',' looking for beginning of object key string"},
      {R"({"a":1,})", "invalid character '}' looking for beginning of object key string"},
      {R"({"a":1 "b"})", "invalid character '\"' after object key:value pair"},
      {"{} {}", "invalid character '{' after top-level value"},
      {"tru", "invalid character ' ' in literal true (expecting 'e')"},
      {"nil", "invalid character 'i' in literal null (expecting 'u')"},
      {"-x", "invalid character 'x' in numeric literal"},
      {"1.x", "invalid character 'x' after decimal point in numeric literal"},
      {"1ex", "invalid character 'x' in exponent of numeric literal"},
      {"01", "invalid character '1' after top-level value"},
      {"\"a\nb\"", "invalid character '\\n' in string literal"},
      {R"("\x")", "invalid character 'x' in string escape code"},
      {R"("\u12x4")", "invalid character 'x' in \\u hexadecimal character escape"},
      {R"("abc)", "unexpected end of JSON input"},
      {"\xc3\xa9", "invalid character '\xc3\x83' looking for beginning of value"},
      {"'a'", "invalid character '\\'' looking for beginning of value"},
      {"\x01", "invalid character '\\x01' looking for beginning of value"},
  };
  for (const auto& [json, message] : cases) {
    const auto parsed = schema::parse_json(json);
    ASSERT_FALSE(parsed.ok()) << json;
    EXPECT_EQ(parsed.error().message(), message) << json;
  }
}

TEST(PatchText, IsBounded) {
  JsonObject object;
  for (int i = 0; i < 10'000; ++i) object["key" + std::to_string(i)] = std::string(100, 'x');
  EXPECT_LT(go_text(object).size(), 2'200U);
  EXPECT_LT(json_text(object).size(), 2'200U);
  EXPECT_EQ(go_text(JsonArray{1e21, 1e-5, 0.25, -3, "", JsonObject{}}), "[1e+21 1e-05 0.25 -3  map[]]");
}

}  // namespace
}  // namespace gantry::apiserver::patches
