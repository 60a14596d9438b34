// Deletion: finalizers, grace, propagation, preconditions, namespaces, collections.
#include "core/apiserver/test_server.hpp"

namespace gantry::apiserver {
namespace {

class DeletionTest : public ServerTest {
 protected:
  static std::string map_path(const std::string& name) { return std::string(kMaps) + "/" + name; }
  static std::string pod_path(const std::string& name) { return std::string(kPods) + "/" + name; }
  // A pod that a node has.
  void running_pod(const std::string& name, const std::string& more_metadata = {}) {
    made(kPods, pod(name, more_metadata, R"(,"nodeName":"n1")"));
  }
};

TEST_F(DeletionTest, AnswersWithStatusOrObject) {
  const auto map = made(kMaps, config_map("a"));
  const auto gone = ask("DELETE", map_path("a"));
  EXPECT_EQ(gone.code, 200);
  EXPECT_EQ(gone.text({"kind"}), "Status");
  EXPECT_EQ(gone.text({"status"}), "Success");
  EXPECT_EQ(gone.text({"details", "name"}), "a");
  EXPECT_EQ(gone.text({"details", "kind"}), "configmaps");
  EXPECT_EQ(gone.text({"details", "uid"}), map.text({"metadata", "uid"}));
  const auto again = ask("DELETE", map_path("a"));
  EXPECT_EQ(again.code, 404);
  EXPECT_EQ(again.text({"message"}), "configmaps \"a\" not found");
  made(kPods, pod("p"));
  EXPECT_EQ(ask("DELETE", pod_path("p")).text({"kind"}), "Pod");
}

TEST_F(DeletionTest, PodsWithoutANodeGoAtOnce) {
  made(kPods, pod("p"));
  EXPECT_EQ(ask("DELETE", pod_path("p")).code, 200);
  EXPECT_EQ(ask("GET", pod_path("p")).code, 404);
}

TEST_F(DeletionTest, OptionsMayBeNull) {
  running_pod("p");
  const auto answer = ask("DELETE", pod_path("p"), "null");
  EXPECT_LT(answer.code, 500) << answer.body;
  EXPECT_EQ(ask("GET", pod_path("p")).code, 200);
}

TEST_F(DeletionTest, OptionsComeInTheBodyOrTheQuery) {
  for (const std::string name : {"a", "b", "c", "d"}) made(kMaps, config_map(name));
  const auto both = ask("DELETE", map_path("a"), R"({"orphanDependents":true,"propagationPolicy":"Orphan"})");
  EXPECT_EQ(both.code, 422);
  EXPECT_NE(both.text({"message"}).find("orphanDependents and deletionPropagation cannot be both set"),
            std::string::npos)
      << both.body;
  EXPECT_EQ(ask("DELETE", map_path("a") + "?orphanDependents=true", R"({"propagationPolicy":"Orphan"})").code, 422);
  EXPECT_EQ(ask("DELETE", map_path("a"), R"({"dryRun":["Some"]})").code, 422);
  EXPECT_EQ(ask("DELETE", map_path("a"), R"({"kind":"Pod"})").code, 400);
  EXPECT_EQ(ask("DELETE", map_path("a"), std::string((3 << 20) + 1, ' ')).code, 413);
  EXPECT_EQ(ask("DELETE", map_path("a"), R"({"dryRun":["All"]})").code, 200);
  EXPECT_EQ(ask("DELETE", kMaps, R"({"dryRun":["All"]})").code, 200);
  EXPECT_EQ(ask("GET", kMaps).json().at("items").as_array().size(), 4U) << "none of these deletes anything";
  EXPECT_EQ(ask("DELETE", map_path("a"), R"({"orphanDependents":false,"dryRun":[]})").text({"kind"}), "Status");
  EXPECT_EQ(ask("GET", map_path("a")).code, 404);
  const auto orphans = [&](const Answer& answer) {
    return list_contains(find(answer.json(), {"metadata", "finalizers"}), "orphan");
  };
  EXPECT_TRUE(orphans(ask("DELETE", map_path("b") + "?orphanDependents=true")));
  EXPECT_TRUE(
      orphans(ask("DELETE", map_path("c") + "?propagationPolicy=Background", R"({"propagationPolicy":"Orphan"})")));
  EXPECT_EQ(ask("DELETE", map_path("d") + "?orphanDependents=false").text({"kind"}), "Status");
}

// As it once was with kinds that are older than the collection of what nobody owns any longer.
TEST_F(DeletionTest, SomeKindsLeaveBehindWhatTheyOwn) {
  const std::string jobs = "/apis/batch/v1/namespaces/default/jobs";
  const std::string controllers = "/api/v1/namespaces/default/replicationcontrollers";
  for (const std::string name : {"a", "b", "c", "d", "e"}) {
    made(jobs, R"({"metadata":{"name":")" + name + R"("},"spec":{"template":{"spec":{"restartPolicy":"Never",
        "containers":[{"name":"c","image":"i"}]}}}})");
  }
  const auto finalizers = [](const Answer& answer) {
    const Json document = answer.json();
    const Json* list = find(document, {"metadata", "finalizers"});
    return list == nullptr ? "" : boost::json::serialize(*list);
  };
  const std::string warning =
      "299 - \"child pods are preserved by default when jobs are deleted; set propagationPolicy=Background to remove "
      "them or set propagationPolicy=Orphan to suppress this warning\"";
  const auto left = ask("DELETE", jobs + "/a");
  EXPECT_EQ(finalizers(left), R"(["orphan"])");
  EXPECT_EQ(left.header("Warning"), warning);
  const auto gone = ask("DELETE", jobs + "/b?propagationPolicy=Background");
  EXPECT_EQ(gone.text({"kind"}), "Status");
  EXPECT_EQ(gone.header("Warning"), "");
  EXPECT_EQ(finalizers(ask("DELETE", jobs + "/c?propagationPolicy=Foreground")), R"(["foregroundDeletion"])");
  EXPECT_EQ(ask("DELETE", jobs + "/d", R"({"orphanDependents":false})").text({"kind"}), "Status");
  // What its finalizers say goes before what is usual.
  EXPECT_EQ(finalizers(ask("DELETE", jobs + "/c")), R"(["foregroundDeletion"])");
  const auto all = ask("DELETE", jobs);
  EXPECT_EQ(all.header("Warning"), warning);
  EXPECT_EQ(finalizers(ask("GET", jobs + "/e")), R"(["orphan"])");
  made(controllers,
       R"({"metadata":{"name":"r"},"spec":{"selector":{"a":"b"},"template":{"metadata":{"labels":{"a":"b"}},
      "spec":{"containers":[{"name":"c","image":"i"}]}}}})");
  const auto controller = ask("DELETE", controllers + "/r");
  EXPECT_EQ(finalizers(controller), R"(["orphan"])");
  EXPECT_EQ(controller.header("Warning"), "");
}

TEST_F(DeletionTest, PodsOnANodeGetTheirGrace) {
  running_pod("p");
  const auto marked = ask("DELETE", pod_path("p"));
  EXPECT_EQ(marked.code, 200);
  EXPECT_EQ(marked.text({"metadata", "deletionTimestamp"}), "2023-11-14T22:13:50Z");
  EXPECT_EQ(int_at(marked.json(), {"metadata", "deletionGracePeriodSeconds"}), 30);
  // A second delete shortens it, never the other way.
  EXPECT_EQ(ask("DELETE", pod_path("p") + "?gracePeriodSeconds=60").body, marked.body);
  const auto shorter = ask("DELETE", pod_path("p"), R"({"gracePeriodSeconds":5})");
  EXPECT_EQ(shorter.text({"metadata", "deletionTimestamp"}), "2023-11-14T22:13:25Z");
  EXPECT_EQ(int_at(shorter.json(), {"metadata", "deletionGracePeriodSeconds"}), 5);
  EXPECT_EQ(ask("GET", pod_path("p")).code, 200);
  EXPECT_EQ(ask("DELETE", pod_path("p") + "?gracePeriodSeconds=0").code, 200);
  EXPECT_EQ(ask("GET", pod_path("p")).code, 404);
}

TEST_F(DeletionTest, NoGraceRemovesARunningPod) {
  running_pod("p");
  const auto gone =
      ask("DELETE", pod_path("p"), R"({"kind":"DeleteOptions","apiVersion":"v1","gracePeriodSeconds":0})");
  EXPECT_EQ(gone.code, 200);
  EXPECT_EQ(int_at(gone.json(), {"metadata", "deletionGracePeriodSeconds"}, -1), 0);
  EXPECT_EQ(ask("GET", pod_path("p")).code, 404);
}

TEST_F(DeletionTest, FinalizersHoldAnObject) {
  made(kMaps, config_map("a", R"(,"finalizers":["example.com/hold"])"));
  const auto marked = ask("DELETE", map_path("a"));
  EXPECT_EQ(marked.code, 200);
  EXPECT_EQ(marked.text({"kind"}), "ConfigMap");
  EXPECT_EQ(marked.text({"metadata", "deletionTimestamp"}), "2023-11-14T22:13:20Z");
  EXPECT_EQ(int_at(marked.json(), {"metadata", "deletionGracePeriodSeconds"}, -1), 0);
  EXPECT_EQ(ask("DELETE", map_path("a")).body, marked.body);
  const auto added = ask("PATCH", map_path("a"),
                         R"({"metadata":{"finalizers":["example.com/hold","example.com/more"]}})", kMergePatch);
  EXPECT_EQ(added.code, 422) << added.body;
  const auto released = ask("PATCH", map_path("a"), R"({"metadata":{"finalizers":null}})", kMergePatch);
  EXPECT_EQ(released.code, 200) << released.body;
  EXPECT_EQ(ask("GET", map_path("a")).code, 404);
}

TEST_F(DeletionTest, AMarkIsANewGeneration) {
  const std::string path = "/apis/apps/v1/namespaces/default/deployments";
  made(path, R"({"metadata":{"name":"a","finalizers":["example.com/hold"]},"spec":{"selector":{"matchLabels":{"a":"b"}},
      "template":{"metadata":{"labels":{"a":"b"}},"spec":{"containers":[{"name":"c","image":"i"}]}}}})");
  EXPECT_EQ(int_at(ask("DELETE", path + "/a").json(), {"metadata", "generation"}), 2);
  EXPECT_EQ(int_at(ask("DELETE", path + "/a").json(), {"metadata", "generation"}), 2);
}

TEST_F(DeletionTest, AHeldPodStaysAfterItsGrace) {
  running_pod("p", R"(,"finalizers":["example.com/hold"])");
  EXPECT_EQ(ask("DELETE", pod_path("p")).code, 200);
  const auto over = ask("DELETE", pod_path("p") + "?gracePeriodSeconds=0");
  EXPECT_EQ(int_at(over.json(), {"metadata", "deletionGracePeriodSeconds"}, -1), 0) << over.body;
  EXPECT_EQ(ask("GET", pod_path("p")).code, 200);
  EXPECT_EQ(ask("PATCH", pod_path("p"), R"({"metadata":{"finalizers":[]}})", kMergePatch).code, 200);
  EXPECT_EQ(ask("GET", pod_path("p")).code, 404);
}

TEST_F(DeletionTest, PropagationPoliciesAreFinalizers) {
  const std::vector<std::pair<std::string, std::string>> policies = {{"Orphan", "orphan"},
                                                                     {"Foreground", "foregroundDeletion"}};
  for (const auto& [policy, finalizer] : policies) {
    made(kMaps, config_map(finalizer == "orphan" ? "o" : "f"));
    const auto marked = ask("DELETE", map_path(finalizer == "orphan" ? "o" : "f") + "?propagationPolicy=" + policy);
    EXPECT_EQ(marked.code, 200);
    EXPECT_EQ(*find(marked.json(), {"metadata", "finalizers"}), JsonArray{Json(finalizer)}) << marked.body;
  }
  made(kMaps, config_map("b"));
  EXPECT_EQ(ask("DELETE", map_path("b") + "?propagationPolicy=Background").text({"kind"}), "Status");
  const auto wrong = ask("DELETE", map_path("o") + "?propagationPolicy=Sideways");
  EXPECT_EQ(wrong.code, 422);
  made(kMaps, config_map("c"));
  const auto old = ask("DELETE", map_path("c"), R"({"orphanDependents":true})");
  EXPECT_TRUE(list_contains(find(old.json(), {"metadata", "finalizers"}), "orphan"));
}

TEST_F(DeletionTest, PreconditionsAreKept) {
  const auto map = made(kMaps, config_map("a"));
  const auto other = ask("DELETE", map_path("a"), R"({"preconditions":{"uid":"someone-else"}})");
  EXPECT_EQ(other.code, 409);
  EXPECT_EQ(
      other.text({"message"}),
      "Operation cannot be fulfilled on ConfigMap \"a\": the UID in the precondition (someone-else) does not match "
      "the UID in record (" +
          map.text({"metadata", "uid"}) + "). The object might have been deleted and then recreated");
  EXPECT_EQ(other.text({"details", "kind"}), "ConfigMap");
  const auto version = map.text({"metadata", "resourceVersion"});
  const auto stale = ask("DELETE", map_path("a"), R"({"preconditions":{"resourceVersion":"1"}})");
  EXPECT_EQ(stale.code, 409);
  EXPECT_EQ(
      stale.text({"message"}),
      "Operation cannot be fulfilled on ConfigMap \"a\": the ResourceVersion in the precondition (1) does not match "
      "the ResourceVersion in record (" +
          version + "). The object might have been modified");
  EXPECT_EQ(ask("DELETE", map_path("a"), R"({"preconditions":{"resourceVersion":")" + version + R"("}})").code, 200);
}

TEST_F(DeletionTest, CollectionsGoBySelector) {
  for (const std::string name : {"a", "b", "c"}) {
    made(kMaps, config_map(name, name == "b" ? R"(,"labels":{"keep":"yes"})" : ""));
  }
  const auto answer = ask("DELETE", std::string(kMaps) + "?labelSelector=keep!=yes");
  EXPECT_EQ(answer.code, 200);
  EXPECT_EQ(answer.text({"kind"}), "ConfigMapList");
  EXPECT_EQ(answer.json().at("items").as_array().size(), 2U);
  EXPECT_EQ(ask("GET", kMaps).json().at("items").as_array().size(), 1U);
  EXPECT_EQ(ask("DELETE", std::string(kMaps) + "?labelSelector=none=such").code, 200);
}

TEST_F(DeletionTest, NamespacesEndInSteps) {
  made("/api/v1/namespaces", R"({"metadata":{"name":"shop"}})");
  const auto marked = ask("DELETE", "/api/v1/namespaces/shop");
  EXPECT_EQ(marked.code, 200);
  EXPECT_EQ(marked.text({"status", "phase"}), "Terminating") << marked.body;
  const auto refused = ask("POST", "/api/v1/namespaces/shop/configmaps", config_map("late"));
  EXPECT_EQ(refused.code, 403);
  EXPECT_EQ(refused.text({"message"}),
            "configmaps \"late\" is forbidden: unable to create new content in namespace shop because it is being "
            "terminated");
  // Only /finalize takes away the kubernetes finalizer.
  ask("PATCH", "/api/v1/namespaces/shop", R"({"spec":{"finalizers":[]}})", kMergePatch);
  EXPECT_EQ(ask("GET", "/api/v1/namespaces/shop").code, 200);
  const auto finalized =
      ask("PUT", "/api/v1/namespaces/shop/finalize", R"({"metadata":{"name":"shop"},"spec":{"finalizers":[]}})");
  EXPECT_EQ(finalized.code, 200) << finalized.body;
  EXPECT_EQ(ask("GET", "/api/v1/namespaces/shop").code, 404);
  const auto kept = ask("DELETE", "/api/v1/namespaces/default");
  EXPECT_EQ(kept.code, 403);
  EXPECT_EQ(kept.text({"message"}), "namespaces \"default\" is forbidden: this namespace may not be deleted");
}

class ExpiryTest : public DeletionTest {
 protected:
  Options options() override {
    auto out = DeletionTest::options();
    out.event_ttl_seconds = 1;
    return out;
  }
};

TEST_F(ExpiryTest, EventsEndWithTheirTime) {
  const std::string path = "/api/v1/namespaces/default/events";
  made(
      path,
      R"({"metadata":{"name":"e"},"involvedObject":{"namespace":"default","name":"p","kind":"Pod"},"reason":"R","message":"m","type":"Normal"})");
  auto exchange = std::make_shared<FakeExchange>();
  server_->handle(request("GET", path + "?watch=true"), exchange);
  ASSERT_TRUE(exchange->wait_answer());
  ASSERT_TRUE(exchange->stream()->wait_text("ADDED"));
  now_ += 5'000'000'000;
  EXPECT_TRUE(exchange->stream()->wait_text("DELETED"));
  EXPECT_EQ(ask("GET", path + "/e").code, 404);
}

TEST_F(DeletionTest, OfManyIsDoneByAndBy) {
  for (int i = 0; i < 700; ++i) made(kMaps, config_map("m" + std::to_string(i)));
  made(kMaps, config_map("kept", R"(,"labels":{"keep":"me"})"));
  const auto answer = ask("DELETE", std::string(kMaps) + "?labelSelector=!keep");
  EXPECT_EQ(answer.code, 200);
  EXPECT_EQ(answer.json().at("items").as_array().size(), 700U);
  EXPECT_EQ(store_->list("//configmaps/default/")->entries.size(), 1U);
  const auto none = ask("DELETE", std::string(kMaps) + "?labelSelector=!keep");
  EXPECT_EQ(none.code, 200);
  EXPECT_EQ(none.json().at("items").as_array().size(), 0U);
}

TEST_F(DeletionTest, TheNameOfWhatIsAboutToGoIsTaken) {
  const std::string path = "/api/v1/namespaces/default/configmaps";
  const std::string body = R"({"metadata":{"name":"going","finalizers":["a.b/c"]}})";
  ask("POST", path, body);
  EXPECT_EQ(ask("POST", path, body).text({"message"}), "configmaps \"going\" already exists");
  ask("DELETE", path + "/going");
  for (const char* query : {"", "?dryRun=All"}) {
    const auto again = ask("POST", path + query, body);
    EXPECT_EQ(again.code, 409);
    EXPECT_EQ(again.text({"reason"}), "AlreadyExists");
    EXPECT_EQ(again.text({"message"}), "object is being deleted: configmaps \"going\" already exists");
    EXPECT_EQ(again.text({"details", "name"}), "going");
  }
}

}  // namespace
}  // namespace gantry::apiserver
