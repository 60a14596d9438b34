// Sequences of patches of all types on one object. Whatever comes: an answer below 500, nothing deeper than 64, memory
// and time in bounds, a result that encodes and reads back; and a JSON patch does what its operations do one by one.
#include <boost/json/serialize.hpp>
#include <functional>
#include <vector>

#include "core/schema/fuzz/fuzzing.hpp"
#include "core/schema/patch/patch.hpp"
#include "core/schema/sample_pod.hpp"
#include "core/schema/schema_testing.hpp"
#include "core/schema/values/same_json.hpp"

namespace gantry::schema::fuzz {
namespace {

using Array = boost::json::array;
using Object = boost::json::object;

enum class Type : uint8_t { kJson, kMerge, kStrategic };

Expected<Json> apply(const Kind& kind, Type type, const Json& document, const Json& patch) {
  if (type == Type::kJson) return json_patch(document, patch);
  if (type == Type::kMerge) return merge_patch(document, patch);
  return strategic_merge_patch(*kind.message, document, patch);
}

// One patch as a request brings it: parsed, applied, made canonical, defaulted, judged, encoded, read back.
Json patched(const Kind& kind, Type type, const Json& document, const std::string& text) {
  const Bounded bounded(text.size() + 4096);
  auto patch = parse_json(text);
  if (!patch) return document;
  auto result = apply(kind, type, document, *patch);
  if (!result) {
    const int code = result.error().code();
    // What upstream answers with a bare 500 is made a 400 by the API server.
    EXPECT_TRUE(code >= 400 && (code < 500 || type == Type::kStrategic)) << code << " " << result.error().message();
    EXPECT_LT(result.error().message().size(), 4096U);
    return document;
  }
  EXPECT_TRUE(is_shallow(*result));
  auto next = canonicalize(*kind.message, std::move(*result));
  if (!next || !apply_defaults(kind, *next).ok()) return document;
  EXPECT_TRUE(is_shallow(*next));
  const Status status = invalid_status(kind, "x", validate(kind, *next, &document));
  EXPECT_LT(status.message().size(), 300'000U);
  EXPECT_LE(status.details()->causes.size(), 101U);
  const std::string json = encode_json(*kind.message, *next);
  auto again = decode(*kind.message, Media::kJson, json);
  EXPECT_TRUE(again.ok() && encode_json(*kind.message, *again) == json) << json.substr(0, 4096);
  return *std::move(next);
}

// --- The kept corpus: what once took the daemon down. ---

struct Kept {
  const char* name;
  Type type;
  std::string document, patch;
};

std::string config_map(const std::string& data) {
  return R"({"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"a"},"data":)" + data + "}";
}

std::string operations(size_t count, const std::function<std::string(size_t)>& each) {
  std::string out = "[";
  for (size_t i = 0; i < count; ++i) out += (i > 0 ? "," : "") + each(i);
  return out + "]";
}

std::string doubling_copies() {
  std::string out = R"([{"op":"add","path":"/x","value":)" + repeated("{\"a\":", 58) + "{}" + repeated("}", 58) + "}";
  for (size_t depth = 59; depth < 20'000; depth *= 2) {
    out += R"(,{"op":"copy","from":"/x","path":"/x)" + repeated("/a", depth) + "\"}";
  }
  return out + "]";
}

std::string moves(std::string_view one, std::string_view other) {
  const auto move = [](std::string_view from, std::string_view to) {
    return R"({"op":"move","from":")" + std::string(from) + R"(","path":")" + std::string(to) + "\"}";
  };
  return R"([{"op":"add","path":"/x","value":[)" + repeated("0,", 100'000) +
         R"(0]},{"op":"add","path":"/z","value":{}},)" +
         operations(1000, [&](size_t i) { return i % 2 == 0 ? move(one, other) : move(other, one); }).substr(1);
}

std::string owners(size_t count, std::string_view more) {
  return R"({"metadata":{"ownerReferences":)" +
         operations(count,
                    [&](size_t i) { return "{\"uid\":\"u" + std::to_string(i) + "\"" + std::string(more) + "}"; }) +
         "}}";
}

std::vector<Kept> corpus() {
  constexpr size_t kMany = 40'000;
  const std::string full = config_map(members(kMany, "\"\"")), small = config_map(R"({"k":"v"})");
  const auto data = [](const std::string& patch) { return "{\"data\":" + patch + "}"; };
  std::string orders = "{\"binaryData\":{\"a\":\"\"", deletions = orders;
  for (size_t i = 0; i < kMany; ++i) {
    orders += ",\"$setElementOrder/k" + std::to_string(i) + "\":[]";
    deletions += ",\"$deleteFromPrimitiveList/k" + std::to_string(i) + "\":[]";
  }
  const auto removal = [](size_t i) { return R"({"op":"remove","path":"/data/k)" + std::to_string(i) + "\"}"; };
  const auto addition = [](size_t) { return std::string(R"({"op":"add","path":"/x/0","value":0})"); };
  const std::string owned = R"({"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"a",)" +
                            owners(kMany, R"(,"name":"n","kind":"K","apiVersion":"v1")").substr(13);
  return {
      {"copies that double the depth", Type::kJson, small, doubling_copies()},
      {"moves of a long list", Type::kJson, small, moves("/x", "/y")},
      {"moves of a long list to a deeper place", Type::kJson, small, moves("/x", "/z/y")},
      {"nulls of a merge", Type::kMerge, full, data(members(kMany, "null"))},
      {"nulls of a strategic merge", Type::kStrategic, full, data(members(kMany, "null"))},
      {"nulls that are nowhere", Type::kStrategic, full, "{\"binaryData\":" + members(kMany, "null") + "}"},
      {"keys not retained", Type::kStrategic, full, data("{\"$retainKeys\":[]}")},
      {"many orders", Type::kStrategic, full, orders + "}}"},
      {"many deletions from lists", Type::kStrategic, full, deletions + "}}"},
      {"removals in a row", Type::kJson, full, operations(10'000, removal)},
      {"removals with something between", Type::kJson, full,
       operations(10'000, [&](size_t i) { return i % 2 == 0 ? removal(i) : addition(i); })},
      {"additions to the front", Type::kJson, small,
       R"([{"op":"add","path":"/x","value":[)" + repeated("0,", 100'000) + "0]}," +
           operations(9'999, addition).substr(1)},
      {"elements by key", Type::kStrategic, owned, owners(kMany, R"(,"name":"m")")},
      {"elements that go by key", Type::kStrategic, owned, owners(kMany, R"(,"$patch":"delete")")},
      {"a bad label often", Type::kMerge, small, "{\"metadata\":{\"labels\":" + members(kMany, "\"v v\"") + "}}"},
      {"deep strategic merge", Type::kStrategic, small, repeated("{\"a\":", 70) + "1" + repeated("}", 70)},
      {"nulls within nulls", Type::kMerge, small,
       repeated("{\"a\":{\"b\":null,\"c\":[null],\"a\":", 20) + "null" + repeated("}}", 20)},
  };
}

TEST(PatchFuzz, Corpus) {
  for (const Kept& kept : corpus()) {
    SCOPED_TRACE(kept.name);
    const Kind& kind = testing::kind("", "ConfigMap");
    patched(kind, kept.type, testing::document(kind, kept.document), kept.patch);
  }
}

// --- Random patches of what is there. ---

class Patches {
 public:
  explicit Patches(Random& random) : random_(random) {}

  Json make(Type type, const Json& document) {
    if (type == Type::kJson) {
      Array list;
      for (size_t i = 0, count = 1 + random_.below(12); i < count; ++i) list.push_back(operation(document));
      // Removals from one place, of which some are there.
      if (random_.one_in(4)) removals(document, list);
      return list;
    }
    return changed(document, type == Type::kStrategic, 0);
  }

 private:
  std::string path(const Json& document) {
    std::string out;
    const Json* at = &document;
    while (!random_.one_in(5)) {
      if (const auto* object = at->if_object(); object != nullptr && !object->empty()) {
        const auto& member = *(object->begin() + static_cast<std::ptrdiff_t>(random_.below(object->size())));
        out += "/" + escaped(member.key());
        at = &member.value();
      } else if (const auto* array = at->if_array(); array != nullptr && !array->empty()) {
        const size_t index = random_.below(array->size());
        out += "/" + (random_.one_in(6) ? "-1" : std::to_string(index));
        at = &(*array)[index];
      } else {
        break;
      }
    }
    if (random_.one_in(4)) out += random_.pick(kTokens);
    return out;
  }
  static std::string escaped(std::string_view key) {
    std::string out;
    for (const char c : key) out += c == '/' ? "~1" : c == '~' ? "~0" : std::string(1, c);
    return out;
  }

  Json value(int depth = 0) {
    switch (random_.below(depth > 6 ? 6 : 9)) {
      case 0:
        return nullptr;
      case 1:
        return static_cast<int64_t>(random_.below(100)) - 10;
      case 2:
        return random_.one_in(2);
      case 3:
      case 4:
        return Json(random_.pick(kTexts));
      case 5:
        return 0.5;
      case 6: {
        Array list;
        for (size_t i = 0, count = random_.below(5); i < count; ++i) list.push_back(value(depth + 1));
        return list;
      }
      case 7: {
        Json deep = 1;
        for (size_t i = 0, count = random_.below(66); i < count; ++i) deep = Object{{"a", std::move(deep)}};
        return deep;
      }
      default: {
        Object object;
        for (size_t i = 0, count = random_.below(5); i < count; ++i) object[random_.pick(kTexts)] = value(depth + 1);
        return object;
      }
    }
  }

  Json operation(const Json& document) {
    Object out{{"op", random_.pick(kOperations)}, {"path", path(document)}};
    if (!random_.one_in(20)) out["value"] = value();
    if (!random_.one_in(3)) out["from"] = path(document);
    return out;
  }

  void removals(const Json& document, Array& list) {
    const std::string parent = path(document);
    for (size_t i = 0, count = 8 + random_.below(8); i < count; ++i) {
      list.push_back(Object{{"op", "remove"}, {"path", parent + "/" + std::string(random_.pick(kTexts))}});
    }
  }

  // A patch of the document's shape, with other values, nulls, directives and additions.
  Json changed(const Json& document, bool strategic, int depth) {
    if (random_.one_in(8)) return value();
    if (const auto* object = document.if_object()) {
      Object out;
      for (const auto& member : *object) {
        if (random_.one_in(2)) continue;
        out[member.key()] = random_.one_in(8) ? Json() : changed(member.value(), strategic, depth + 1);
        if (strategic && random_.one_in(8)) directive(out, member.key(), member.value());
      }
      if (random_.one_in(3)) out[random_.pick(kTexts)] = value();
      if (strategic && random_.one_in(12)) out["$patch"] = random_.pick(kDirectives);
      return out;
    }
    const auto* array = document.if_array();
    if (array == nullptr) return value();
    Array out;
    for (const Json& item : *array) {
      if (!random_.one_in(3)) out.push_back(strategic ? changed(item, strategic, depth + 1) : item);
    }
    return out;
  }

  void directive(Object& out, std::string_view key, const Json& value_there) {
    const Json list = value_there.is_array() ? value_there : Json(Array{random_.pick(kTexts)});
    if (random_.one_in(3)) {
      out["$retainKeys"] = Array{Json(key), Json(random_.pick(kTexts))};
    } else {
      out[(random_.one_in(2) ? "$setElementOrder/" : "$deleteFromPrimitiveList/") + std::string(key)] = list;
    }
  }

  static constexpr std::string_view kOperations[] = {"add", "add", "remove", "replace", "move", "copy", "test", "frob"};
  static constexpr std::string_view kTokens[] = {
      "/-", "/0", "/-1", "/new", "/~01", "", "/", "//", "/99999999999999999999"};
  static constexpr std::string_view kTexts[] = {
      "",       "a",   "b",   "name", "k1",     "spec", "metadata",
      "labels", "x/y", "c~d", "1",    "Always", "500m", "2026-01-01T00:00:00Z",
      "YQ=="};
  static constexpr std::string_view kDirectives[] = {"replace", "delete", "merge", "frob"};
  Random& random_;
};

void expect_as_one_by_one(const Json& document, const Json& patch) {
  const auto whole = json_patch(document, patch);
  Expected<Json> steps = document;
  for (const Json& operation : patch.get_array()) {
    steps = json_patch(*steps, Array{operation});
    if (!steps) break;
  }
  ASSERT_EQ(whole.ok(), steps.ok()) << boost::json::serialize(patch);
  if (whole) {
    EXPECT_EQ(boost::json::serialize(*whole), boost::json::serialize(*steps)) << boost::json::serialize(patch);
  }
}

// RFC 7386, as it is written there.
Json merged(Json target, const Json& patch) {
  if (!patch.is_object()) return patch;
  if (!target.is_object()) target = Object();
  for (const auto& member : patch.get_object()) {
    if (member.value().is_null()) {
      target.get_object().stable_erase(member.key());
    } else {
      const Json* old = target.get_object().if_contains(member.key());
      target.get_object()[member.key()] = merged(old != nullptr ? *old : Json(), member.value());
    }
  }
  return target;
}

TEST(PatchFuzz, Sequences) {
  struct Seed {
    const Kind& kind;
    Json document;
  };
  const std::vector<Seed> seeds = {
      {testing::pod_kind(), testing::document(testing::pod_kind(), testing::kSamplePod)},
      {testing::kind("", "ConfigMap"),
       testing::document(testing::kind("", "ConfigMap"),
                         config_map(R"({"a":"1","b":"2","x/y":"3","c~d":"4","k1":"5"})"))},
      {testing::deployment_kind(),
       testing::document(
           testing::deployment_kind(),
           R"({"apiVersion":"apps/v1","kind":"Deployment","metadata":{"name":"d","finalizers":["a/b","c/d"],
           "ownerReferences":[{"uid":"a","name":"a"},{"uid":"b","name":"b"}]},
           "spec":{"replicas":3,"selector":{"matchLabels":{"a":"b"}},"template":{"metadata":{"labels":{"a":"b"}},
           "spec":{"containers":[{"name":"c","image":"i","ports":[{"containerPort":1}],"env":[{"name":"A","value":"B"}]}]}}}})")}};
  Random random(seed());
  size_t made = 0, changed = 0;
  for (Rounds rounds(1000); rounds.next();) {
    const Seed& seed = random.pick(seeds);
    SCOPED_TRACE(seed.kind.kind + " round " + std::to_string(rounds.count()));
    Json document(seed.document, boost::json::storage_ptr());  // not in the seed's arena, which would only grow
    for (size_t i = 0, count = 1 + random.below(6); i < count; ++i) {
      const auto type = static_cast<Type>(random.below(3));
      const Json patch = Patches(random).make(type, document);
      if (type == Type::kJson) expect_as_one_by_one(document, patch);
      if (type == Type::kMerge && patch.is_object()) {
        const auto result = merge_patch(document, patch);
        EXPECT_EQ(result.ok(), is_shallow(patch)) << boost::json::serialize(patch);
        if (result) {
          EXPECT_EQ(boost::json::serialize(*result), boost::json::serialize(merged(document, patch)));
        }
      }
      const std::string text = boost::json::serialize(patch);
      Json next = patched(seed.kind, type, document, random.one_in(4) ? random.mutated(text) : text);
      ++made;
      if (!same_json(next, document)) ++changed;
      document = std::move(next);
    }
  }
  EXPECT_GT(changed, made / 20) << "the patches hardly get through";
}

}  // namespace
}  // namespace gantry::schema::fuzz
