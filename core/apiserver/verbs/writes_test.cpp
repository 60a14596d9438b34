// create, update and patch as HTTP: names, versions, status apart from spec, dry runs.
#include "core/apiserver/test_server.hpp"

namespace gantry::apiserver {
namespace {

constexpr const char* kDeployments = "/apis/apps/v1/namespaces/default/deployments";
constexpr const char* kWeb = R"({"metadata":{"name":"web"},"spec":{"selector":{"matchLabels":{"app":"web"}},
    "template":{"metadata":{"labels":{"app":"web"}},"spec":{"containers":[{"name":"c","image":"busybox:1"}]}}}})";

class WritesTest : public ServerTest {
 protected:
  static std::string map_path(const std::string& name) { return std::string(kMaps) + "/" + name; }
};

TEST_F(WritesTest, TheServerOwnsItsMetadata) {
  const auto answer =
      made(kMaps, config_map("a", R"(,"uid":"mine","generation":7,"creationTimestamp":"2001-01-01T00:00:00Z",
      "deletionTimestamp":"2001-01-01T00:00:00Z","managedFields":[])"));
  EXPECT_NE(answer.text({"metadata", "uid"}), "mine");
  EXPECT_EQ(answer.text({"metadata", "creationTimestamp"}), "2023-11-14T22:13:20Z");
  EXPECT_EQ(find(answer.json(), {"metadata", "deletionTimestamp"}), nullptr);
  EXPECT_EQ(answer.text({"kind"}), "ConfigMap");
  EXPECT_EQ(answer.text({"apiVersion"}), "v1");
  EXPECT_EQ(answer.type, "application/json");
  const auto again = ask("POST", kMaps, config_map("a"));
  EXPECT_EQ(again.code, 409);
  EXPECT_EQ(again.text({"reason"}), "AlreadyExists");
  EXPECT_EQ(again.text({"message"}), "configmaps \"a\" already exists");
  EXPECT_EQ(again.text({"details", "kind"}), "configmaps");
}

TEST_F(WritesTest, GenerateNameFindsAFreeName) {
  std::set<std::string> names;
  for (int i = 0; i < 3; ++i) {
    const auto answer = made(kMaps, R"({"metadata":{"generateName":"x-"}})");
    const auto name = answer.text({"metadata", "name"});
    EXPECT_EQ(name.size(), 7U);
    EXPECT_TRUE(name.starts_with("x-"));
    names.insert(name);
  }
  EXPECT_EQ(names.size(), 3U);
  const auto longest = made(kMaps, R"({"metadata":{"generateName":")" + std::string(70, 'x') + "\"}}");
  EXPECT_EQ(longest.text({"metadata", "name"}).size(), 63U);
  const auto nameless = ask("POST", kMaps, R"({"metadata":{}})");
  EXPECT_EQ(nameless.code, 422) << nameless.body;
  EXPECT_EQ(nameless.text({"message"}),
            "ConfigMap \"\" is invalid: metadata.name: Required value: name or generateName is required");
}

TEST_F(WritesTest, NamespacesMustBeThere) {
  const auto answer = ask("POST", "/api/v1/namespaces/nowhere/configmaps", config_map("a"));
  EXPECT_EQ(answer.code, 404);
  EXPECT_EQ(answer.text({"message"}), "namespaces \"nowhere\" not found");
  const auto other = ask("POST", kMaps, config_map("a", R"(,"namespace":"other")"));
  EXPECT_EQ(other.code, 400);
  EXPECT_EQ(other.text({"message"}),
            "the namespace of the provided object does not match the namespace sent on the request");
}

TEST_F(WritesTest, UpdatesAreCompareAndSet) {
  const auto first = made(kMaps, config_map("a"));
  const auto version = first.text({"metadata", "resourceVersion"});
  const std::string pinned = R"({"metadata":{"name":"a","resourceVersion":")" + version + R"("},"data":{"k":"2"}})";
  EXPECT_EQ(ask("PUT", map_path("a"), pinned).code, 200);
  const auto stale = ask("PUT", map_path("a"), pinned);
  EXPECT_EQ(stale.code, 409);
  EXPECT_EQ(
      stale.text({"message"}),
      "Operation cannot be fulfilled on configmaps \"a\": the object has been modified; please apply your changes "
      "to the latest version and try again");
  EXPECT_EQ(stale.text({"details", "name"}), "a");
  const auto unpinned = ask("PUT", map_path("a"), R"({"metadata":{"name":"a"},"data":{"k":"3"}})");
  EXPECT_EQ(unpinned.code, 200);
  EXPECT_EQ(unpinned.text({"metadata", "uid"}), first.text({"metadata", "uid"}));
  EXPECT_EQ(ask("PUT", map_path("b"), config_map("b")).code, 404);
  const auto renamed = ask("PUT", map_path("a"), config_map("b"));
  EXPECT_EQ(renamed.code, 400);
  EXPECT_EQ(renamed.text({"message"}), "the name of the object (b) does not match the name on the URL (a)");
}

TEST_F(WritesTest, WhatAnObjectSaysOfItselfIsSo) {
  EXPECT_EQ(ask("POST", kMaps, config_map("a", R"(,"resourceVersion":"1")")).code, 400);
  const auto first = made(kMaps, config_map("a"));
  const auto uid = first.text({"metadata", "uid"});
  const auto other = ask("PUT", map_path("a"), config_map("a", R"(,"uid":"other","annotations":{"a":"b"})"));
  EXPECT_EQ(other.code, 409);
  EXPECT_EQ(other.text({"message"}),
            "Operation cannot be fulfilled on configmaps \"a\": StorageError: invalid object, Code: 4, Key: "
            "/registry/configmaps/default/a, ResourceVersion: 0, AdditionalErrorMsg: Precondition failed: UID in "
            "precondition: other, UID in object meta: " +
                uid);
  const auto elsewhere = ask("PUT", map_path("a"), config_map("a", R"(,"namespace":"other","annotations":{"a":"b"})"));
  EXPECT_EQ(elsewhere.code, 400);
  EXPECT_EQ(elsewhere.text({"message"}),
            "the namespace of the object (other) does not match the namespace on the URL (default)");
  EXPECT_EQ(ask("GET", map_path("a")).body, first.body);
  const auto any = config_map("a", R"(,"resourceVersion":"0","namespace":"default","uid":")" + uid + "\"");
  EXPECT_EQ(ask("PUT", map_path("a"), any).code, 200);
}

TEST_F(WritesTest, WritingTheSameChangesNothing) {
  const auto first = made(kMaps, config_map("a"));
  const auto again = ask("PUT", map_path("a"), config_map("a"));
  EXPECT_EQ(again.code, 200);
  EXPECT_EQ(again.body, first.body);
}

TEST_F(WritesTest, LeasesNeedAVersionAndAreMadeByPut) {
  const std::string path = "/apis/coordination.k8s.io/v1/namespaces/default/leases/l";
  const auto created = ask("PUT", path, R"({"metadata":{"name":"l"},"spec":{"holderIdentity":"a"}})");
  EXPECT_EQ(created.code, 201) << created.body;
  const auto unpinned = ask("PUT", path, R"({"metadata":{"name":"l"},"spec":{"holderIdentity":"b"}})");
  EXPECT_EQ(unpinned.code, 422);
  EXPECT_EQ(unpinned.text({"details", "causes"}), "");
  EXPECT_NE(unpinned.text({"message"}).find("metadata.resourceVersion"), std::string::npos) << unpinned.body;
}

TEST_F(WritesTest, StatusAndSpecStayApart) {
  EXPECT_EQ(made(kDeployments, kWeb).json().at("metadata").at("generation"), 1);
  const std::string path = std::string(kDeployments) + "/web";
  const auto scaled = ask("PATCH", path, R"({"spec":{"replicas":3},"status":{"replicas":9}})", kMergePatch);
  ASSERT_EQ(scaled.code, 200) << scaled.body;
  EXPECT_EQ(int_at(scaled.json(), {"spec", "replicas"}), 3);
  EXPECT_EQ(int_at(scaled.json(), {"metadata", "generation"}), 2);
  EXPECT_EQ(int_at(scaled.json(), {"status", "replicas"}), 0);
  const auto status = ask("PATCH", path + "/status", R"({"spec":{"replicas":5},"status":{"replicas":2}})", kMergePatch);
  ASSERT_EQ(status.code, 200) << status.body;
  EXPECT_EQ(int_at(status.json(), {"spec", "replicas"}), 3);
  EXPECT_EQ(int_at(status.json(), {"status", "replicas"}), 2);
  EXPECT_EQ(int_at(status.json(), {"metadata", "generation"}), 2);
  const auto labelled = ask("PATCH", path, R"({"metadata":{"labels":{"a":"b"}}})", kMergePatch);
  EXPECT_EQ(int_at(labelled.json(), {"metadata", "generation"}), 2);
}

TEST_F(WritesTest, OfSomeKindsMoreThanTheContentIsCounted) {
  const std::string labels = R"({"metadata":{"labels":{"a":"b"}}})";
  const std::string notes = R"({"metadata":{"annotations":{"a":"b"}}})";
  const auto generations = [&](const std::string& folder, const std::string& name, const std::string& manifest,
                               const std::string& content) {
    std::string out = std::to_string(int_at(made(folder, manifest).json(), {"metadata", "generation"}));
    for (const auto& patch : {labels, notes, content, content}) {
      const auto answer = ask("PATCH", folder + "/" + name, patch, kMergePatch);
      EXPECT_EQ(answer.code, 200) << answer.body;
      out += " " + std::to_string(int_at(answer.json(), {"metadata", "generation"}));
    }
    return out;
  };
  EXPECT_EQ(generations(kDeployments, "web", kWeb, R"({"spec":{"replicas":7}})"), "1 1 2 3 3");
  EXPECT_EQ(generations("/apis/discovery.k8s.io/v1/namespaces/default/endpointslices", "s",
                        R"({"metadata":{"name":"s"},"addressType":"IPv4","endpoints":[]})",
                        R"({"endpoints":[{"addresses":["10.0.0.1"]}]})"),
            "1 2 2 3 3");
  EXPECT_EQ(generations("/apis/storage.k8s.io/v1/csidrivers", "d", R"({"metadata":{"name":"d"},"spec":{}})",
                        R"({"spec":{"podInfoOnMount":true}})"),
            "0 0 0 1 1");
  EXPECT_EQ(generations("/apis/scheduling.k8s.io/v1/priorityclasses", "p", R"({"metadata":{"name":"p"},"value":1})",
                        R"({"description":"a"})"),
            "1 1 1 1 1");
}

TEST_F(WritesTest, TheTimeOfAPhaseIsThatOfTheWrite) {
  const std::string folder = "/api/v1/persistentvolumes";
  made(folder, R"({"metadata":{"name":"v"},"spec":{"capacity":{"storage":"1Gi"},"accessModes":["ReadWriteOnce"],
      "hostPath":{"path":"/a"}}})");
  const auto time = [&](const std::string& status) {
    const auto answer = ask("PATCH", folder + "/v/status", R"({"status":)" + status + "}", kMergePatch);
    EXPECT_EQ(answer.code, 200) << answer.body;
    return answer.text({"status", "lastPhaseTransitionTime"});
  };
  EXPECT_EQ(time(R"({"message":"a"})"), "2023-11-14T22:13:20Z");
  now_ += int64_t{10} * 1'000'000'000;
  EXPECT_EQ(time(R"({"phase":"Pending","lastPhaseTransitionTime":null})"), "2023-11-14T22:13:20Z");
  EXPECT_EQ(time(R"({"phase":"Available"})"), "2023-11-14T22:13:30Z");
  EXPECT_EQ(time(R"({"phase":"Bound","lastPhaseTransitionTime":"2030-01-01T00:00:00Z"})"), "2030-01-01T00:00:00Z");
}

TEST_F(WritesTest, PatchesOfAllThreeTypes) {
  made(kPods, pod("p"));
  const std::string path = std::string(kPods) + "/p";
  const auto json = ask("PATCH", path, R"([{"op":"add","path":"/metadata/labels","value":{"a":"1"}},
      {"op":"test","path":"/metadata/labels/a","value":"1"}])",
                        kJsonPatch);
  EXPECT_EQ(json.code, 200) << json.body;
  EXPECT_EQ(json.text({"metadata", "labels", "a"}), "1");
  const auto strategic =
      ask("PATCH", path, R"({"spec":{"containers":[{"name":"c","image":"busybox:2"}]}})", kStrategicPatch);
  EXPECT_EQ(strategic.code, 200) << strategic.body;
  EXPECT_EQ(find(strategic.json(), {"spec", "containers"})->at(0).at("image"), "busybox:2");
  EXPECT_EQ(find(strategic.json(), {"spec", "containers"})->at(0).at("imagePullPolicy"), "IfNotPresent");
  const auto merged = ask("PATCH", path, R"({"metadata":{"labels":{"a":null,"b":"2"}}})", kMergePatch);
  EXPECT_EQ(merged.text({"metadata", "labels", "b"}), "2");
  EXPECT_EQ(find(merged.json(), {"metadata", "labels", "a"}), nullptr);
  const auto failed = ask("PATCH", path, R"([{"op":"test","path":"/metadata/labels/b","value":"9"}])", kJsonPatch);
  EXPECT_EQ(failed.code, 422) << failed.body;
  EXPECT_EQ(ask("PATCH", std::string(kPods) + "/q", "{}", kMergePatch).code, 404);
  const auto pinned = ask("PATCH", path, R"({"metadata":{"resourceVersion":"1"}})", kMergePatch);
  EXPECT_EQ(pinned.code, 409);
  const auto apply = ask("PATCH", path, "{}", "application/apply-patch+yaml");
  EXPECT_EQ(apply.code, 415);
  EXPECT_EQ(apply.text({"reason"}), "UnsupportedMediaType");
}

TEST_F(WritesTest, PodSpecsAreMostlyImmutable) {
  made(kPods, pod("p"));
  const auto answer = ask("PATCH", std::string(kPods) + "/p", R"({"spec":{"restartPolicy":"Never"}})", kMergePatch);
  EXPECT_EQ(answer.code, 422) << answer.body;
  EXPECT_EQ(answer.text({"reason"}), "Invalid");
}

TEST_F(WritesTest, ManyWritersLoseNothing) {
  made(kMaps, R"({"metadata":{"name":"a"},"data":{}})");
  std::vector<std::shared_ptr<FakeExchange>> answers;
  for (int i = 0; i < 4; ++i) {
    answers.push_back(std::make_shared<FakeExchange>());
    server_->handle(request("PATCH", map_path("a"), "{\"data\":{\"k" + std::to_string(i) + "\":\"v\"}}", kMergePatch),
                    answers.back());
  }
  for (auto& answer : answers) {
    ASSERT_TRUE(answer->wait_answer());
    EXPECT_EQ(answer->code(), 200) << answer->body();
  }
  EXPECT_EQ(ask("GET", map_path("a")).json().at("data").as_object().size(), 4U);
}

TEST_F(WritesTest, DryRunsLeaveNoTrace) {
  const auto revision = store_->revision();
  const auto created = ask("POST", std::string(kMaps) + "?dryRun=All", config_map("a"));
  EXPECT_EQ(created.code, 201);
  EXPECT_FALSE(created.text({"metadata", "uid"}).empty());
  EXPECT_EQ(ask("GET", map_path("a")).code, 404);
  EXPECT_EQ(store_->revision(), revision);
  made(kMaps, config_map("a"));
  const auto before = ask("GET", map_path("a")).body;
  EXPECT_EQ(ask("POST", std::string(kMaps) + "?dryRun=All", config_map("a")).code, 409);
  const auto patched = ask("PATCH", map_path("a") + "?dryRun=All", R"({"data":{"k":"2"}})", kMergePatch);
  EXPECT_EQ(patched.text({"data", "k"}), "2");
  EXPECT_EQ(ask("DELETE", map_path("a") + "?dryRun=All").code, 200);
  EXPECT_EQ(ask("DELETE", std::string(kMaps) + "?dryRun=All").code, 200);
  EXPECT_EQ(ask("GET", map_path("a")).body, before);
  const auto wrong = ask("POST", std::string(kMaps) + "?dryRun=Some", config_map("b"));
  EXPECT_EQ(wrong.code, 422);
  EXPECT_EQ(
      wrong.text({"message"}),
      "CreateOptions.meta.k8s.io \"\" is invalid: dryRun: Unsupported value: \"Some\": supported values: \"All\"");
}

TEST_F(WritesTest, UnknownFieldsWarnOrFail) {
  const std::string body = R"({"metadata":{"name":"a"},"daat":{}})";
  const auto strict = ask("POST", std::string(kMaps) + "?fieldValidation=Strict", body);
  EXPECT_EQ(strict.code, 400);
  EXPECT_EQ(
      strict.text({"message"}),
      "ConfigMap in version \"v1\" cannot be handled as a ConfigMap: strict decoding error: unknown field \"daat\"");
  const auto warned = made(kMaps, body);
  EXPECT_EQ(warned.header("Warning"), "299 - \"unknown field \\\"daat\\\"\"");
  EXPECT_EQ(warned.json().as_object().contains("daat"), false);
  const auto ignored = ask("PATCH", map_path("a") + "?fieldValidation=Ignore", R"({"daat":{}})", kMergePatch);
  EXPECT_EQ(ignored.code, 200);
  EXPECT_EQ(ignored.header("Warning"), "");
}

// None says whether a list was empty or null: a create's answer is what every later read says.
TEST_F(WritesTest, EmptyListsAreAsTheyWillBeRead) {
  const std::string roles = "/apis/rbac.authorization.k8s.io/v1/namespaces/default/roles";
  for (const std::string rules : {R"(,"rules":[])", R"(,"rules":null)", ""}) {
    const std::string name = "r" + std::to_string(rules.size());
    const auto role = made(roles, R"({"metadata":{"name":")" + name + "\"}" + rules + "}");
    EXPECT_NE(role.body.find(R"("rules":null)"), std::string::npos) << role.body;
    EXPECT_EQ(ask("GET", roles + "/" + name).body, role.body);
    const auto same = ask("PUT", roles + "/" + name, R"({"metadata":{"name":")" + name + R"("},"rules":[]})");
    EXPECT_EQ(same.text({"metadata", "resourceVersion"}), role.text({"metadata", "resourceVersion"}));
  }
}

TEST_F(WritesTest, KindsWarn) {
  const auto pod = [](const std::string& name, const std::string& more) {
    return R"({"metadata":{"name":")" + name + R"("},"spec":{"containers":[{"name":"c","image":"i"}])" + more + "}}";
  };
  const auto made_pod = made(kPods, pod("a", R"(,"terminationGracePeriodSeconds":-1)"));
  EXPECT_EQ(made_pod.header("Warning"),
            "299 - \"spec.terminationGracePeriodSeconds: must be >= 0; negative values are invalid and will be treated "
            "as 1\"");
  EXPECT_EQ(ask("POST", kPods, pod("b", R"(,"terminationGracePeriodSeconds":-1,"volumes":[{}])")).header("Warning"), "")
      << "not of what is not valid";
  const std::string endpoints = "/api/v1/namespaces/default/endpoints";
  const std::string old = R"(299 - "v1 Endpoints is deprecated in v1.33+; use discovery.k8s.io/v1 EndpointSlice")";
  const auto set = made(endpoints, R"({"metadata":{"name":"e"},"subsets":[{"addresses":[{"ip":"1.1.1.1"}]}]})");
  EXPECT_EQ(set.header("Warning"), old);
  EXPECT_EQ(ask("GET", endpoints).header("Warning"), old);
  EXPECT_EQ(ask("GET", endpoints + "/none").header("Warning"), old);
  EXPECT_EQ(ask("PATCH", endpoints + "/e", R"({"metadata":{"labels":{"a":"b"}}})", kMergePatch).header("Warning"), old);
  EXPECT_EQ(ask("DELETE", endpoints + "/e").header("Warning"), old);
}

TEST_F(WritesTest, SecretsKeepStringDataAsData) {
  const auto answer = made("/api/v1/namespaces/default/secrets",
                           R"({"metadata":{"name":"s"},"stringData":{"a":"hello"},"data":{"b":"eA=="}})");
  EXPECT_EQ(answer.text({"data", "a"}), "aGVsbG8=");
  EXPECT_EQ(answer.text({"data", "b"}), "eA==");
  EXPECT_EQ(find(answer.json(), {"stringData"}), nullptr);
  EXPECT_EQ(answer.text({"type"}), "Opaque");
}

TEST_F(WritesTest, YamlGoesInAndOut) {
  const auto created =
      ask("POST", kMaps, "metadata:\n  name: yam\ndata:\n  k: v\n", "application/yaml", "application/yaml");
  EXPECT_EQ(created.code, 201) << created.body;
  EXPECT_EQ(created.type, "application/yaml");
  EXPECT_NE(created.body.find("kind: ConfigMap\n"), std::string::npos) << created.body;
}

}  // namespace
}  // namespace gantry::apiserver
