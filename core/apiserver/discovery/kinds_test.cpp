// Kinds that come while the server runs: found, served, printed and forgotten like built-in ones.
#include "core/kinds/kinds.hpp"

#include "core/apiserver/test_server.hpp"
#include "core/schema/tree/extension_testing.hpp"

namespace gantry::apiserver {
namespace {

using namespace schema::testing;

class KindsTest : public ServerTest {
 protected:
  void extend(const Widgets& widgets = {}) {
    const auto status = schemas_->extend("widgets", widgets.set());
    ASSERT_TRUE(status.ok()) << status.message();
  }
  static std::string widget(const std::string& name, const std::string& spec = R"("owner":"me")") {
    return R"({"apiVersion":"demo.example.com/v1","kind":"Widget","metadata":{"name":")" + name + R"("},"spec":{)" +
           spec + "}}";
  }
  std::string etag() {
    return ask("GET", "/apis", {}, {}, "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList")
        .header("ETag");
  }
  static constexpr const char* kWidgets = "/apis/demo.example.com/v1/namespaces/default/widgets";
  static constexpr const char* kGroup = "/apis/demo.example.com/v1";
};

TEST_F(KindsTest, AreFoundFromTheMomentTheyAreThere) {
  EXPECT_EQ(ask("GET", kGroup).code, 404);
  EXPECT_EQ(ask("GET", kWidgets).code, 404);
  const auto before = etag();
  extend();
  EXPECT_NE(etag(), before);
  EXPECT_NE(ask("GET", "/apis").body.find("\"demo.example.com\""), std::string::npos);
  const auto resources = ask("GET", kGroup);
  EXPECT_EQ(resources.code, 200);
  EXPECT_NE(resources.body.find("\"widgets/status\""), std::string::npos) << resources.body;
  EXPECT_NE(resources.body.find("\"wd\""), std::string::npos);
  EXPECT_NE(ask("GET", "/openapi/v3").body.find("apis/demo.example.com/v1"), std::string::npos);
  EXPECT_NE(ask("GET", "/openapi/v3/apis/demo.example.com/v1").body.find("demo.v1.WidgetSpec"), std::string::npos);
  EXPECT_NE(ask("GET", "/openapi/v2").body.find("demo.v1.WidgetSpec"), std::string::npos);
  EXPECT_EQ(ask("GET", kWidgets).text({"kind"}), "WidgetList");
}

TEST_F(KindsTest, ObjectsLiveLikeOthers) {
  extend();
  const auto created = made(kWidgets, widget("a"));
  EXPECT_EQ(int_at(created.json(), {"spec", "size"}), 3);
  EXPECT_EQ(int_at(created.json(), {"metadata", "generation"}), 1);
  const auto refused = ask("POST", kWidgets, widget("b", R"("colour":"green","size":10)"));
  EXPECT_EQ(refused.code, 422);
  EXPECT_EQ(refused.text({"message"}),
            "Widget.demo.example.com \"b\" is invalid: [spec.owner: Required value, spec.colour: Unsupported value: "
            "\"green\": supported values: \"red\", \"blue\", spec.size: Invalid value: 10: must be between 1 and 9, "
            "inclusive]");
  const auto path = std::string(kWidgets) + "/a";
  const auto patched =
      ask("PATCH", path, R"({"spec":{"colour":"red"},"status":{"ready":1}})", "application/merge-patch+json");
  EXPECT_EQ(patched.code, 200) << patched.body;
  EXPECT_EQ(int_at(patched.json(), {"metadata", "generation"}), 2);
  EXPECT_EQ(find(patched.json(), {"status", "ready"}), nullptr);
  const auto status =
      ask("PATCH", path + "/status", R"({"spec":{"size":9},"status":{"ready":1}})", "application/merge-patch+json");
  EXPECT_EQ(int_at(status.json(), {"status", "ready"}), 1) << status.body;
  EXPECT_EQ(int_at(status.json(), {"spec", "size"}), 3);
  made(kWidgets, widget("b"));
  const auto red = ask("GET", std::string(kWidgets) + "?fieldSelector=spec.colour%3Dred");
  EXPECT_EQ(find(red.json(), {"items"})->as_array().size(), 1u);
  const auto table = ask("GET", kWidgets, {}, {}, "application/json;as=Table;v=v1;g=meta.k8s.io");
  EXPECT_NE(table.body.find(R"("cells":["a",3])"), std::string::npos) << table.body;
  EXPECT_EQ(ask("GET", path, {}, {}, "application/vnd.kubernetes.protobuf").code, 200);
  EXPECT_EQ(ask("DELETE", path).code, 200);
  EXPECT_EQ(ask("GET", path).code, 404);
}

TEST_F(KindsTest, AWatchGoesOnWhileTheKindChanges) {
  extend();
  const auto watch = ask("GET", std::string(kWidgets) + "?watch=true&resourceVersion=0");
  ASSERT_NE(watch.stream, nullptr);
  made(kWidgets, widget("a"));
  ASSERT_TRUE(watch.stream->wait_text("\"a\""));
  Widgets next;
  next.spec.push_back(field("weight", 4, kInt64Type));
  extend(next);
  const auto created = made(kWidgets, widget("b", R"("owner":"me","weight":7)"));
  EXPECT_EQ(int_at(created.json(), {"spec", "weight"}), 7);
  ASSERT_TRUE(watch.stream->wait_text("\"weight\":7"));
}

TEST_F(KindsTest, WatchesOfAKindThatChangedEndAndOthersGoOn) {
  extend();
  const auto old = ask("GET", std::string(kWidgets) + "?watch=true&resourceVersion=0");
  const auto other = ask("GET", "/api/v1/namespaces/default/configmaps?watch=true&resourceVersion=0");
  ASSERT_NE(old.stream, nullptr);
  ASSERT_NE(other.stream, nullptr);
  extend();  // the same set is no change
  server_->end_outdated_watches();
  made(kWidgets, widget("before"));
  EXPECT_TRUE(old.stream->wait_text("\"before\""));
  Widgets next;
  next.spec.push_back(field("weight", 4, kInt64Type));
  extend(next);
  server_->end_outdated_watches();
  EXPECT_TRUE(old.stream->wait_end());
  made("/api/v1/namespaces/default/configmaps",
       R"({"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"after"}})");
  EXPECT_TRUE(other.stream->wait_text("\"after\""));
  const auto again = ask("GET", std::string(kWidgets) + "?watch=true&resourceVersion=0");
  ASSERT_NE(again.stream, nullptr);
  schemas_->withdraw("widgets");
  server_->end_outdated_watches();
  EXPECT_TRUE(again.stream->wait_end());
}

TEST_F(KindsTest, ObjectsOutliveTheirKind) {
  extend();
  made(kWidgets, widget("a"));
  schemas_->withdraw("widgets");
  EXPECT_EQ(ask("GET", kWidgets).code, 404);
  EXPECT_EQ(ask("GET", kGroup).code, 404);
  close();
  open();
  EXPECT_EQ(ask("GET", kWidgets).code, 404);
  extend();
  EXPECT_EQ(ask("GET", std::string(kWidgets) + "/a").text({"spec", "owner"}), "me");
}

// A restart may bring a kind whose fields have other types than those of the objects that are stored.
TEST_F(KindsTest, WhatNoLongerFitsIsReadPatchedAndDeleted) {
  extend();
  std::string body = widget("a", R"("owner":"me","size":5)");
  body.insert(body.find("\"name\""), R"("finalizers":["example.com/wait"],)");
  made(kWidgets, body);
  made(kWidgets, widget("b", R"("owner":"me","size":5)"));
  close();
  schemas_ = *schema::Registry::create(kinds::all());
  open();
  Widgets next;
  next.spec.front() = field("size", 1, kStringType);
  extend(next);
  const std::string a = std::string(kWidgets) + "/a", b = std::string(kWidgets) + "/b";
  EXPECT_EQ(int_at(ask("GET", a).json(), {"spec", "size"}), 5);
  const auto bytes = ask("GET", a, {}, {}, "application/vnd.kubernetes.protobuf");
  EXPECT_EQ(bytes.code, 200);
  EXPECT_NE(bytes.body.find("example.com/wait"), std::string::npos) << "all but the size";
  for (const auto& [type, patch] : {std::pair("merge-patch", R"({"spec":{"colour":"red"}})"),
                                    std::pair("strategic-merge-patch", R"({"spec":{"colour":"blue"}})"),
                                    std::pair("json-patch", R"([{"op":"add","path":"/spec/colour","value":"red"}])")}) {
    const auto dry = ask("PATCH", a + "?dryRun=All", patch, "application/" + std::string(type) + "+json");
    EXPECT_EQ(dry.code, 200) << type << ": " << dry.body;
    EXPECT_NE(dry.header("Warning").find("spec.size"), std::string::npos) << type << ": " << dry.header("Warning");
    EXPECT_EQ(find(dry.json(), {"spec", "size"}), nullptr) << type;
    EXPECT_EQ(dry.text({"spec", "owner"}), "me") << type;
  }
  const auto wrong = ask("PATCH", a, R"({"spec":{"colour":7}})", "application/merge-patch+json");
  EXPECT_EQ(wrong.code, 422) << "what the patch brings must fit: " << wrong.body;
  const auto status = ask("PATCH", a + "/status", R"({"status":{"ready":1}})", "application/merge-patch+json");
  EXPECT_EQ(status.code, 200) << status.body;
  EXPECT_EQ(ask("DELETE", a).code, 200);
  EXPECT_EQ(ask("GET", a).code, 200) << "waits for its finalizer";
  EXPECT_EQ(ask("PATCH", a, R"({"metadata":{"finalizers":null}})", "application/merge-patch+json").code, 200);
  EXPECT_EQ(ask("GET", a).code, 404);
  EXPECT_EQ(ask("DELETE", b).code, 200);
  EXPECT_EQ(ask("GET", b).code, 404);
}

}  // namespace
}  // namespace gantry::apiserver
