// Kinds that come from outside: what is served, what is refused and with which words, what a change may change.
#include <atomic>
#include <thread>

#include "core/kinds/kinds.hpp"
#include "core/schema/openapi/openapi.hpp"
#include "core/schema/schema_testing.hpp"
#include "core/schema/table/table.hpp"
#include "core/schema/tree/extension_testing.hpp"
#include "core/schema/tree/registry.hpp"

namespace gantry::schema {
namespace {

using namespace testing;
using ::testing::HasSubstr;

class Extension : public ::testing::Test {
 protected:
  Extension() : registry_(*Registry::create(kinds::all())) {}
  std::string refusal(const Widgets& widgets, std::string_view owner = "widgets") {
    return refusal(widgets.set(), owner);
  }
  std::string refusal(const std::string& set, std::string_view owner = "widgets") {
    const auto generation = registry_->generation();
    const auto status = registry_->extend(owner, set);
    EXPECT_FALSE(status.ok());
    EXPECT_EQ(registry_->generation(), generation);
    return status.message();
  }
  void accept(const std::string& set, std::string_view owner = "widgets") {
    const auto status = registry_->extend(owner, set);
    ASSERT_TRUE(status.ok()) << status.message();
  }
  // Of the moment; it lives until the next is asked for.
  const Kind* widget() {
    schema_ = registry_->now();
    return schema_->find_resource("demo.example.com", "v1", "widgets");
  }

  std::unique_ptr<Registry> registry_;
  SchemaPtr schema_ = registry_->now();
};

TEST_F(Extension, AKindIsServedLikeAnother) {
  const auto kinds = schema_->kinds().size();
  accept(Widgets().set());
  const Kind* kind = widget();
  EXPECT_EQ(schema_->kinds().size(), kinds + 1);
  EXPECT_EQ(registry_->generation(), 1u);
  ASSERT_NE(kind, nullptr);
  EXPECT_EQ(schema_->find_kind("demo.example.com", "v1", "Widget"), kind);
  EXPECT_NE(schema_->find_message("demo.v1.WidgetSpec"), nullptr);
  // What an author may leave out.
  EXPECT_EQ(kind->singular, "widget");
  EXPECT_EQ(kind->verbs.size(), 8u);
  ASSERT_NE(kind->list_message, nullptr);
  EXPECT_EQ(kind->list_message->name, "demo.v1.WidgetList");
  ASSERT_EQ(kind->columns.size(), 2u);
  EXPECT_EQ(kind->columns[0].name, "Name");
  EXPECT_EQ(kind->subresource("status")->verbs.size(), 3u);
}

TEST_F(Extension, DefaultsRulesAndTablesWork) {
  accept(Widgets().set());
  auto object = document(*widget(), R"({"metadata":{"name":"a"},"spec":{"colour":"green"}})");
  EXPECT_TRUE(apply_defaults(*widget(), object).ok());
  EXPECT_EQ(object.at("spec").at("size"), Json(3));
  const auto status = invalid_status(*widget(), "a", validate(*widget(), object));
  EXPECT_THAT(status.message(), HasSubstr("Widget.demo.example.com \"a\" is invalid: ["));
  EXPECT_THAT(status.message(), HasSubstr("spec.owner: Required value"));
  EXPECT_THAT(status.message(), HasSubstr("spec.colour: Unsupported value: \"green\": supported values: "));
  EXPECT_EQ(table_row_json(*widget(), object, "{}", IncludeObject::kNone, 0), R"({"cells":["a",3],"object":null})");
  auto bytes = encode_protobuf(*widget()->message, object);
  ASSERT_TRUE(bytes);
  auto back = decode(*widget()->message, Media::kProtobuf, wrap_protobuf("demo.example.com/v1", "Widget", *bytes));
  ASSERT_TRUE(back) << back.error().message();
  EXPECT_EQ(back->at("spec").at("colour"), Json("green"));
  const auto open = openapi_v3_json(*schema_, "demo.example.com", "v1", "v1");
  EXPECT_THAT(open, HasSubstr("/apis/demo.example.com/v1/namespaces/{namespace}/widgets/{name}/status"));
  EXPECT_THAT(open, HasSubstr("demo.v1.WidgetSpec"));
  EXPECT_THAT(openapi_v3_index(*schema_), HasSubstr("apis/demo.example.com/v1"));
}

TEST_F(Extension, ADateColumnSaysHowLongAgo) {
  Widgets widgets;
  widgets.more = column("Made", "date", ".metadata.creationTimestamp");
  accept(widgets.set());
  const auto object = document(*widget(), R"({"metadata":{"name":"a","creationTimestamp":"1970-01-01T00:00:10Z"}})");
  EXPECT_EQ(table_row_json(*widget(), object, "{}", IncludeObject::kNone, int64_t{70} * 1'000'000'000),
            R"({"cells":["a","60s"],"object":null})");
}

// What a field is called says nothing about it: only options do.
TEST_F(Extension, NamesOfFieldsMeanNothing) {
  Widgets widgets;
  const auto map_by = [](std::string_view key) { return bytes_field(6, "map") + bytes_field(7, key); };
  widgets.spec = {
      field("ports", 1, kMessageType, ".demo.v1.WidgetStatus", map_by("ready"), true),
      field("conditions", 2, kMessageType, ".demo.v1.WidgetStatus", map_by("ready"), true),
      field("env", 3, kMessageType, ".demo.v1.WidgetStatus", map_by("ready") + number_field(17, 1), true),
      field("weight", 4, kInt32Type, {}, number_field(13, 2) + number_field(14, 7)),
      field("mode", 5, kInt32Type, {}, number_field(14, 7) + bytes_field(19, "is no mode")),
      field("operator", 6, kStringType, {},
            bytes_field(11, "a") + bytes_field(11, "b") + bytes_field(11, "c") + bytes_field(11, "DoesNotExist")),
      field("topologyKey", 7, kStringType, {}, number_field(10, 1))};
  widgets.more = column("Count", "integer", ".count") + column("Node", "string", ".spec.nodeName");
  widgets.spec.push_back(field("nodeName", 8, kStringType));
  std::string set = widgets.set();
  EXPECT_THAT(refusal(set), HasSubstr(".count"));
  widgets.more = column("Count", "integer", ".spec.weight") + column("Node", "string", ".spec.nodeName");
  accept(widgets.set());
  const auto object = document(*widget(), R"({"metadata":{"name":"a"},"spec":{"ports":[{"ready":1},{"ready":1}],
      "conditions":[{"ready":1},{"ready":1}],"env":[{"ready":1},{"ready":1}],"weight":9,"mode":9,"operator":"x"}})");
  std::vector<std::string> causes;
  for (const auto& cause : validate(*widget(), object)) causes.push_back(cause.field + ": " + cause.message);
  EXPECT_THAT(causes, ::testing::UnorderedElementsAre(
                          "spec.ports[1].ready: Duplicate value: 1", "spec.conditions[1].ready: Duplicate value: 1",
                          "spec.weight: Invalid value: 9: must be between 2 and 7, inclusive",
                          "spec.mode: Invalid value: 9: is no mode",
                          HasSubstr("spec.operator: Unsupported value: \"x\""), "spec.topologyKey: Required value"));
  const auto nothing = document(*widget(), R"({"metadata":{"name":"a"}})");
  EXPECT_EQ(table_row_json(*widget(), nothing, "{}", IncludeObject::kNone, 0), R"({"cells":["a",0,""],"object":null})");
}

TEST_F(Extension, AMapOfTextsIsAColumn) {
  Widgets widgets;
  widgets.more = column("Labels", "string", ".metadata.labels");
  accept(widgets.set());
  const auto object = document(*widget(), R"({"metadata":{"name":"a","labels":{"b":"1","a":"2"}}})");
  EXPECT_EQ(table_row_json(*widget(), object, "{}", IncludeObject::kNone, 0),
            R"({"cells":["a","a=2,b=1"],"object":null})");
}

TEST_F(Extension, BuiltInGroupsComeFirst) {
  Widgets widgets;
  widgets.more = number_field(14, 30'000);
  accept(widgets.set());
  const auto& kinds = schema_->kinds();
  const auto place = [&](std::string_view group) {
    return std::find_if(kinds.begin(), kinds.end(), [&](const Kind* kind) { return kind->group == group; });
  };
  EXPECT_EQ(place(""), kinds.begin());
  EXPECT_LT(place("coordination.k8s.io"), place("demo.example.com"));
}

TEST_F(Extension, AColumnPicksFromAList) {
  Widgets widgets;
  const std::string condition = ".k8s.io.apimachinery.pkg.apis.meta.v1.Condition";
  widgets.status.push_back(field("conditions", 2, kMessageType, condition, {}, true));
  widgets.more = column("Ready", "string", R"(.status.conditions[?(@.type=="Ready")].status)") +
                 column("First", "string", ".status.conditions[0].type");
  accept(widgets.set());
  const auto object = document(*widget(), R"({"metadata":{"name":"a"},"status":{"conditions":[
      {"type":"Seen","status":"False"},{"type":"Ready","status":"True"}]}})");
  EXPECT_EQ(table_row_json(*widget(), object, "{}", IncludeObject::kNone, 0),
            R"({"cells":["a","True","Seen"],"object":null})");
  const auto nothing = document(*widget(), R"({"metadata":{"name":"a"}})");
  EXPECT_EQ(table_row_json(*widget(), nothing, "{}", IncludeObject::kNone, 0),
            R"({"cells":["a","",""],"object":null})");
  for (const char* wrong : {R"(.status.conditions[?(@.kind=="Ready")].status)", ".status.conditions[0", ".spec[0]",
                            ".status.conditions.type", ".status..ready", ".status.", "status.ready", "."}) {
    widgets.more = column("Wrong", "string", wrong);
    EXPECT_THAT(refusal(widgets), HasSubstr("column Wrong of kind Widget has the source")) << wrong;
  }
}

TEST_F(Extension, TheSameSetChangesNothing) {
  accept(Widgets().set());
  const auto* kind = widget();
  accept(Widgets().set());
  EXPECT_EQ(widget(), kind);
  EXPECT_EQ(registry_->generation(), 1u);
  EXPECT_EQ(registry_->extension("widgets"), Widgets().set());
}

TEST_F(Extension, AChangedSetTakesItsPlaceAndTheOldTreeStays) {
  accept(Widgets().set());
  const Kind* before = widget();
  const auto held = schema_;
  Widgets next;
  next.spec.push_back(field("weight", 4, kInt64Type));
  accept(next.set());
  ASSERT_NE(widget(), before);
  EXPECT_NE(widget()->message->find("spec")->message->find("weight"), nullptr);
  EXPECT_EQ(before->plural, "widgets");  // still readable
  EXPECT_EQ(before->message->find("spec")->message->find("weight"), nullptr);
  accept(Widgets().set());
  EXPECT_EQ(widget()->message->find("spec")->message->find("weight"), nullptr);
}

TEST_F(Extension, WithdrawnKindsAreGone) {
  accept(Widgets().set());
  const Kind* kind = widget();
  const auto held = schema_;
  registry_->withdraw("widgets");
  EXPECT_EQ(widget(), nullptr);
  EXPECT_EQ(registry_->extension("widgets"), "");
  EXPECT_EQ(schema_->find_message("demo.v1.Widget"), nullptr);
  EXPECT_EQ(kind->plural, "widgets");
  registry_->withdraw("nobody");
  EXPECT_EQ(registry_->generation(), 2u);
}

TEST_F(Extension, BrokenBytesAreRefused) {
  EXPECT_THAT(refusal(std::string("\x0a\xff", 2)), HasSubstr("broken"));
  EXPECT_THAT(refusal(std::string()), HasSubstr("no kind"));
  EXPECT_THAT(refusal(std::string(5 << 20, 'x')), HasSubstr("at most 4194304"));
  const auto whole = Widgets().set();
  for (size_t size = 1; size < whole.size(); ++size) {
    (void)registry_->extend("cut", whole.substr(0, size));  // never a crash
    registry_->withdraw("cut");
  }
}

TEST_F(Extension, GroupsOfOthersAreRefused) {
  for (const char* group : {"", "apps", "batch", "Demo.example.com", "demo..com"}) {
    Widgets widgets;
    widgets.group = group;
    EXPECT_THAT(refusal(widgets), HasSubstr("must be a DNS name with a dot")) << group;
  }
  Widgets widgets;
  widgets.group = "widgets.k8s.io";
  EXPECT_THAT(refusal(widgets), HasSubstr("names under k8s.io are Kubernetes' own"));
  widgets.group = "gantry.dev";
  EXPECT_THAT(refusal(widgets), HasSubstr("the group \"gantry.dev\", which is the daemon's own"));
}

TEST_F(Extension, NamesThatAreTakenAreRefused) {
  accept(Widgets().set());
  Widgets other;
  other.package = "other.v1";
  EXPECT_EQ(refusal(other, "other"),
            "kind Widget has the plural \"widgets\", which is taken by widgets.demo.example.com");
  other.plural = "gadgets";
  EXPECT_THAT(refusal(other, "other"), HasSubstr("has the name \"Widget\", which is taken"));
  other.name = "Gadget";
  EXPECT_THAT(refusal(other, "other"), HasSubstr("has the short name \"wd\", which is taken"));
  other.more = bytes_field(6, "po");
  EXPECT_THAT(refusal(other, "other"), HasSubstr("has the short name \"po\", which is taken by pods."));
  other.more = {};
  other.package = "demo.v1";
  other.name = "Widget";
  other.group = "other.example.com";
  EXPECT_THAT(refusal(other, "other"), HasSubstr("message demo.v1.Widget is there already"));
}

TEST_F(Extension, AKindNeedsItsMetadata) {
  Widgets widgets;
  widgets.metadata = field("metadata", 2, kMessageType, kMetadataType);
  EXPECT_THAT(refusal(widgets), HasSubstr("kind Widget needs the field \"metadata\""));
  widgets.metadata = field("about", 1, kMessageType, kMetadataType);
  EXPECT_THAT(refusal(widgets), HasSubstr("kind Widget needs the field \"metadata\""));
}

TEST_F(Extension, FieldsThatTheApiCanNotHaveAreRefused) {
  Widgets widgets;
  widgets.more = {};
  widgets.spec = {field("mode", 1, kEnumType, ".demo.v1.Mode")};
  EXPECT_THAT(refusal(widgets), HasSubstr("field mode of demo.v1.WidgetSpec is an enum"));
  widgets.spec = {field("mode", 1, 13)};
  EXPECT_THAT(refusal(widgets), HasSubstr("has a type that the API does not have"));
  widgets.spec = {field("mode", 1, kMessageType, ".demo.v1.Nowhere")};
  EXPECT_THAT(refusal(widgets), HasSubstr("unknown type demo.v1.Nowhere"));
  widgets.spec = {field("mode", 1, kMessageType, ".demo.v1.WidgetSpec", number_field(16, 1))};
  EXPECT_THAT(refusal(widgets), HasSubstr("contains itself"));
  widgets.spec = {field("mode", 1, kStringType, {}, bytes_field(9, "5"))};
  EXPECT_THAT(refusal(widgets), HasSubstr("the default of field mode"));
  widgets.spec = {field("mode", 1, kStringType, {}, bytes_field(12, "zip-code"))};
  EXPECT_THAT(refusal(widgets), HasSubstr("the format \"zip-code\""));
}

// As protoc would: a_b and aB, say.
std::string called(std::string_view json, uint32_t number) {
  return field("x", number, kInt32Type) + bytes_field(10, json);
}

TEST_F(Extension, AJsonNameIsOneFields) {
  Widgets widgets;
  widgets.more = {};
  widgets.spec = {called("aB", 1), called("aB", 4)};
  EXPECT_EQ(refusal(widgets),
            "two fields of demo.v1.WidgetSpec are both \"aB\" in JSON: field 1 of demo.v1.WidgetSpec and field 4 of "
            "demo.v1.WidgetSpec");
  widgets.spec = {called("ready", 1), field("state", 2, kMessageType, ".demo.v1.WidgetStatus", number_field(3, 1))};
  EXPECT_THAT(refusal(widgets), HasSubstr("both \"ready\" in JSON: field 1 of demo.v1.WidgetSpec and field 1 of "
                                          "demo.v1.WidgetStatus"));
  widgets.spec = {called("a", 1), called("b", 1)};
  EXPECT_EQ(refusal(widgets), "two fields of demo.v1.WidgetSpec have the number 1");
}

TEST_F(Extension, RulesThatContradictEachOtherAreRefused) {
  Widgets widgets;
  widgets.more = {};
  const auto minimum = [](uint64_t value) { return number_field(13, value); };
  const auto maximum = [](uint64_t value) { return number_field(14, value); };
  widgets.spec = {field("size", 1, kInt32Type, {}, minimum(5) + maximum(4))};
  EXPECT_EQ(refusal(widgets), "field size of demo.v1.WidgetSpec has a minimum of 5, above its maximum of 4");
  for (const char* value : {"0", "10"}) {
    widgets.spec = {field("size", 1, kInt32Type, {}, bytes_field(9, value) + minimum(1) + maximum(9))};
    EXPECT_EQ(refusal(widgets), "the default of field size of demo.v1.WidgetSpec breaks the field's own rules");
  }
  widgets.spec = {field("colour", 1, kStringType, {}, bytes_field(9, R"("green")") + bytes_field(11, "red"))};
  EXPECT_EQ(refusal(widgets), "the default of field colour of demo.v1.WidgetSpec breaks the field's own rules");
  widgets.spec = {field("size", 1, kInt32Type, {}, bytes_field(11, "1"))};
  EXPECT_EQ(refusal(widgets), "field size of demo.v1.WidgetSpec has enum_values, which are for strings");
  widgets.spec = {field("colour", 1, kStringType, {}, maximum(4))};
  EXPECT_THAT(refusal(widgets), HasSubstr("a minimum or maximum, which are for int32 and int64"));
  widgets.spec = {field("size", 1, kInt32Type, {}, bytes_field(9, "1") + minimum(1) + maximum(1)),
                  field("colour", 2, kStringType, {}, bytes_field(9, R"("red")") + bytes_field(11, "red"))};
  accept(widgets.set());
}

TEST_F(Extension, OptionsNameWhatIsThere) {
  Widgets widgets;
  widgets.more = column("Size", "integer", ".spec.sise");
  EXPECT_THAT(refusal(widgets), HasSubstr("column Size of kind Widget has the source \".spec.sise\""));
  widgets.more = column("Size", "integer", "@pod-sizes");
  EXPECT_THAT(refusal(widgets), HasSubstr("the source \"@pod-sizes\""));
  widgets.more = column("Size", "int", ".spec.size");
  EXPECT_THAT(refusal(widgets), HasSubstr("the type \"int\""));
  widgets.more = bytes_field(11, "spec.weight");
  EXPECT_THAT(refusal(widgets), HasSubstr("the selectable field \"spec.weight\""));
  widgets.more = bytes_field(9, bytes_field(1, "scale"));
  EXPECT_THAT(refusal(widgets), HasSubstr("no field spec.replicas of type int32"));
  widgets.more = bytes_field(9, bytes_field(1, "exec"));
  EXPECT_THAT(refusal(widgets), HasSubstr("the subresource \"exec\"; there is status and scale"));
  widgets.more = bytes_field(8, "fly");
  EXPECT_THAT(refusal(widgets), HasSubstr("the verb \"fly\""));
}

TEST_F(Extension, AChangeKeepsWhatIsStoredReadable) {
  accept(Widgets().set());
  Widgets next;
  next.spec[0] = field("size", 7, kInt32Type);
  EXPECT_THAT(refusal(next), HasSubstr("field size of demo.v1.WidgetSpec has another number than before"));
  next.spec[0] = field("size", 1, kStringType);
  EXPECT_THAT(refusal(next), HasSubstr("has another type than before"));
  next.spec[0] = field("length", 1, kInt32Type);
  next.more = {};
  EXPECT_THAT(refusal(next), HasSubstr("field length of demo.v1.WidgetSpec has the number that was size's"));
  next = Widgets();
  next.more += bytes_field(11, "spec.owner");
  EXPECT_THAT(refusal(next), HasSubstr("kind Widget makes spec.owner selectable, which it was not"));
  next = Widgets();
  next.version = "v2";
  EXPECT_THAT(refusal(next), HasSubstr("changes its version from v1 to v2"));
  next = Widgets();
  next.name = "Gizmo";
  EXPECT_THAT(refusal(next), HasSubstr("kind Gizmo takes the plural widgets, which was that of Widget"));
}

// As when one plugin takes the place of another.
TEST_F(Extension, TwoMayBringTheSame) {
  accept(Widgets().set(), "old");
  const Kind* kind = widget();
  const auto kinds = schema_->kinds().size();
  accept(Widgets().set(), "new");
  EXPECT_EQ(widget(), kind);
  EXPECT_EQ(schema_->kinds().size(), kinds);
  registry_->withdraw("old");
  EXPECT_EQ(widget(), kind);
  registry_->withdraw("new");
  EXPECT_EQ(widget(), nullptr);
}

TEST_F(Extension, NoEarlierSetIsForgotten) {
  accept(Widgets().set());
  Widgets less;
  less.spec.erase(less.spec.begin());  // size = 1
  less.more = {};
  accept(less.set());
  less.spec.push_back(field("length", 1, kInt32Type));
  EXPECT_THAT(refusal(less), HasSubstr("field length of demo.v1.WidgetSpec has the number that was size's"));
  registry_->withdraw("widgets");
  EXPECT_THAT(refusal(less), HasSubstr("has the number that was size's"));
  accept(Widgets().set());  // back, whatever was left out meanwhile
}

TEST_F(Extension, WhatWasReplacedGoesWithItsLastReader) {
  accept(Widgets().set());
  std::weak_ptr<const Schema> first = registry_->now();
  auto reader = first.lock();
  Widgets more;
  more.spec.push_back(field("weight", 4, kInt64Type));
  accept(more.set());
  EXPECT_FALSE(first.expired());
  const Kind* kind = reader->find_resource("demo.example.com", "v1", "widgets");
  EXPECT_EQ(kind->message->find("spec")->message->find("weight"), nullptr);
  schema_ = registry_->now();
  reader.reset();
  EXPECT_TRUE(first.expired());
}

TEST_F(Extension, AnyNumberOfSetsAndABoundOnTheirFields) {
  Widgets widgets;
  for (uint32_t i = 0; i < 200; ++i) {
    widgets.spec.push_back(field("more" + std::to_string(i), 10 + i, kBoolType));
    accept(widgets.set());
  }
  accept(Widgets().set());
  const auto many = [](const std::string& prefix, uint32_t first) {
    Widgets out;
    for (uint32_t i = 0; i < 49'000; ++i) {
      out.spec.push_back(field(prefix + std::to_string(i), first + i, kBoolType));
    }
    return out.set();
  };
  for (uint32_t i = 0; i < 4; ++i) accept(many(std::string(1, static_cast<char>('a' + i)), 1'000 + 50'000 * i));
  EXPECT_THAT(refusal(many("e", 300'000)), HasSubstr("more than 200000 fields; restart the daemon"));
  accept(many("a", 1'000));
}

TEST_F(Extension, NamesThatAreLongAndMessagesWithoutFieldsCountToo) {
  std::string refused;
  for (uint32_t i = 0; refused.empty() && i < 40; ++i) {
    Widgets widgets;
    widgets.spec.push_back(field(std::string(1'900'000, 'a') + std::to_string(i), 1'000 + i, kBoolType));
    refused = registry_->extend("widgets", widgets.set()).message();
  }
  EXPECT_THAT(refused, HasSubstr("more than 200000 fields; restart the daemon"));
}

TEST_F(Extension, ASelectableFieldThatCameAndWentComesBack) {
  Widgets with, without;
  without.more = {};
  accept(with.set());
  accept(without.set());
  accept(with.set());
  Widgets other;
  other.more = bytes_field(11, "spec.owner");
  EXPECT_THAT(refusal(other), HasSubstr("makes spec.owner selectable, which it was not"));
}

TEST_F(Extension, ReadersAreNeverDisturbed) {
  Widgets more;
  more.spec.push_back(field("weight", 4, kInt64Type));
  const std::string sets[] = {Widgets().set(), more.set()};
  accept(sets[0]);
  std::atomic<bool> over = false;
  std::thread reader([&] {
    while (!over) {
      const auto schema = registry_->now();
      const Kind* kind = schema->find_resource("demo.example.com", "v1", "widgets");
      ASSERT_NE(kind, nullptr);
      ASSERT_NE(kind->message->find("spec")->message->find("size"), nullptr);
      for (const Kind* each : schema->kinds()) ASSERT_NE(each->message, nullptr);
    }
  });
  for (int i = 0; i < 200; ++i) accept(sets[i % 2]);
  over = true;
  reader.join();
}

TEST_F(Extension, ADefaultIsForWhatIsAbsent) {
  Widgets widgets;
  const auto with_default = [](std::string_view json) { return bytes_field(9, json); };
  widgets.spec = {field("size", 1, kInt32Type, {}, with_default("3")),
                  field("on", 2, kBoolType, {}, with_default("true")),
                  field("ratio", 3, kDoubleType, {}, with_default("0.5")),
                  field("colour", 4, kStringType, {}, with_default("\"red\""))};
  accept(widgets.set());
  const std::string zeros = R"({"colour":"","on":false,"ratio":0,"size":0})";
  auto explicit_ones = document(*widget(), R"({"metadata":{"name":"a"},"spec":)" + zeros + "}");
  EXPECT_TRUE(apply_defaults(*widget(), explicit_ones).ok());
  EXPECT_THAT(encode_json(*widget()->message, explicit_ones),
              HasSubstr(R"("spec":{"size":0,"on":false,"ratio":0,"colour":""})"));
  auto bytes = encode_protobuf(*widget()->message, explicit_ones);
  ASSERT_TRUE(bytes);
  auto back = decode(*widget()->message, Media::kProtobuf, wrap_protobuf("demo.example.com/v1", "Widget", *bytes));
  ASSERT_TRUE(back);
  EXPECT_TRUE(apply_defaults(*widget(), *back).ok());
  EXPECT_THAT(encode_json(*widget()->message, *back),
              HasSubstr(R"("spec":{"size":0,"on":false,"ratio":0,"colour":""})"));
  auto absent = document(*widget(), R"({"metadata":{"name":"a"},"spec":{"size":null}})");
  EXPECT_TRUE(apply_defaults(*widget(), absent).ok());
  EXPECT_THAT(encode_json(*widget()->message, absent),
              HasSubstr(R"("spec":{"size":3,"on":true,"ratio":0.5,"colour":"red"})"));
}

TEST_F(Extension, DefaultsMakeNothingDeeperThan64) {
  Widgets widgets;
  widgets.more.clear();
  const std::string spec = ".demo.v1.WidgetSpec";
  widgets.spec = {
      field("inner", 1, kMessageType, spec), field("size", 2, kInt32Type, {}, bytes_field(9, "3")),
      field("raw", 3, kMessageType, ".k8s.io.apimachinery.pkg.apis.meta.v1.FieldsV1", bytes_field(9, R"({"a":{}})"))};
  accept(widgets.set());
  const auto deep = [&](int levels) {
    std::string text = R"({"metadata":{"name":"a"},"spec":{)";
    for (int i = 1; i < levels; ++i) text += R"("inner":{)";
    return document(*widget(), text + R"("size":1)" + std::string(static_cast<size_t>(levels) + 1, '}'));
  };
  auto fits = deep(61);
  EXPECT_TRUE(apply_defaults(*widget(), fits).ok());
  EXPECT_TRUE(parse_json(encode_json(*widget()->message, fits)).ok());
  auto too_deep = deep(62);
  EXPECT_EQ(apply_defaults(*widget(), too_deep).code(), 422);
}

// Lists count in JSON and are not seen in protobuf.
TEST_F(Extension, ProtobufIsNoDeeperThanJson) {
  Widgets widgets;
  widgets.more.clear();
  widgets.spec = {field("parts", 1, kMessageType, ".demo.v1.WidgetSpec", {}, true),
                  field("names", 2, kStringType, {}, {}, true),
                  field("raw", 3, kMessageType, ".k8s.io.apimachinery.pkg.apis.meta.v1.FieldsV1")};
  accept(widgets.set());
  // `levels` specs within each other, the innermost with `content`: the object, then two each.
  const auto read = [&](size_t levels, std::string content) {
    for (size_t i = 1; i < levels; ++i) content = bytes_field(1, content);
    auto decoded = decode(*widget()->message, Media::kProtobuf,
                          wrap_protobuf("demo.example.com/v1", "Widget", bytes_field(2, content)));
    if (!decoded) return decoded.error().message();
    const auto json = encode_json(*widget()->message, *decoded);
    EXPECT_TRUE(decode(*widget()->message, Media::kJson, json).ok()) << "what is taken can be read back";
    return std::string();
  };
  const std::string name = bytes_field(2, "a"), empty = bytes_field(3, bytes_field(1, "{}"));
  EXPECT_EQ(read(32, ""), "");
  EXPECT_THAT(read(33, ""), HasSubstr("proto: exceeded max depth"));
  EXPECT_EQ(read(31, name), "");
  EXPECT_THAT(read(32, name), HasSubstr("proto: exceeded max depth"));
  EXPECT_THAT(read(32, empty), HasSubstr("proto: exceeded max depth"));
  EXPECT_EQ(read(31, empty), "");
  EXPECT_EQ(read(32, bytes_field(3, bytes_field(1, "1"))), "");
  EXPECT_THAT(read(32, bytes_field(3, bytes_field(1, "{}{}"))), HasSubstr("parse error"));
  EXPECT_THAT(read(31, bytes_field(3, bytes_field(1, R"({"a":{"b":{"c":{}}}})"))), HasSubstr("max depth"));
}

TEST_F(Extension, WhatIsStoredAndNoLongerFitsIsLeftOutAndTold) {
  accept(Widgets().set());
  auto stored = parse_json(R"({"apiVersion":"demo.example.com/v1","kind":"Widget","metadata":{"name":"a"},
      "spec":{"size":"big","colour":["red"],"owner":"me"},"status":7})");
  ASSERT_TRUE(stored.ok());
  EXPECT_FALSE(canonicalize(*widget()->message, *stored).ok());
  EXPECT_FALSE(encode_protobuf(*widget()->message, *stored).ok());
  std::vector<std::string> problems;
  DecodeOptions options;
  options.problems = &problems;
  auto misfits = fit(*widget()->message, *stored, options);
  ASSERT_TRUE(misfits.ok());
  EXPECT_EQ(*misfits, 3U);
  EXPECT_THAT(problems,
              ::testing::UnorderedElementsAre(
                  HasSubstr("left out what no longer fits: json: cannot unmarshal string into Go struct field "
                            "WidgetSpec.spec.size of type int32"),
                  HasSubstr("spec.colour"), HasSubstr("status")));
  EXPECT_EQ(stored->at("spec"), Json(boost::json::object{{"owner", "me"}}));
  EXPECT_TRUE(encode_protobuf(*widget()->message, *stored).ok());
  EXPECT_EQ(*fit(*widget()->message, *stored, options), 0U);
}

}  // namespace
}  // namespace gantry::schema
