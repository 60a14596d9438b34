// Events: one set of objects behind two APIs, each with its own names, selectors and rules.
#include "core/apiserver/test_server.hpp"

namespace gantry::apiserver {
namespace {

constexpr const char* kCore = "/api/v1/namespaces/default/events";
constexpr const char* kEvents = "/apis/events.k8s.io/v1/namespaces/default/events";

class SharedEventsTest : public ServerTest {
 protected:
  static std::string by_core(const std::string& name) {
    return R"({"metadata":{"name":")" + name +
           R"("},"involvedObject":{"kind":"Pod","namespace":"default","name":"p","fieldPath":"spec.x"},)"
           R"("reason":"Pulled","message":"it is here","source":{"component":"kubelet","host":"n1"},)"
           R"("firstTimestamp":"2025-01-01T00:00:00Z","lastTimestamp":"2025-01-01T00:00:05Z","count":3,)"
           R"("type":"Normal","reportingComponent":"kubelet","reportingInstance":"n1"})";
  }
  static std::string by_events(const std::string& name, const std::string& more = {}) {
    return R"({"metadata":{"name":")" + name +
           R"("},"regarding":{"kind":"Pod","namespace":"default","name":"q"},"reason":"Noticed","action":"Look",)"
           R"("note":"by the newer one","type":"Warning","eventTime":"2025-01-01T00:00:00.000000Z",)"
           R"("reportingController":"example.com/c","reportingInstance":"c-1")" +
           more + "}";
  }
  static std::string names(const Answer& answer) {
    std::string out;
    const auto document = answer.json();
    const Json* items = find(document, {"items"});
    if (items == nullptr) return answer.body;
    for (const auto& item : items->as_array()) {
      out.append(out.empty() ? "" : " ").append(text_at(item, {"metadata", "name"}));
    }
    return out;
  }
};

TEST_F(SharedEventsTest, EachApiSeesWhatTheOtherMade) {
  const auto created = made(kEvents, by_events("b"));
  EXPECT_EQ(created.text({"apiVersion"}), "events.k8s.io/v1");
  EXPECT_EQ(created.text({"note"}), "by the newer one");
  EXPECT_EQ(created.text({"regarding", "name"}), "q");
  EXPECT_EQ(created.json().as_object().contains("message"), false);
  made(kCore, by_core("a"));
  const auto core = ask("GET", std::string(kCore) + "/b");
  EXPECT_EQ(core.text({"apiVersion"}), "v1");
  EXPECT_EQ(core.text({"kind"}), "Event");
  EXPECT_EQ(core.text({"message"}), "by the newer one");
  EXPECT_EQ(core.text({"involvedObject", "name"}), "q");
  EXPECT_EQ(core.text({"reportingComponent"}), "example.com/c");
  EXPECT_EQ(core.text({"eventTime"}), "2025-01-01T00:00:00.000000Z");
  EXPECT_EQ(core.text({"metadata", "uid"}), created.text({"metadata", "uid"}));
  EXPECT_EQ(core.text({"metadata", "resourceVersion"}), created.text({"metadata", "resourceVersion"}));
  const auto newer = ask("GET", std::string(kEvents) + "/a");
  EXPECT_EQ(newer.text({"note"}), "it is here");
  EXPECT_EQ(newer.text({"regarding", "fieldPath"}), "spec.x");
  EXPECT_EQ(newer.text({"deprecatedSource", "host"}), "n1");
  EXPECT_EQ(newer.text({"deprecatedFirstTimestamp"}), "2025-01-01T00:00:00Z");
  EXPECT_EQ(newer.text({"deprecatedLastTimestamp"}), "2025-01-01T00:00:05Z");
  EXPECT_EQ(int_at(newer.json(), {"deprecatedCount"}), 3);
  EXPECT_EQ(newer.text({"reportingController"}), "kubelet");
  for (const auto* path : {kCore, kEvents}) EXPECT_EQ(names(ask("GET", path)), "a b");
  EXPECT_EQ(ask("GET", kEvents).text({"apiVersion"}), "events.k8s.io/v1");
  EXPECT_EQ(names(ask("GET", "/apis/events.k8s.io/v1/events?limit=1")), "a");
  // Stored once.
  EXPECT_EQ(store_->list("//events/")->entries.size(), 2U);
  EXPECT_EQ(store_->list("/events.k8s.io/")->entries.size(), 0U);
}

TEST_F(SharedEventsTest, NothingIsLostOnTheWayThereAndBack) {
  made(kCore, by_core("a"));
  const auto before = ask("GET", std::string(kCore) + "/a");
  const auto seen = ask("GET", std::string(kEvents) + "/a");
  const auto put = ask("PUT", std::string(kEvents) + "/a", seen.body);
  EXPECT_EQ(put.code, 200) << put.body;
  EXPECT_EQ(ask("GET", std::string(kCore) + "/a").body, before.body) << "not even written";
}

TEST_F(SharedEventsTest, AreSelectedByTheNamesOfEach) {
  made(kCore, by_core("a"));
  made(kEvents, by_events("b"));
  const auto in = [&](const std::string& path, const std::string& selector) {
    return names(ask("GET", path + "?fieldSelector=" + selector));
  };
  EXPECT_EQ(in(kCore, "involvedObject.name%3Dq"), "b");
  EXPECT_EQ(in(kCore, "reportingComponent%3Dkubelet"), "a");
  EXPECT_EQ(in(kEvents, "regarding.name%3Dp"), "a");
  EXPECT_EQ(in(kEvents, "reportingController%3Dexample.com/c"), "b");
  EXPECT_EQ(in(kEvents, "type%3DNormal"), "a");
  EXPECT_EQ(in(kEvents, "metadata.name%3Db"), "b");
  EXPECT_EQ(ask("GET", std::string(kEvents) + "?fieldSelector=involvedObject.name%3Dp").code, 400);
  EXPECT_EQ(ask("GET", std::string(kCore) + "?fieldSelector=regarding.name%3Dp").code, 400);
}

TEST_F(SharedEventsTest, AreWatchedByBoth) {
  auto core = ask("GET", std::string(kCore) + "?watch=true").stream;
  auto newer = ask("GET", std::string(kEvents) + "?watch=true&fieldSelector=regarding.name%3Dq").stream;
  auto table =
      ask("GET", std::string(kEvents) + "?watch=true", "", "", "application/json;as=Table;v=v1;g=meta.k8s.io").stream;
  made(kCore, by_core("a"));
  made(kEvents, by_events("b"));
  EXPECT_EQ(ask("PATCH", std::string(kEvents) + "/b", R"({"metadata":{"labels":{"x":"y"}}})", kMergePatch).code, 200);
  EXPECT_EQ(ask("DELETE", std::string(kCore) + "/b").code, 200);
  ASSERT_TRUE(core->wait_text(R"("DELETED")"));
  ASSERT_TRUE(newer->wait_text(R"("DELETED")"));
  ASSERT_TRUE(table->wait_text(R"("DELETED")"));
  EXPECT_NE(core->text().find(R"("message":"by the newer one")"), std::string::npos);
  EXPECT_EQ(core->text().find(R"("note")"), std::string::npos);
  EXPECT_EQ(newer->text().find(R"("it is here")"), std::string::npos) << "not selected";
  EXPECT_EQ(newer->text().find(R"("message")"), std::string::npos);
  EXPECT_TRUE(newer->text().starts_with(R"({"type":"ADDED","object":{"kind":"Event","apiVersion":"events.k8s.io/v1")"));
  EXPECT_NE(table->text().find("it is here"), std::string::npos);
  auto initial = ask("GET", std::string(kEvents) + "?watch=true&resourceVersion=0").stream;
  ASSERT_TRUE(initial->wait_text(R"("note":"it is here")"));
}

TEST_F(SharedEventsTest, AreChangedAndDeletedByBoth) {
  made(kEvents, by_events("b"));
  const auto patched = ask("PATCH", std::string(kEvents) + "/b",
                           R"({"series":{"count":2,"lastObservedTime":"2025-01-01T00:01:00.000000Z"}})", kMergePatch);
  EXPECT_EQ(patched.code, 200) << patched.body;
  EXPECT_EQ(int_at(patched.json(), {"series", "count"}), 2);
  EXPECT_EQ(int_at(ask("GET", std::string(kCore) + "/b").json(), {"series", "count"}), 2);
  const auto core = ask("PATCH", std::string(kCore) + "/b", R"({"message":"other"})", kMergePatch);
  EXPECT_EQ(core.code, 200) << core.body;
  EXPECT_EQ(ask("GET", std::string(kEvents) + "/b").text({"note"}), "other");
  const auto missing = ask("PUT", std::string(kEvents) + "/new", by_events("new"));
  EXPECT_EQ(missing.code, 201) << missing.body;
  EXPECT_EQ(ask("POST", kCore, by_core("new")).code, 409);
  const auto dry =
      ask("PATCH", std::string(kEvents) + "/b?dryRun=All", R"({"metadata":{"labels":{"a":"b"}}})", kMergePatch);
  EXPECT_EQ(dry.text({"note"}), "other") << dry.body;
  EXPECT_EQ(ask("DELETE", std::string(kEvents) + "/b").code, 200);
  EXPECT_EQ(ask("GET", std::string(kCore) + "/b").code, 404);
  EXPECT_EQ(names(ask("DELETE", kEvents)), "new");
  EXPECT_EQ(names(ask("GET", kCore)), "");
}

TEST_F(SharedEventsTest, ComeInAllForms) {
  made(kCore, by_core("a"));
  const auto table = ask("GET", kEvents, "", "", "application/json;as=Table;v=v1;g=meta.k8s.io");
  EXPECT_NE(table.body.find("it is here"), std::string::npos) << table.body;
  EXPECT_NE(table.body.find("pod/p"), std::string::npos);
  const auto yaml = ask("GET", std::string(kEvents) + "/a", "", "", "application/yaml");
  EXPECT_NE(yaml.body.find("note: it is here"), std::string::npos) << yaml.body;
  const std::string protobuf = "application/vnd.kubernetes.protobuf";
  const auto raw = ask("GET", std::string(kEvents) + "/a", "", "", protobuf);
  const auto envelope = schema::unwrap_protobuf(raw.body);
  ASSERT_TRUE(envelope.ok());
  EXPECT_EQ(envelope->type.api_version, "events.k8s.io/v1");
  const auto& message = *schemas_->now()->find_kind("events.k8s.io", "v1", "Event")->message;
  const auto document = schema::decode(message, schema::Media::kProtobuf, raw.body);
  ASSERT_TRUE(document.ok());
  EXPECT_EQ(text_at(*document, {"note"}), "it is here");
  EXPECT_NE(ask("GET", kEvents, "", "", protobuf).body.find("it is here"), std::string::npos);
}

TEST_F(SharedEventsTest, TheNewerApiIsStricter) {
  const auto refused = ask("POST", kEvents, R"({"metadata":{"name":"x"},"regarding":{"namespace":"default"}})");
  EXPECT_EQ(refused.code, 422) << refused.body;
  EXPECT_EQ(refused.text({"details", "group"}), "events.k8s.io");
  EXPECT_EQ(ask("POST", kCore, R"({"metadata":{"name":"x"},"involvedObject":{"namespace":"default"}})").code, 201);
}

}  // namespace
}  // namespace gantry::apiserver
