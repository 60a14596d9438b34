// Tests of the three patch types, table-driven: document, patch, result.
#include "core/schema/patch/patch.hpp"

#include <gtest/gtest.h>

#include <boost/json/object.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>

#include "core/kinds/kinds.hpp"
#include "core/schema/values/json_testing.hpp"

namespace gantry::schema {
namespace {

struct Case {
  const char* name;
  const char* document;
  const char* patch;
  const char* result;  // null: must fail
  int code = 422;
};

TEST(JsonPatch, Cases) {
  const Case cases[] = {
      {"add member", R"({"a":1})", R"([{"op":"add","path":"/b","value":2}])", R"({"a":1,"b":2})"},
      {"add replaces", R"({"a":1})", R"([{"op":"add","path":"/a","value":2}])", R"({"a":2})"},
      {"add element", R"({"a":[1,3]})", R"([{"op":"add","path":"/a/1","value":2}])", R"({"a":[1,2,3]})"},
      {"add at end", R"({"a":[1]})", R"([{"op":"add","path":"/a/-","value":2}])", R"({"a":[1,2]})"},
      {"add past end", R"({"a":[1]})", R"([{"op":"add","path":"/a/5","value":2}])", nullptr},
      {"add no parent", R"({})", R"([{"op":"add","path":"/a/b","value":2}])", nullptr},
      {"add no value", R"({})", R"([{"op":"add","path":"/a"}])", nullptr},
      {"remove", R"({"a":1,"b":2})", R"([{"op":"remove","path":"/a"}])", R"({"b":2})"},
      {"remove element", R"({"a":[1,2,3]})", R"([{"op":"remove","path":"/a/1"}])", R"({"a":[1,3]})"},
      {"remove last", R"({"a":[1,2,3]})", R"([{"op":"remove","path":"/a/-1"}])", R"({"a":[1,2]})"},
      {"remove missing", R"({})", R"([{"op":"remove","path":"/a"}])", nullptr},
      {"replace", R"({"a":1})", R"([{"op":"replace","path":"/a","value":[1]}])", R"({"a":[1]})"},
      {"replace missing", R"({})", R"([{"op":"replace","path":"/a","value":1}])", nullptr},
      {"move", R"({"a":{"b":1}})", R"([{"op":"move","from":"/a/b","path":"/c"}])", R"({"a":{},"c":1})"},
      {"move into itself", R"({"a":{"b":1}})", R"([{"op":"move","from":"/a","path":"/a/b"}])", nullptr},
      {"copy", R"({"a":1})", R"([{"op":"copy","from":"/a","path":"/b"}])", R"({"a":1,"b":1})"},
      {"copy missing", R"({})", R"([{"op":"copy","from":"/a","path":"/b"}])", nullptr},
      {"test holds", R"({"a":{"x":1,"y":2}})", R"([{"op":"test","path":"/a","value":{"y":2,"x":1}}])",
       R"({"a":{"x":1,"y":2}})"},
      {"test fails", R"({"a":1})", R"([{"op":"test","path":"/a","value":2}])", nullptr},
      {"test absent null", R"({})", R"([{"op":"test","path":"/a","value":null}])", R"({})"},
      {"escapes", R"({"m":{"a/b":1,"c~d":2}})",
       R"([{"op":"remove","path":"/m/a~1b"},{"op":"replace","path":"/m/c~0d","value":3}])", R"({"m":{"c~d":3}})"},
      {"escape order", R"({"~1":1})", R"([{"op":"remove","path":"/~01"}])", R"({})"},
      {"unknown op", R"({})", R"([{"op":"frob","path":"/a"}])", nullptr},
      {"no path", R"({})", R"([{"op":"add","value":1}])", nullptr},
      {"not a list", R"({})", R"({"op":"add"})", nullptr, 400},
      {"not operations", R"({})", R"(["x"])", nullptr, 400},
  };
  for (const Case& c : cases) {
    auto result = json_patch(js(c.document), js(c.patch));
    if (c.result == nullptr) {
      ASSERT_FALSE(result.ok()) << c.name;
      EXPECT_EQ(result.error().code(), c.code) << c.name;
    } else {
      ASSERT_TRUE(result.ok()) << c.name << ": " << result.error().message();
      EXPECT_EQ(*result, js(c.result)) << c.name << ": " << boost::json::serialize(*result);
    }
  }
}

TEST(JsonPatch, Rejection) {
  auto result = json_patch(js("{}"), js(R"([{"op":"remove","path":"/x"}])"));
  EXPECT_EQ(result.error().reason(), "Invalid");
  EXPECT_EQ(result.error().message(), "the server rejected our request due to an error in our request");
  boost::json::array many;
  for (int i = 0; i < 10001; ++i) many.push_back(boost::json::object());
  EXPECT_EQ(json_patch(js("{}"), many).error().code(), 413);
}

TEST(JsonPatch, CopiesAreBounded) {
  boost::json::array many;
  many.push_back(js(R"({"op":"add","path":"/a","value":["xxxxxxxxxxxxxxxx"]})"));
  for (int i = 0; i < 60; ++i) many.push_back(js(R"({"op":"copy","from":"/a","path":"/a/-"})"));
  EXPECT_FALSE(json_patch(js("{}"), many).ok());
}

TEST(MergePatch, Cases) {
  const Case cases[] = {
      {"set", R"({"a":"b"})", R"({"a":"c"})", R"({"a":"c"})"},
      {"add", R"({"a":"b"})", R"({"b":"c"})", R"({"a":"b","b":"c"})"},
      {"remove", R"({"a":"b","b":1})", R"({"a":null})", R"({"b":1})"},
      {"list is replaced", R"({"a":[1]})", R"({"a":[2]})", R"({"a":[2]})"},
      {"deep", R"({"a":{"b":"c"}})", R"({"a":{"b":"d","c":null}})", R"({"a":{"b":"d"}})"},
      {"type changes", R"({"a":1})", R"({"a":{"b":{"c":null,"d":1}}})", R"({"a":{"b":{"d":1}}})"},
      {"null of nothing", R"({})", R"({"a":{"bb":{"ccc":null}}})", R"({"a":{"bb":{}}})"},
      {"not an object", R"({})", R"([])", nullptr, 400},
      {"text", R"({})", R"("x")", nullptr, 400},
  };
  for (const Case& c : cases) {
    auto result = merge_patch(js(c.document), js(c.patch));
    if (c.result == nullptr) {
      ASSERT_FALSE(result.ok()) << c.name;
      EXPECT_EQ(result.error().code(), c.code) << c.name;
    } else {
      ASSERT_TRUE(result.ok()) << c.name;
      EXPECT_EQ(*result, js(c.result)) << c.name << ": " << boost::json::serialize(*result);
    }
  }
}

void index(Message& message) {
  for (const Field& field : message.fields) {
    if (field.inlined) {
      for (const Field& inner : field.message->fields) message.by_json[inner.json] = &inner;
    } else {
      message.by_json[field.json] = &field;
    }
  }
}

Field list_field(std::string json, const Message* message, std::string key) {
  Field field;
  field.json = std::move(json);
  field.type = message == nullptr ? FieldType::kString : FieldType::kMessage;
  field.message = message;
  field.repeated = true;
  field.patch_strategy = "merge";
  field.patch_merge_key = std::move(key);
  return field;
}

Field plain(std::string json, const Message* message = nullptr) {
  Field field;
  field.json = std::move(json);
  field.type = message == nullptr ? FieldType::kString : FieldType::kMessage;
  field.message = message;
  return field;
}

// A pod spec in small: containers by name, ports by number, volumes that retain keys, finalizers.
struct Small {
  Message port, container, empty_dir, volume, strategy, root;
  Small() {
    port.fields = {plain("containerPort"), plain("name")};
    index(port);
    container.name = "Container";
    Field args = plain("args");
    args.repeated = true;
    container.fields = {plain("name"), plain("image"), args, list_field("ports", &port, "containerPort"),
                        list_field("env", &port, "name")};
    index(container);
    empty_dir.fields = {plain("medium")};
    index(empty_dir);
    volume.fields = {plain("name"), plain("emptyDir", &empty_dir), plain("hostPath", &empty_dir)};
    index(volume);
    strategy.fields = {plain("type"), plain("rollingUpdate", &empty_dir)};
    index(strategy);
    Field volumes = list_field("volumes", &volume, "name");
    volumes.patch_strategy = "merge,retainKeys";
    Field retained = plain("strategy", &strategy);
    retained.patch_strategy = "retainKeys";
    Field tolerations = list_field("tolerations", &volume, "");
    tolerations.patch_strategy = "";
    Field labels = plain("labels");
    labels.map = true;
    Field replaced = plain("selector", &strategy);
    replaced.patch_strategy = "replace";
    root.fields = {list_field("containers", &container, "name"), volumes, retained, tolerations,
                   list_field("finalizers", nullptr, ""),        labels,  replaced};
    index(root);
  }
};

TEST(StrategicMerge, Cases) {
  const Case cases[] = {
      {"map", R"({"labels":{"a":"1"}})", R"({"labels":{"b":"2","a":null}})", R"({"labels":{"b":"2"}})"},
      {"set image", R"({"containers":[{"name":"a","image":"x"},{"name":"b","image":"y"}]})",
       R"({"containers":[{"name":"b","image":"z"}]})",
       R"({"containers":[{"name":"a","image":"x"},{"name":"b","image":"z"}]})"},
      {"set image, ordered", R"({"containers":[{"name":"a","image":"x"},{"name":"b","image":"y"}]})",
       R"({"$setElementOrder/containers":[{"name":"a"},{"name":"b"}],"containers":[{"name":"b","image":"z"}]})",
       R"({"containers":[{"name":"a","image":"x"},{"name":"b","image":"z"}]})"},
      {"order alone", R"({"containers":[{"name":"a"},{"name":"b"},{"name":"c"}]})",
       R"({"$setElementOrder/containers":[{"name":"c"},{"name":"a"}]})",
       R"({"containers":[{"name":"b"},{"name":"c"},{"name":"a"}]})"},
      {"new element goes first", R"({"containers":[{"name":"a"}]})", R"({"containers":[{"name":"n","image":"i"}]})",
       R"({"containers":[{"name":"n","image":"i"},{"name":"a"}]})"},
      {"apply adds a container", R"({"containers":[{"name":"a"},{"name":"server"}]})",
       R"({"$setElementOrder/containers":[{"name":"a"},{"name":"n"}],"containers":[{"name":"n"}]})",
       R"({"containers":[{"name":"a"},{"name":"n"},{"name":"server"}]})"},
      {"delete element", R"({"containers":[{"name":"a"},{"name":"b"}]})",
       R"({"$setElementOrder/containers":[{"name":"b"}],"containers":[{"$patch":"delete","name":"a"}]})",
       R"({"containers":[{"name":"b"}]})"},
      {"replace list", R"({"containers":[{"name":"a"},{"name":"b"}]})",
       R"({"containers":[{"$patch":"replace"},{"name":"c"}]})", R"({"containers":[{"name":"c"}]})"},
      {"nested merge keys",
       R"({"containers":[{"name":"a","ports":[{"containerPort":80,"name":"x"},{"containerPort":81}]}]})",
       R"({"containers":[{"name":"a","ports":[{"containerPort":80,"name":"y"},{"$patch":"delete","containerPort":81}]}]})",
       R"({"containers":[{"name":"a","ports":[{"containerPort":80,"name":"y"}]}]})"},
      {"atomic list", R"({"containers":[{"name":"a","args":["1","2"]}]})",
       R"({"containers":[{"name":"a","args":["3"]}]})", R"({"containers":[{"name":"a","args":["3"]}]})"},
      {"atomic list of maps", R"({"tolerations":[{"name":"a"}]})", R"({"tolerations":[{"name":"b"}]})",
       R"({"tolerations":[{"name":"b"}]})"},
      {"primitive merge", R"({"finalizers":["a","b"]})",
       R"({"$setElementOrder/finalizers":["a","b","c"],"finalizers":["c"]})", R"({"finalizers":["a","b","c"]})"},
      {"primitive delete", R"({"finalizers":["a","b","c"]})",
       R"({"$deleteFromPrimitiveList/finalizers":["b"],"$setElementOrder/finalizers":["a","c"]})",
       R"({"finalizers":["a","c"]})"},
      {"retain keys in a list", R"({"volumes":[{"name":"v","emptyDir":{"medium":"m"}}]})",
       R"({"volumes":[{"$retainKeys":["name","hostPath"],"name":"v","hostPath":{"path":"/"}}]})",
       R"({"volumes":[{"name":"v","hostPath":{"path":"/"}}]})"},
      {"retain keys", R"({"strategy":{"type":"RollingUpdate","rollingUpdate":{"medium":"1"}}})",
       R"({"strategy":{"$retainKeys":["type"],"type":"Recreate"}})", R"({"strategy":{"type":"Recreate"}})"},
      {"retain keys of nothing", R"({})", R"({"strategy":{"$retainKeys":["type"],"type":"Recreate"}})",
       R"({"strategy":{"type":"Recreate"}})"},
      {"retain keys too few", R"({"strategy":{}})", R"({"strategy":{"$retainKeys":["x"],"type":"R"}})", nullptr, 400},
      {"map replace", R"({"strategy":{"type":"a","rollingUpdate":{}}})",
       R"({"strategy":{"$patch":"replace","type":"b"}})", R"({"strategy":{"type":"b"}})"},
      {"map delete", R"({"strategy":{"type":"a"}})", R"({"strategy":{"$patch":"delete"}})", R"({"strategy":{}})"},
      {"map merge", R"({"strategy":{"type":"a"}})", R"({"strategy":{"$patch":"merge","x":"b"}})",
       R"({"strategy":{"type":"a","x":"b"}})"},
      {"replace strategy", R"({"selector":{"type":"a","x":"y"}})", R"({"selector":{"type":"b"}})",
       R"({"selector":{"type":"b"}})"},
      {"undo: whole template", R"({"containers":[{"name":"a","image":"2"},{"name":"b"}]})",
       R"({"$patch":"replace","containers":[{"name":"a","image":"1"}]})",
       R"({"containers":[{"name":"a","image":"1"}]})"},
      {"null deletes a list", R"({"volumes":[{"name":"v"}]})", R"({"$setElementOrder/volumes":[],"volumes":null})",
       R"({})"},
      {"new list drops directives", R"({})",
       R"({"$setElementOrder/volumes":[{"name":"v"}],"volumes":[{"$retainKeys":["name"],"name":"v","x":null}]})",
       R"({"volumes":[{"name":"v"}]})"},
      {"delete in a new list", R"({})", R"({"containers":[{"$patch":"delete","name":"a"}]})", R"({"containers":[]})"},
      {"unknown keys", R"({"foo":{"a":1}})", R"({"foo":{"b":[1]},"bar":1})", R"({"foo":{"a":1,"b":[1]},"bar":1})"},
      {"unknown directive", R"({"strategy":{}})", R"({"strategy":{"$patch":"frob"}})", nullptr, 500},
      {"no merge key", R"({"containers":[{"name":"a"}]})", R"({"containers":[{"image":"a"}]})", nullptr, 500},
      {"wrong order list", R"({"containers":[]})", R"({"$setElementOrder/containers":{}})", nullptr, 400},
      {"patch out of order", R"({"containers":[]})",
       R"({"$setElementOrder/containers":[{"name":"a"},{"name":"b"}],"containers":[{"name":"b"},{"name":"a"}]})",
       nullptr, 500},
      {"not an object", R"({})", R"([])", nullptr, 400},
  };
  Small small;
  for (const Case& c : cases) {
    auto result = strategic_merge_patch(small.root, js(c.document), js(c.patch));
    if (c.result == nullptr) {
      ASSERT_FALSE(result.ok()) << c.name;
      EXPECT_EQ(result.error().code(), c.code) << c.name << result.error().message();
    } else {
      ASSERT_TRUE(result.ok()) << c.name << ": " << result.error().message();
      EXPECT_EQ(*result, js(c.result)) << c.name << ": " << boost::json::serialize(*result);
    }
  }
}

// The real tree, with the patches kubectl sends.
TEST(StrategicMerge, Deployment) {
  auto schema = Schema::builtin(kinds::all());
  ASSERT_TRUE(schema.ok()) << schema.error().message();
  const Kind* kind = (*schema)->find_kind("apps", "v1", "Deployment");
  ASSERT_NE(kind, nullptr);
  Json document = js(R"({"spec":{"paused":true,"template":{"metadata":{"annotations":{"a":"b"}},"spec":{
    "containers":[{"name":"c","image":"i:1","env":[{"name":"A","value":"1"},{"name":"B","value":"2"}],
      "volumeMounts":[{"mountPath":"/x","name":"v"}]}],
    "volumes":[{"name":"v","emptyDir":{}}]}}}})");
  Json patch = js(R"({"spec":{"paused":null,"template":{"metadata":{"annotations":{
    "kubectl.kubernetes.io/restartedAt":"now"}},"spec":{
    "$setElementOrder/containers":[{"name":"c"}],"containers":[{"name":"c","image":"i:2",
      "$setElementOrder/env":[{"name":"B"}],"env":[{"$patch":"delete","name":"A"}]}],
    "$setElementOrder/volumes":[{"name":"v"}],
    "volumes":[{"$retainKeys":["configMap","name"],"name":"v","emptyDir":null,"configMap":{"name":"m"}}]}}}})");
  auto result = strategic_merge_patch(*kind->message, document, patch);
  ASSERT_TRUE(result.ok()) << result.error().message();
  EXPECT_EQ(*result, js(R"({"spec":{"template":{"metadata":{"annotations":{"a":"b",
    "kubectl.kubernetes.io/restartedAt":"now"}},"spec":{
    "containers":[{"name":"c","image":"i:2","env":[{"name":"B","value":"2"}],
      "volumeMounts":[{"mountPath":"/x","name":"v"}]}],
    "volumes":[{"name":"v","configMap":{"name":"m"}}]}}}})"))
      << boost::json::serialize(*result);
}

}  // namespace
}  // namespace gantry::schema
