// What patches may cost: depth, copies, moves, removals of many parts; and that what is allowed comes out right.
#include <gtest/gtest.h>

#include <boost/json/serialize.hpp>

#include "core/schema/patch/patch.hpp"
#include "core/schema/schema_testing.hpp"
#include "core/schema/values/json_testing.hpp"

namespace gantry::schema {
namespace {

using Array = boost::json::array;
using Object = boost::json::object;
using AccountPtr = std::shared_ptr<limits::Account>;

constexpr size_t kMany = 60'000;

// {"a":{"a":...{}}}, `depth` objects.
Json nested(size_t depth) {
  Json out = Object();
  for (size_t i = 1; i < depth; ++i) out = Object{{"a", std::move(out)}};
  return out;
}

std::string path_of(size_t depth) {
  std::string out;
  for (size_t i = 0; i < depth; ++i) out += "/a";
  return out;
}

std::string key_of(size_t i) { return "k" + std::to_string(i); }

Object members(size_t count, const Json& value) {
  Object out;
  for (size_t i = 0; i < count; ++i) out[key_of(i)] = value;
  return out;
}

Json operation(std::string_view op, std::string_view path, std::string_view from = {}) {
  Object out{{"op", op}, {"path", path}};
  if (!from.empty()) out["from"] = from;
  return out;
}

Json adding(std::string_view path, Json value) {
  return Object{{"op", "add"}, {"path", path}, {"value", std::move(value)}};
}

void expect_too_deep(const Expected<Json>& result) {
  ASSERT_FALSE(result.ok());
  EXPECT_EQ(result.error().code(), 422);
  EXPECT_NE(result.error().message().find("maximum depth of 64"), std::string::npos) << result.error().message();
}

TEST(JsonPatchLimits, NoOperationMakesADocumentDeeperThan64) {
  EXPECT_TRUE(json_patch(js("{}"), Array{adding("/a", nested(63))}).ok());
  expect_too_deep(json_patch(js("{}"), Array{adding("/a", nested(64))}));
  EXPECT_TRUE(json_patch(js("{}"), Array{adding("", nested(64))}).ok());
  expect_too_deep(json_patch(js("{}"), Array{adding("", nested(65))}));
  EXPECT_TRUE(json_patch(js(R"({"a":[1]})"), Array{adding("/a/0", nested(62))}).ok());
  expect_too_deep(json_patch(js(R"({"a":[1]})"), Array{adding("/a/0", nested(63))}));
  Json replace = adding(path_of(60), nested(5));
  replace.get_object()["op"] = "replace";
  expect_too_deep(json_patch(nested(61), Array{replace}));
  replace.get_object()["value"] = nested(4);
  EXPECT_TRUE(json_patch(nested(61), Array{replace}).ok());
}

TEST(JsonPatchLimits, CopiesAndMovesDeepenNoFurther) {
  const Json document = Object{{"a", nested(40)}, {"b", nested(23)}, {"c", nested(24)}};
  EXPECT_TRUE(json_patch(document, Array{operation("copy", path_of(41), "/b")}).ok());
  EXPECT_TRUE(json_patch(document, Array{operation("move", path_of(41), "/b")}).ok());
  expect_too_deep(json_patch(document, Array{operation("copy", path_of(41), "/c")}));
  expect_too_deep(json_patch(document, Array{operation("move", path_of(41), "/c")}));
  Array doubling{adding("/x", nested(58))};
  for (size_t depth = 59; depth < 1000; depth *= 2) doubling.push_back(operation("copy", "/x" + path_of(depth), "/x"));
  expect_too_deep(json_patch(js("{}"), doubling));
}

TEST(JsonPatchLimits, AMoveCopiesNothing) {
  Array operations{adding("/x", Array(100'000, Json(0)))};
  for (int i = 0; i < 200; ++i) {
    operations.push_back(operation("move", "/y", "/x"));
    operations.push_back(operation("move", "/x", "/y"));
  }
  operations.push_back(operation("remove", "/x"));
  auto account = std::make_shared<limits::Account>(64 << 20);
  auto result = json_patch(js(R"({"data":{"k":"v"}})"), operations, account);
  ASSERT_TRUE(result.ok()) << result.error().message();
  EXPECT_EQ(*result, js(R"({"data":{"k":"v"}})"));
  EXPECT_LT(account->peak(), 6U << 20);
}

TEST(JsonPatchLimits, CopiesAreCountedInBytes) {
  Array operations{adding("/x", Json(std::string(1 << 20, 'x')))};
  for (const char* to : {"/a", "/b", "/c"}) operations.push_back(operation("copy", to, "/x"));
  auto result = json_patch(js("{}"), operations);
  ASSERT_FALSE(result.ok());
  EXPECT_EQ(result.error().code(), 422);
  EXPECT_NE(result.error().message().find("3145728 bytes"), std::string::npos) << result.error().message();
  operations.pop_back();
  EXPECT_TRUE(json_patch(js("{}"), operations).ok());
}

TEST(JsonPatchLimits, ManyRemovalsFromOneObjectAreOnePass) {
  const Json document = Object{{"data", members(kMany, "")}};
  Array operations;
  for (size_t i = 0; i < 9'999; ++i) operations.push_back(operation("remove", "/data/" + key_of(i * 5)));
  auto result = json_patch(document, operations);
  ASSERT_TRUE(result.ok()) << result.error().message();
  const Object& data = result->at("data").get_object();
  EXPECT_EQ(data.size(), kMany - 9'999);
  EXPECT_EQ(data.begin()->key(), "k1");
  EXPECT_EQ((data.begin() + 4)->key(), "k6") << "the others keep their order";
  EXPECT_EQ((data.end() - 1)->key(), key_of(kMany - 1));
  operations.push_back(operation("remove", "/data/k5"));
  EXPECT_EQ(json_patch(document, operations).error().code(), 422) << "it is gone already";
  operations.back() = operation("remove", "/data/none");
  EXPECT_EQ(json_patch(document, operations).error().code(), 422);
}

TEST(JsonPatchLimits, RemovalsInARowWork) {
  const Json document = Object{{"a~b", members(20, 1)}, {"l", Array{0, 1, 2, 3, 4, 5, 6, 7, 8, 9}}};
  Array operations;
  for (size_t i = 0; i < 9; ++i) operations.push_back(operation("remove", "/a~0b/" + key_of(i)));
  for (size_t i = 0; i < 9; ++i) operations.push_back(operation("remove", "/l/0"));
  operations.push_back(adding("/a~0b/k0", 2));
  auto result = json_patch(document, operations);
  ASSERT_TRUE(result.ok()) << result.error().message();
  EXPECT_EQ(boost::json::serialize(*result),
            R"({"a~b":{"k9":1,"k10":1,"k11":1,"k12":1,"k13":1,"k14":1,"k15":1,"k16":1,"k17":1,"k18":1,"k19":1,"k0":2},)"
            R"("l":[9]})");
}

// Removals and what is between them cost what they push aside, up to a bound that is named.
TEST(JsonPatchLimits, WorkIsBounded) {
  const Json document = Object{{"data", members(kMany, "")}, {"list", Array(kMany, Json(0))}};
  Array singles;
  for (size_t i = 0; i < 200; ++i) {
    singles.push_back(operation("remove", "/data/" + key_of(i)));
    singles.push_back(adding("/x", 1));
  }
  const auto refused = json_patch(document, singles);
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().code(), 413);
  EXPECT_NE(refused.error().message().find("5000000 values"), std::string::npos) << refused.error().message();
  Array at_front(3000, operation("remove", "/list/0"));
  EXPECT_EQ(json_patch(document, at_front).error().code(), 413);
  at_front.resize(1000);
  EXPECT_TRUE(json_patch(document, at_front).ok());
  EXPECT_EQ(json_patch(document, Array(3000, adding("/list/0", 1))).error().code(), 413);
  EXPECT_TRUE(json_patch(document, Array(9000, adding("/list/-", 1))).ok());
  Array deeper;
  for (int i = 0; i < 100; ++i) {
    deeper.push_back(operation("move", "/x/y", "/list"));
    deeper.push_back(operation("move", "/list", "/x/y"));
  }
  Json with_x = document;
  with_x.get_object()["x"] = Object();
  EXPECT_EQ(json_patch(with_x, deeper).error().code(), 413) << "a deeper place is looked at";
}

TEST(JsonPatchLimits, ObjectsAreBuiltAnewInBounds) {
  const Json document = Object{{"data", members(kMany, "")}};
  Array operations;
  for (size_t i = 0; i < 9000; ++i) {
    operations.push_back(i % 9 == 8 ? adding("/x", 1) : operation("remove", "/data/" + key_of(i)));
  }
  auto account = std::make_shared<limits::Account>(256 << 20);
  const auto result = json_patch(document, operations, account);
  EXPECT_EQ(result.error().code(), 413);
  EXPECT_LT(account->peak(), 64U << 20);
}

TEST(MergePatchLimits, ManyNullsAreOnePass) {
  const Json document = Object{{"data", members(kMany, "x")}};
  Object nulls = members(kMany, nullptr);
  nulls.erase("k7");
  nulls["k9"] = "y";
  nulls["new"] = "z";
  auto result = merge_patch(document, Object{{"data", nulls}});
  ASSERT_TRUE(result.ok());
  EXPECT_EQ(boost::json::serialize(*result), R"({"data":{"k7":"x","k9":"y","new":"z"}})");
}

TEST(MergePatchLimits, NothingIsDeeperThan64) {
  EXPECT_TRUE(merge_patch(nested(64), nested(64)).ok());
  expect_too_deep(merge_patch(js("{}"), nested(65)));
  expect_too_deep(strategic_merge_patch(*testing::pod_kind().message, js("{}"), nested(65)));
  EXPECT_TRUE(strategic_merge_patch(*testing::pod_kind().message, nested(64), nested(64)).ok());
}

struct Strategic : ::testing::Test {
  const Message& message = *testing::kind("", "ConfigMap").message;
  const Json document = Object{{"data", members(kMany, "x")}};
  Expected<Json> apply(Json patch) { return strategic_merge_patch(message, document, patch); }
};

using StrategicLimits = Strategic;

TEST_F(StrategicLimits, ManyKeysGoAtOnce) {
  auto retained = apply(Object{{"data", Object{{"$retainKeys", Array{"k3", "k5"}}, {"k5", "y"}}}});
  ASSERT_TRUE(retained.ok()) << retained.error().message();
  EXPECT_EQ(boost::json::serialize(*retained), R"({"data":{"k3":"x","k5":"y"}})");
  Object nulls = members(kMany, nullptr);
  nulls.erase("k4");
  auto gone = apply(Object{{"data", nulls}});
  ASSERT_TRUE(gone.ok());
  EXPECT_EQ(boost::json::serialize(*gone), R"({"data":{"k4":"x"}})");
  auto nowhere = apply(Object{{"binaryData", nulls}});
  ASSERT_TRUE(nowhere.ok());
  EXPECT_EQ(nowhere->at("binaryData"), Json(Object()));
  EXPECT_EQ(nowhere->at("data").get_object().size(), kMany);
}

TEST_F(StrategicLimits, ManyOrdersGoAtOnce) {
  Object orders;
  for (size_t i = 0; i < kMany; ++i) orders["$setElementOrder/" + key_of(i)] = Array();
  orders["k1"] = "y";
  auto result = apply(Object{{"binaryData", orders}, {"data", Object{{"$retainKeys", Array()}}}});
  ASSERT_TRUE(result.ok()) << result.error().message();
  EXPECT_EQ(result->at("data"), Json(Object()));
}

TEST_F(StrategicLimits, ManyElementsAreFoundByTheirKeys) {
  Object owner{{"uid", ""}, {"name", "n"}};
  Array owners, deletions, order;
  for (size_t i = 0; i < kMany; ++i) {
    owner["uid"] = key_of(i);
    owners.push_back(owner);
    if (i % 2 == 0) deletions.push_back(Object{{"$patch", "delete"}, {"uid", key_of(i)}});
  }
  deletions.push_back(Object{{"uid", "k1"}, {"name", "other"}});
  const Json before = Object{{"metadata", Object{{"ownerReferences", owners}}}};
  auto result = strategic_merge_patch(message, before, Object{{"metadata", Object{{"ownerReferences", deletions}}}});
  ASSERT_TRUE(result.ok()) << result.error().message();
  const Array& left = result->at("metadata").at("ownerReferences").get_array();
  ASSERT_EQ(left.size(), kMany / 2);
  EXPECT_EQ(left.front(), js(R"({"uid":"k1","name":"other"})"));
  EXPECT_EQ(left.back().at("uid"), Json(key_of(kMany - 1)));
}

// An element that is named again and again is merged with each time, and so is what is in it.
TEST_F(StrategicLimits, WhatIsNamedAgainAndAgainIsCounted) {
  const Message& pod = *testing::pod_kind().message;
  Array env, again;
  constexpr size_t kSome = 5000;
  for (size_t i = 0; i < kSome; ++i) env.push_back(Object{{"name", key_of(i)}});
  const auto container = [](Object more) {
    more["name"] = "c";
    return Json(std::move(more));
  };
  const auto spec = [](Array containers) {
    return Json(Object{{"spec", Object{{"containers", std::move(containers)}}}});
  };
  const Json before = spec({container({{"env", env}, {"keys", members(kSome, 1)}})});
  const auto refused = [&](const Object& more) {
    const Array many(1000, container(more));
    auto account = std::make_shared<limits::Account>(512 << 20);
    const auto result = strategic_merge_patch(pod, before, spec(many), account);
    EXPECT_LT(account->peak(), 64U << 20);
    return !result.ok() && result.error().code() == 413;
  };
  EXPECT_TRUE(refused({{"env", Array{Object{{"name", "z"}}}}}));
  EXPECT_TRUE(refused({{"env", Array{Object{{"name", "z"}, {"$patch", "delete"}}}}}));
  EXPECT_TRUE(refused({{"$setElementOrder/env", Array{Object{{"name", "z"}}}}}));
  EXPECT_TRUE(refused({{"$deleteFromPrimitiveList/env", Array{Object{{"name", "z"}}}}}));
  EXPECT_FALSE(refused({{"keys", Object{{"k1", 2}}}}));
  EXPECT_FALSE(refused({{"keys", Object{{"k1", nullptr}}}})) << "it is gone the first time";
  Object anew = {{"$retainKeys", Array()}};
  for (size_t i = 0; i < kSome; ++i) anew["$retainKeys"].get_array().push_back(Json(key_of(i)));
  EXPECT_TRUE(
      strategic_merge_patch(pod, before, spec({container({{"keys", anew}}), container({{"keys", anew}})})).ok());
}

TEST_F(StrategicLimits, AnElementThatThePatchNamesTwiceIsOne) {
  const Json one = js(R"({"metadata":{"ownerReferences":[{"uid":"a","name":"x"}]}})");
  const Json patch = js(R"({"metadata":{"ownerReferences":[{"uid":"z","name":"y"},{"uid":"z","kind":"K"}]}})");
  auto result = strategic_merge_patch(message, one, patch);
  ASSERT_TRUE(result.ok()) << result.error().message();
  EXPECT_EQ(result->at("metadata").at("ownerReferences"),
            js(R"([{"uid":"z","name":"y","kind":"K"},{"uid":"a","name":"x"}])"));
}

TEST_F(StrategicLimits, PlacesByKeyAreCharged) {
  Array finalizers;
  for (size_t i = 0; i < kMany; ++i) finalizers.emplace_back(key_of(i));
  const Json list = Object{{"metadata", Object{{"finalizers", finalizers}}}};
  auto plenty = std::make_shared<limits::Account>(256 << 20);
  ASSERT_TRUE(strategic_merge_patch(message, list, list, plenty).ok());
  EXPECT_EQ(plenty->used(), 0U);
  const size_t others = plenty->limit() - plenty->peak() / 2;
  plenty->add(others);
  EXPECT_EQ(strategic_merge_patch(message, list, list, plenty).error().code(), 429);
  EXPECT_EQ(plenty->used(), others);
}

TEST_F(StrategicLimits, ErrorsShowOnlySo) {
  const Json element = Object{{"name", Json(std::string(100'000, 'x'))}};
  const Json before = Object{{"metadata", Object{{"ownerReferences", Array{element}}}}};
  const auto result = strategic_merge_patch(message, before, before);
  ASSERT_FALSE(result.ok());
  EXPECT_LT(result.error().message().size(), 1000U);
  EXPECT_NE(result.error().message().find("xxx..."), std::string::npos);
}

}  // namespace
}  // namespace gantry::schema
