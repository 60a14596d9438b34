// Requests that are wrong: each gets the Status it deserves, and the server goes on.
#include "core/apiserver/request/errors.hpp"
#include "core/apiserver/test_server.hpp"

namespace gantry::apiserver {
namespace {

class HostileTest : public ServerTest {
 protected:
  Options options() override {
    auto out = ServerTest::options();
    struct OnlyAdmins : auth::Authorizer {
      limits::Answer decide(const http::Identity& who, const auth::Access& access, limits::Pause&) const override {
        const bool may = !who.anonymous() && (who.user != "guest" || access.verb == "get");
        return may ? limits::kPass : auth::denied();
      }
    };
    out.authorizer = std::make_shared<OnlyAdmins>();
    return out;
  }
  Answer as(const std::string& user, http::Request request) {
    request.identity = {user, {}, {}};
    return ask(std::move(request));
  }
  void refuses(const std::string& what, const Answer& answer, int code, const std::string& reason) {
    EXPECT_EQ(answer.code, code) << what << answer.body;
    EXPECT_EQ(answer.text({"kind"}), "Status") << what << answer.body;
    EXPECT_EQ(answer.text({"status"}), "Failure") << what;
    EXPECT_EQ(answer.text({"reason"}), reason) << what << answer.body;
    EXPECT_FALSE(answer.text({"message"}).empty()) << what;
    EXPECT_EQ(int_at(answer.json(), {"code"}), code) << what;
  }
};

TEST_F(HostileTest, NobodyIsImpersonated) {
  const std::pair<const char*, const char*> headers[] = {{"impersonate-user", "users"},
                                                         {"impersonate-group", "groups"},
                                                         {"impersonate-uid", "uids"},
                                                         {"impersonate-extra-scopes", "userextras"}};
  for (const auto& [header, kind] : headers) {
    for (const char* path : {kMaps, "/healthz", "/version", "/api", "/no/such/path"}) {
      auto asked = request("GET", path);
      asked.identity.user = "admin";
      asked.headers.emplace_back(header,
                                 "no\xff"
                                 "body");
      const auto answer = ask(asked);
      refuses(path, answer, 403, "Forbidden");
      EXPECT_EQ(answer.text({"message"})
                    .find(std::string(kind) + " \"no?body\" is forbidden: User \"admin\" cannot " +
                          "impersonate resource \"" + kind + "\""),
                0U)
          << answer.text({"message"});
      EXPECT_EQ(server_->check_head(asked).code(), 403);
    }
  }
}

TEST_F(HostileTest, HeadsOfStrangersAreAnsweredWithoutTheirBodies) {
  const auto head = [&](const std::string& user, const std::string& path) {
    auto asked = request("POST", path);
    asked.identity.user = user;
    return server_->check_head(asked).code();
  };
  for (const char* path : {kMaps, "/api", "/metrics", "/healthzz", "/version/x"}) {
    EXPECT_EQ(head("system:anonymous", path), 401) << path;
    EXPECT_EQ(head("admin", path), 0) << path;
  }
  for (const char* path : {"/healthz", "/readyz/ping", "/livez", "/version"}) {
    EXPECT_EQ(head("system:anonymous", path), 0) << path;
  }
}

TEST_F(HostileTest, BodiesThatAreNone) {
  const std::string protobuf = "application/vnd.kubernetes.protobuf";
  struct Case {
    std::string what, body, type;
    int code;
    std::string reason;
  };
  std::string deep;
  for (int i = 0; i < 10'000; ++i) deep += "{\"a\":";
  const std::vector<Case> cases = {
      {"cut short", R"({"metadata":{"name":"a")", "application/json", 400, "BadRequest"},
      {"no JSON", "hello", "application/json", 400, "BadRequest"},
      {"empty", "", "application/json", 400, "BadRequest"},
      {"a list", "[]", "application/json", 400, "BadRequest"},
      {"null", "null", "application/json", 400, "BadRequest"},
      {"a number for an object", R"({"metadata":7})", "application/json", 400, "BadRequest"},
      {"a list for a name", R"({"metadata":{"name":["a"]}})", "application/json", 400, "BadRequest"},
      {"two documents", R"({"metadata":{"name":"a"}}{})", "application/json", 400, "BadRequest"},
      {"deep nesting", deep, "application/json", 400, "BadRequest"},
      {"too large", "{\"data\":{\"k\":\"" + std::string(3 << 20, 'x') + "\"}}", "application/json", 413,
       "RequestEntityTooLarge"},
      {"protobuf without its mark", "\x0a\x01\x02", protobuf, 400, "BadRequest"},
      {"protobuf cut short", std::string("k8s\0\x12\x7f\x0a", 7), protobuf, 400, "BadRequest"},
      {"protobuf of noise", std::string("k8s\0\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff", 15), protobuf, 400,
       "BadRequest"},
      {"yaml that is none", "a: [", "application/yaml", 400, "BadRequest"},
      {"another type", "x", "text/plain", 415, "UnsupportedMediaType"},
      {"another kind", pod("a"), "application/json", 400, "BadRequest"},
      {"another version", R"({"apiVersion":"v2","kind":"ConfigMap","metadata":{"name":"a"}})", "application/json", 400,
       "BadRequest"},
  };
  for (const auto& test : cases) {
    auto bad = request("POST", kMaps, test.body, test.type);
    if (test.body.empty()) bad.headers.emplace_back("content-type", test.type);
    refuses(test.what + ": ", ask(bad), test.code, test.reason);
    bad.method = "PUT";
    bad.path += "/a";
    refuses("PUT of " + test.what + ": ", ask(bad), test.code, test.reason);
  }
  EXPECT_EQ(ask("GET", kMaps).json().at("items").as_array().size(), 0U);
}

TEST_F(HostileTest, BytesThatAreNoTextAreReplaced) {
  const auto created = ask("POST", kMaps, "{\"metadata\":{\"name\":\"a\"},\"data\":{\"k\":\"\xff\xfe\"}}");
  EXPECT_EQ(created.code, 201) << created.body;
  EXPECT_EQ(created.text({"data", "k"}), "\xef\xbf\xbd\xef\xbf\xbd");
  const auto patched =
      ask("PATCH", std::string(kMaps) + "/a", "{\"data\":{\"k\":\"x\xc3\"}}", "application/merge-patch+json");
  EXPECT_EQ(patched.text({"data", "k"}), "x\xef\xbf\xbd");
  refuses("name", ask("POST", kMaps, "{\"metadata\":{\"name\":\"\xff\"}}"), 422, "Invalid");
}

// What a document would take is more than this caller may ever have: to try again would not help.
TEST_F(HostileTest, DocumentsAboveTheirShareAreTooLarge) {
  std::string entries;
  for (int i = 0; i < 20'000; ++i) entries += (i == 0 ? "\"k" : ",\"k") + std::to_string(i) + "\":\"v\"";
  auto asked = request("POST", kMaps, R"({"metadata":{"name":"a"},"data":{)" + entries + "}}");
  asked.account = std::make_shared<limits::Account>(1 << 20);
  const auto never = ask(asked);
  refuses("never", never, 413, "RequestEntityTooLarge");
  EXPECT_EQ(never.text({"message"}), "Request entity too large: limit is 1048576");
  asked.account = std::make_shared<limits::Account>(64 << 20);
  asked.account->add(63 << 20);
  const auto now = ask(asked);
  refuses("not now", now, 429, "TooManyRequests");
  EXPECT_EQ(now.header("Retry-After"), "1");
  asked.account->give(63 << 20);
  EXPECT_EQ(ask(asked).code, 201);
}

TEST_F(HostileTest, NamesThatAreNone) {
  const std::vector<std::string> names = {"A", "a_b", "-a", "a b", "a/b", "..", std::string(300, 'a')};
  for (const auto& name : names) {
    refuses(name, ask("POST", kMaps, config_map(name)), 422, "Invalid");
  }
  refuses("label", ask("POST", kMaps, config_map("a", R"(,"labels":{"a b":"c"})")), 422, "Invalid");
  refuses("finalizer", ask("POST", kMaps, config_map("a", R"(,"finalizers":["no spaces here"])")), 422, "Invalid");
  refuses("generateName", ask("POST", kMaps, R"({"metadata":{"generateName":"A B"}})"), 422, "Invalid");
}

TEST_F(HostileTest, PatchesThatAreNone) {
  made(kMaps, config_map("a"));
  const std::string path = std::string(kMaps) + "/a";
  const std::string json = "application/json-patch+json", merge = "application/merge-patch+json",
                    strategic = "application/strategic-merge-patch+json";
  refuses("no list", ask("PATCH", path, "{}", json), 400, "BadRequest");
  refuses("no operation", ask("PATCH", path, R"([{"op":"fly","path":"/data"}])", json), 422, "Invalid");
  refuses("cut short", ask("PATCH", path, R"([{"op":)", json), 400, "BadRequest");
  refuses("no object", ask("PATCH", path, "[]", merge), 400, "BadRequest");
  refuses("no object", ask("PATCH", path, "7", strategic), 400, "BadRequest");
  refuses("wrong type", ask("PATCH", path, R"({"data":7})", merge), 422, "Invalid");
  refuses("metadata gone", ask("PATCH", path, R"({"metadata":null})", merge), 400, "BadRequest");
  refuses("kind changed", ask("PATCH", path, R"({"kind":"Pod"})", merge), 422, "Invalid");
  refuses("unknown type", ask("PATCH", path, "{}", "application/json"), 415, "UnsupportedMediaType");
  EXPECT_EQ(ask("GET", path).text({"data", "k"}), "v");
}

TEST_F(HostileTest, PathsThatAreNone) {
  const std::vector<std::pair<std::string, std::string>> lost = {
      {"GET", "/api/v1/nothings"},
      {"GET", "/api/v2/pods"},
      {"GET", "/apis/none/v1/pods"},
      {"GET", "/api/v1/pods/p"},
      {"GET", "/api/v1/namespaces/default/nodes"},
      {"GET", "/api/v1/namespaces/default/pods/p/nothing"},
      {"GET", "/api/v1/namespaces/default/configmaps/a/status"},
      {"GET", "/api/v1/namespaces/default/pods/p/log/more/and/more"},
      {"GET", "/nothing"},
      {"GET", "//"},
      {"GET", "/api/v1/namespaces/default/pods/%2e%2e%2f"},
  };
  for (const auto& [method, path] : lost) refuses(path, ask(method, path), 404, "NotFound");
  refuses("create with a name", ask("POST", std::string(kMaps) + "/a", config_map("a")), 405, "MethodNotAllowed");
  refuses("update without", ask("PUT", kMaps, config_map("a")), 405, "MethodNotAllowed");
  refuses("patch without", ask("PATCH", kMaps, "{}", "application/merge-patch+json"), 405, "MethodNotAllowed");
  refuses("no method", ask("BREW", kMaps), 405, "MethodNotAllowed");
  EXPECT_EQ(ask("BREW", kMaps).header("Allow"), "GET, POST, DELETE");
  EXPECT_EQ(ask("HEAD", std::string(kMaps) + "/a").header("Allow"), "GET, PUT, PATCH, DELETE");
  EXPECT_EQ(ask("POST", "/apis/apps/v1/namespaces/default/deployments/a/scale", "{}").header("Allow"),
            "GET, PUT, PATCH");
  EXPECT_EQ(ask("POST", "/apis", "{}").header("Allow"), "GET, HEAD");
}

TEST_F(HostileTest, QueriesThatAreNone) {
  for (const std::string query : {"limit=x", "resourceVersion=-1", "labelSelector=%3D%3D", "fieldSelector=x",
                                  "watch=true&timeoutSeconds=x", "continue=%00"}) {
    const auto answer = ask("GET", std::string(kMaps) + "?" + query);
    EXPECT_EQ(answer.code, 400) << query << answer.body;
  }
  EXPECT_EQ(ask("GET", std::string(kMaps) + "?%zz&&=&limit=&watch").code, 200);
  EXPECT_EQ(ask("DELETE", std::string(kMaps) + "/a?gracePeriodSeconds=soon").code, 400);
}

TEST_F(HostileTest, WhoIsNobodyLearnsNothing) {
  for (const std::string path : {"/api/v1/pods", "/apis", "/api/v1/nothings", "/openapi/v2", "/metrics", "/"}) {
    refuses(path, as("system:anonymous", request("GET", path)), 401, "Unauthorized");
  }
  for (const std::string path : {"/healthz", "/livez", "/readyz", "/readyz/ping", "/version"}) {
    EXPECT_EQ(as("system:anonymous", request("GET", path)).code, 200) << path;
  }
  const auto answer = as("guest", request("DELETE", std::string(kPods) + "/p"));
  refuses("guest", answer, 403, "Forbidden");
  EXPECT_EQ(
      answer.text({"message"}),
      "pods \"p\" is forbidden: User \"guest\" cannot delete resource \"pods\" in API group \"\" in the namespace "
      "\"default\"");
  EXPECT_EQ(
      as("guest", request("GET", "/apis/apps/v1/deployments")).text({"message"}),
      "deployments.apps is forbidden: User \"guest\" cannot list resource \"deployments\" in API group \"apps\" at the "
      "cluster scope");
}

TEST_F(HostileTest, WarningsStayInTheirHeader) {
  std::string many;
  for (int i = 0; i < 1'000; ++i) many += ",\"unknown" + std::to_string(i) + "\":1";
  const auto answer = ask("POST", kMaps, R"({"metadata":{"name":"w"},"x\r\nSet-Cookie: a":1)" + many + "}");
  EXPECT_EQ(answer.code, 201) << answer.body;
  size_t total = 0;
  for (const auto& [name, value] : answer.headers) {
    EXPECT_EQ(value.find_first_of("\r\n"), std::string::npos);
    if (name == "Warning") total += value.size();
  }
  EXPECT_GT(total, 1'000U);
  EXPECT_LT(total, 8'000U);
}

TEST_F(HostileTest, WarningsAreSaidOnceAndOfBoundedNumber) {
  std::string many = R"({"metadata":{"name":"w"})";
  for (int i = 0; i < 120; ++i) many += ",\"x" + std::to_string(i) + "\":1";
  const auto answer = ask("POST", kMaps, many + R"(,"data":{"a":"b","a":"b","a":"b"}})");
  EXPECT_EQ(answer.code, 201) << answer.body;
  std::set<std::string> said;
  size_t count = 0;
  for (const auto& [name, value] : answer.headers) {
    if (name != "Warning") continue;
    said.insert(value);
    ++count;
  }
  EXPECT_EQ(said.size(), count);
  EXPECT_GT(count, 10U);
  EXPECT_LE(count, 100U);
}

TEST_F(HostileTest, AnswersAreShorterThanWhatTheyQuote) {
  const std::string huge(1 << 20, 'n');
  for (const auto& body : {config_map(huge), R"({"kind":")" + huge + R"(","metadata":{"name":"a"}})",
                           R"({"metadata":{"name":"a","namespace":")" + huge + R"("}})",
                           R"({"metadata":{"name":"a","labels":{")" + huge + R"(":"v"}}})",
                           R"({"metadata":{"name":"a"},")" + huge + R"(":1})"}) {
    const auto answer = ask("POST", std::string(kMaps) + "?fieldValidation=Strict", body);
    EXPECT_GE(answer.code, 400);
    EXPECT_LT(answer.body.size(), 100'000U) << answer.body.substr(0, 200);
    EXPECT_TRUE(answer.json().is_object());
  }
}

TEST_F(HostileTest, ManyCausesAreNotAllSaid) {
  std::string labels;
  for (int i = 0; i < 5'000; ++i) labels += (i == 0 ? "\"" : ",\"") + std::to_string(i) + "_\":\"v v\"";
  const auto answer = ask("POST", kMaps, R"({"metadata":{"name":"a","labels":{)" + labels + "}}}");
  EXPECT_EQ(answer.code, 422);
  EXPECT_LT(answer.body.size(), 200'000U);
  EXPECT_LE(answer.json().at("details").at("causes").as_array().size(), 128U);
}

TEST(WithinBounds, CutsWholeCharacters) {
  std::string text;
  while (text.size() < 40'000) text += "\xe2\x82\xac";
  const auto status = within_bounds(Status::bad_request(text));
  EXPECT_LE(status.message().size(), 32U << 10);
  EXPECT_GT(status.message().size(), (32U << 10) - 8);
  EXPECT_TRUE(status.message().ends_with("\xac..."));
  EXPECT_EQ(status.code(), 400);
  const auto same = within_bounds(Status::bad_request("short"));
  EXPECT_EQ(same.message(), "short");
  EXPECT_FALSE(same.details().has_value());
}

TEST_F(HostileTest, ErrorsComeInProtobufToo) {
  const auto answer = ask("GET", std::string(kMaps) + "/a", "", "", "application/vnd.kubernetes.protobuf");
  EXPECT_EQ(answer.code, 404);
  EXPECT_EQ(answer.type, "application/vnd.kubernetes.protobuf");
  EXPECT_EQ(answer.body.substr(0, 4), std::string("k8s\0", 4));
}

class HealthTest : public ServerTest {
 protected:
  Options options() override {
    auto out = ServerTest::options();
    out.checks.push_back({"informer-sync", [this] { return synced_.load(); }});
    return out;
  }
  std::atomic<bool> synced_{false};
};

TEST_F(HealthTest, SaysWhatIsMissing) {
  EXPECT_EQ(ask("GET", "/livez").body, "ok");
  const auto not_yet = ask("GET", "/readyz");
  EXPECT_EQ(not_yet.code, 500);
  EXPECT_EQ(not_yet.body,
            "[+]ping ok\n[+]store ok\n[-]informer-sync failed: reason withheld\n[+]shutdown ok\nreadyz check failed\n");
  EXPECT_EQ(ask("GET", "/readyz?exclude=informer-sync").code, 200);
  EXPECT_EQ(ask("GET", "/readyz/informer-sync").code, 500);
  EXPECT_EQ(ask("GET", "/readyz/unknown").code, 404);
  synced_ = true;
  EXPECT_EQ(ask("GET", "/readyz").body, "ok");
  EXPECT_EQ(ask("GET", "/readyz?verbose").body,
            "[+]ping ok\n[+]store ok\n[+]informer-sync ok\n[+]shutdown ok\nreadyz check passed\n");
}

TEST_F(HostileTest, TimesThatAreNone) {
  const std::pair<const char*, const char*> cases[] = {
      {"foo", "time: invalid duration \"foo\""},
      {"10", "time: missing unit in duration \"10\""},
      {"1x", "time: unknown unit \"x\" in duration \"1x\""},
      {"-", "time: invalid duration \"-\""},
      {".s", "time: invalid duration \".s\""},
      {"9999999999h", "time: invalid duration \"9999999999h\""},
  };
  for (const auto& [text, why] : cases) {
    const auto answer = ask("GET", std::string(kMaps) + "?timeout=" + text);
    refuses(text, answer, 400, "BadRequest");
    EXPECT_EQ(answer.text({"message"}), std::string("invalid timeout specified in the request URL - ") + why);
    EXPECT_EQ(ask("POST", std::string(kMaps) + "?timeout=" + text, config_map("a")).code, 400);
    EXPECT_EQ(ask("GET", std::string(kMaps) + "?watch=true&timeout=" + text).code, 200) << "a watch has its own";
  }
  for (const char* text : {"0", "", "30s", "1m1.5s", "500ms", "-1s", "24h", "%2B5s"}) {
    EXPECT_EQ(ask("GET", std::string(kMaps) + "?timeout=" + text).code, 200) << text;
  }
  refuses("seconds", ask("GET", std::string(kMaps) + "?timeoutSeconds=x"), 400, "BadRequest");
}

TEST_F(HostileTest, ManagersThatAreNone) {
  const auto manager = [&](const std::string& name, const std::string& method = "POST") {
    const bool post = method == "POST";
    return ask(method, std::string(kMaps) + (post ? "" : "/a") + "?fieldManager=" + name, config_map("a"),
               method == "PATCH" ? "application/merge-patch+json" : "application/json");
  };
  refuses("long", manager(std::string(129, 'm')), 422, "Invalid");
  const auto control = manager("a%07");
  refuses("a control", control, 422, "Invalid");
  EXPECT_EQ(control.text({"message"}),
            "CreateOptions.meta.k8s.io \"\" is invalid: fieldManager: Invalid value: \"a\\u0007\": invalid character "
            "U+0007 (at position 1)");
  for (const char* name : {"%C2%A0", "%E2%80%8B", "%F3%B0%80%80", "%EF%BB%BF"}) {
    refuses(name, manager(name), 422, "Invalid");
  }
  EXPECT_EQ(manager(std::string(128, 'm')).code, 201);
  for (const char* method : {"PUT", "PATCH"}) {
    refuses(method, manager("a%07", method), 422, "Invalid");
    EXPECT_EQ(manager("kubectl%20%C3%A9%20%E6%97%A5%FF", method).code, 200);
  }
}

TEST_F(HostileTest, ParametersThatAreNone) {
  EXPECT_EQ(ask("GET", std::string(kMaps) + "?limit=%zz&limit=x").code, 400) << "the first is left out";
  EXPECT_EQ(ask("GET", std::string(kMaps) + "?limit=%zz").code, 200);
  EXPECT_EQ(ask("GET", std::string(kMaps) + "?limit=x;y&labelSelector=%").code, 200);
}

// The caller's wishes in his order of them.
TEST_F(HostileTest, WhatIsAcceptedAndHowMuch) {
  const std::string protobuf = "application/vnd.kubernetes.protobuf", json = "application/json",
                    yaml = "application/yaml";
  const std::pair<std::string, std::string> cases[] = {
      {"APPLICATION/YAML", yaml},
      {"Application/JSON", json},
      {"application/json;q=0.5,application/yaml", yaml},
      {"application/json;q=0.5,application/yaml;q=0.7," + protobuf + ";q=0.6", yaml},
      {"application/yaml;q=0.5,application/json;Q=0.5", yaml},
      {"*/*,application/yaml", yaml},
      {"*/*,application/yaml;q=0.9", json},
      {"application/yaml;q=0,application/json;q=0.001", json},
      {"text/html,application/yaml;q=0.9,*/*;q=0.8", yaml},
  };
  for (const auto& [accept, type] : cases) EXPECT_EQ(ask("GET", kMaps, "", "", accept).type, type) << accept;
  EXPECT_EQ(ask("GET", kMaps, "", "", "application/json;q=0.000").code, 406);
}

}  // namespace
}  // namespace gantry::apiserver
