// Kinds whose objects are kept in memory alone: through the API they are like others, bounded, and gone with time.
#include "core/apiserver/test_server.hpp"
#include "core/schema/tree/extension_testing.hpp"
#include "core/store/hand_clock.hpp"

namespace gantry::apiserver {
namespace {

using namespace schema::testing;

class VolatileTest : public ServerTest {
 protected:
  void SetUp() override {
    ServerTest::SetUp();
    extend(60, 3);
  }
  store::SqliteOptions store_options() override {
    auto out = ServerTest::store_options();
    out.progress_interval = std::chrono::milliseconds(20);
    clock_.drive(out);
    return out;
  }
  Options options() override {
    auto out = ServerTest::options();
    out.bookmark_interval_ms = 20;
    return out;
  }
  void extend(uint64_t seconds, uint64_t most, uint64_t bytes = 1 << 20) {
    Widgets widgets;
    widgets.spec[1] = field("colour", 2, kStringType, {}, number_field(21, 1));
    widgets.more += bytes_field(17, number_field(1, seconds) + number_field(2, most) + number_field(3, bytes));
    const auto status = schemas_->extend("widgets", widgets.set());
    ASSERT_TRUE(status.ok()) << status.message();
  }
  static std::string widget(const std::string& name, const std::string& spec = R"("owner":"me","colour":"red")",
                            const std::string& metadata = {}) {
    return R"({"apiVersion":"demo.example.com/v1","kind":"Widget","metadata":{"name":")" + name + "\"" + metadata +
           R"(},"spec":{)" + spec + "}}";
  }
  static std::string path(const std::string& name) { return std::string(kWidgets) + "/" + name; }
  static std::string version_of(const Answer& answer) { return answer.text({"metadata", "resourceVersion"}); }
  std::shared_ptr<FakeStream> watch(const std::string& path) {
    auto answer = ask("GET", path);
    EXPECT_EQ(answer.code, 200) << answer.body;
    return answer.stream;
  }
  // What a watch has told so far, without its bookmarks: types and names.
  static std::string told(FakeStream& stream) {
    std::string out, text = stream.text();
    for (size_t at = 0, end = 0; (end = text.find('\n', at)) != std::string::npos; at = end + 1) {
      const auto event = boost::json::parse(text.substr(at, end - at));
      const auto type = text_at(event, {"type"});
      if (type == "BOOKMARK") continue;
      out.append(out.empty() ? "" : " ").append(type).append(":");
      out.append(text_at(event, {"object", "metadata", "name"}));
    }
    return out;
  }
  static bool wait_told(FakeStream& stream, const std::string& what) {
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(20);
    while (told(stream) != what && std::chrono::steady_clock::now() < deadline) std::this_thread::yield();
    EXPECT_EQ(told(stream), what);
    return told(stream) == what;
  }
  std::string names(const std::string& query = {}) {
    const auto answer = ask("GET", kWidgets + query);
    EXPECT_EQ(answer.code, 200) << answer.body;
    std::string out;
    const auto list = answer.json();
    for (const auto& item : list.at("items").as_array()) {
      out.append(out.empty() ? "" : " ").append(text_at(item, {"metadata", "name"}));
    }
    return out;
  }
  static constexpr const char* kWidgets = "/apis/demo.example.com/v1/namespaces/default/widgets";
  static constexpr const char* kWatch = "/apis/demo.example.com/v1/namespaces/default/widgets?watch=1";
  store::HandClock clock_;
};

TEST_F(VolatileTest, ObjectsLiveLikeOthers) {
  const auto stream = watch(kWatch);
  const auto red = watch(std::string(kWatch) + "&fieldSelector=spec.colour=red");
  const auto created = made(kWidgets, widget("a"));
  EXPECT_EQ(int_at(created.json(), {"spec", "size"}), 3) << "defaults";
  made(kWidgets, widget("b", R"("owner":"you","colour":"blue")"));
  EXPECT_EQ(ask("POST", kWidgets, widget("a")).code, 409);
  EXPECT_EQ(ask("POST", kWidgets, widget("c", R"("owner":"me","size":10)")).code, 422);
  EXPECT_EQ(names(), "a b");
  EXPECT_EQ(names("?fieldSelector=spec.colour=red"), "a");
  EXPECT_EQ(names("?labelSelector=x=y"), "");
  const auto patched = ask("PATCH", path("a"), R"({"metadata":{"labels":{"x":"y"}},"spec":{"size":5}})", kMergePatch);
  EXPECT_EQ(patched.code, 200) << patched.body;
  EXPECT_EQ(int_at(patched.json(), {"metadata", "generation"}), 2);
  EXPECT_EQ(names("?labelSelector=x=y"), "a");
  EXPECT_EQ(ask("PUT", path("a"), created.body).code, 409) << "an older version";
  EXPECT_EQ(ask("PATCH", path("a") + "/status", R"({"status":{"ready":1}})", kMergePatch).code, 200);
  EXPECT_EQ(int_at(ask("GET", path("a")).json(), {"status", "ready"}), 1);
  EXPECT_EQ(ask("DELETE", path("b")).code, 200);
  EXPECT_EQ(ask("GET", path("b")).code, 404);
  wait_told(*stream, "ADDED:a ADDED:b MODIFIED:a MODIFIED:a DELETED:b");
  wait_told(*red, "ADDED:a MODIFIED:a MODIFIED:a");
}

TEST_F(VolatileTest, WhatNobodyWritesToGoes) {
  made(kWidgets, widget("a"));
  const auto kept = made(kWidgets, widget("b", R"("owner":"me")", R"(,"finalizers":["example.com/late"])"));
  const auto stream = watch(std::string(kWatch) + "&resourceVersion=" + version_of(kept));
  clock_.advance(std::chrono::seconds(30));
  // Whoever says that all is as it was says that it is.
  const auto now = ask("GET", path("b"));
  const auto again = ask("PUT", path("b"), now.body);
  EXPECT_EQ(again.code, 200);
  EXPECT_NE(version_of(again), version_of(now));
  clock_.advance(std::chrono::seconds(30));
  wait_told(*stream, "MODIFIED:b DELETED:a");
  EXPECT_EQ(ask("GET", path("a")).code, 404);
  EXPECT_EQ(names(), "b");
  const auto text = stream->text();
  const auto last = boost::json::parse(text.substr(text.find(R"({"type":"DELETED")")).substr(0, text.rfind('\n')));
  EXPECT_EQ(text_at(last, {"object", "spec", "colour"}), "red");
  EXPECT_EQ(text_at(last, {"object", "metadata", "resourceVersion"}), std::to_string(store_->revision()));
  clock_.advance(std::chrono::seconds(30));
  wait_told(*stream, "MODIFIED:b DELETED:a DELETED:b");
  made(kWidgets, widget("a"));
}

TEST_F(VolatileTest, AFullResourceAsksToWait) {
  for (const char* name : {"a", "b", "c"}) made(kWidgets, widget(name));
  clock_.advance(std::chrono::seconds(20));
  const auto refused = ask("POST", kWidgets, widget("d"));
  EXPECT_EQ(refused.code, 429);
  EXPECT_EQ(refused.text({"reason"}), "TooManyRequests");
  EXPECT_EQ(refused.text({"message"}),
            "at most 3 entries under \"/demo.example.com/widgets/\" are kept in memory; please try again later");
  EXPECT_EQ(refused.header("Retry-After"), "40");
  EXPECT_EQ(ask("PATCH", path("a"), R"({"spec":{"size":5}})", kMergePatch).code, 200);
  EXPECT_EQ(ask("DELETE", path("b")).code, 200);
  made(kWidgets, widget("d"));
  EXPECT_EQ(ask("POST", kWidgets, widget("e")).code, 429);
  EXPECT_EQ(ask("DELETE", kWidgets).code, 200) << "the whole collection";
  EXPECT_EQ(names(), "");
  // Other bounds come with another set, and hold for what is there.
  extend(60, 3, 600);
  made(kWidgets, widget("a"));
  EXPECT_EQ(ask("PATCH", path("a"), R"({"spec":{"owner":")" + std::string(600, 'x') + "\"}}", kMergePatch).code, 429);
  EXPECT_EQ(ask("GET", path("a")).code, 200);
}

TEST_F(VolatileTest, FinalizersHoldADeletion) {
  extend(60, 1);
  made(kWidgets, widget("a", R"("owner":"me")", R"(,"finalizers":["example.com/late"])"));
  EXPECT_EQ(ask("DELETE", path("a")).code, 200);
  EXPECT_NE(ask("GET", path("a")).text({"metadata", "deletionTimestamp"}), "");
  EXPECT_EQ(ask("PATCH", path("a"), R"({"metadata":{"finalizers":null}})", kMergePatch).code, 200);
  EXPECT_EQ(ask("GET", path("a")).code, 404);
}

TEST_F(VolatileTest, PagesGoOnWhileObjectsChange) {
  for (const char* name : {"a", "b", "c"}) made(kWidgets, widget(name));
  const auto first = ask("GET", std::string(kWidgets) + "?limit=2");
  const auto token = first.text({"metadata", "continue"});
  ASSERT_FALSE(token.empty());
  EXPECT_EQ(ask("DELETE", path("c")).code, 200);
  EXPECT_EQ(names("?limit=2&continue=" + token), "c");
  EXPECT_EQ(names("?resourceVersionMatch=Exact&resourceVersion=" + first.text({"metadata", "resourceVersion"})),
            "a b c");
  EXPECT_EQ(names(), "a b");
}

TEST_F(VolatileTest, AfterARestartTheyAreGoneAndWatchersAreTold) {
  const auto map = made(kMaps, config_map("before"));
  const auto widget_made = made(kWidgets, widget("a"));
  const auto since_map = version_of(map), since_widget = version_of(widget_made);
  close();
  open();
  EXPECT_EQ(names(), "");
  const auto stale = ask("GET", std::string(kWatch) + "&resourceVersion=" + since_widget);
  ASSERT_NE(stale.stream, nullptr);
  EXPECT_TRUE(stale.stream->wait_end());
  EXPECT_NE(stale.stream->text().find(R"("code":410)"), std::string::npos) << stale.stream->text();
  EXPECT_EQ(ask("GET", std::string(kWidgets) + "?resourceVersionMatch=Exact&resourceVersion=" + since_widget).code,
            410);
  // From a list of now it goes on, and what is on disk was never interrupted.
  const auto fresh = watch(std::string(kWatch) + "&resourceVersion=" + version_of(ask("GET", kWidgets)));
  const auto maps = watch(std::string(kMaps) + "?watch=1&resourceVersion=" + since_map);
  made(kWidgets, widget("b"));
  made(kMaps, config_map("after"));
  wait_told(*fresh, "ADDED:b");
  wait_told(*maps, "ADDED:after");
}

// Bookmarks name revisions of any kind of object; a watch may begin at each.
TEST_F(VolatileTest, ABookmarkIsAPlaceToGoOnFrom) {
  const auto stream = watch(std::string(kMaps) + "?watch=1&allowWatchBookmarks=true&resourceVersion=" +
                            version_of(made(kMaps, config_map("a"))));
  const auto last = version_of(made(kWidgets, widget("a")));
  EXPECT_TRUE(stream->wait_text(R"("resourceVersion":")" + last + "\""));
  close();
  open();
  const auto maps = watch(std::string(kMaps) + "?watch=1&resourceVersion=" + last);
  made(kMaps, config_map("b"));
  wait_told(*maps, "ADDED:b");
}

}  // namespace
}  // namespace gantry::apiserver
