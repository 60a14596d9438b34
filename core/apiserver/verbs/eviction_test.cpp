// pods/eviction: budgets, pods that need none, preconditions, dry runs.
#include "core/apiserver/test_server.hpp"

namespace gantry::apiserver {
namespace {

constexpr const char* kBudgets = "/apis/policy/v1/namespaces/default/poddisruptionbudgets";

class EvictionTest : public ServerTest {
 protected:
  void running(const std::string& name, bool ready = true) {
    made(kPods, pod(name, R"(,"labels":{"app":"web"})", R"(,"nodeName":"n1")"));
    const std::string status = R"({"status":{"phase":"Running","conditions":[{"type":"Ready","status":")" +
                               std::string(ready ? "True" : "False") + R"("}]}})";
    ASSERT_EQ(ask("PATCH", path(name) + "/status", status, kMergePatch).code, 200);
  }
  // status: without observedGeneration, which follows.
  void budget(const std::string& name, const std::string& status, const std::string& spec = {}) {
    made(kBudgets, R"({"metadata":{"name":")" + name + R"("},"spec":{"maxUnavailable":1,)" + spec +
                       R"("selector":{"matchLabels":{"app":"web"}}}})");
    const auto patched = ask("PATCH", std::string(kBudgets) + "/" + name + "/status",
                             R"({"status":{"observedGeneration":1,)" + status + "}}", kMergePatch);
    ASSERT_EQ(patched.code, 200) << patched.body;
  }
  static std::string counts(int allowed, int current, int desired) {
    return R"("disruptionsAllowed":)" + std::to_string(allowed) + R"(,"currentHealthy":)" + std::to_string(current) +
           R"(,"desiredHealthy":)" + std::to_string(desired) + R"(,"expectedPods":3)";
  }
  static std::string path(const std::string& name) { return std::string(kPods) + "/" + name; }
  Answer evict(const std::string& name, const std::string& options = {}, const std::string& query = {}) {
    return ask("POST", path(name) + "/eviction" + query,
               R"({"apiVersion":"policy/v1","kind":"Eviction","metadata":{"name":")" + name + "\"}" +
                   (options.empty() ? "" : R"(,"deleteOptions":)" + options) + "}");
  }
  bool goes(const std::string& name) {
    const auto answer = ask("GET", path(name));
    return answer.code == 404 || !answer.text({"metadata", "deletionTimestamp"}).empty();
  }
  Json budget_status(const std::string& name) {
    return ask("GET", std::string(kBudgets) + "/" + name).json().at("status");
  }
};

TEST_F(EvictionTest, WithoutABudgetThePodGoes) {
  running("p");
  const auto answer = evict("p", R"({"gracePeriodSeconds":7})");
  EXPECT_EQ(answer.code, 201) << answer.body;
  EXPECT_EQ(answer.text({"status"}), "Success");
  const Json pod = ask("GET", path("p")).json();
  EXPECT_EQ(int_at(pod, {"metadata", "deletionGracePeriodSeconds"}), 7);
  const auto& conditions = pod.at("status").at("conditions").as_array();
  ASSERT_EQ(conditions.size(), 2U);
  EXPECT_EQ(text_at(conditions[1], {"type"}), "DisruptionTarget");
  EXPECT_EQ(text_at(conditions[1], {"status"}), "True");
  EXPECT_EQ(text_at(conditions[1], {"reason"}), "EvictionByEvictionAPI");
  EXPECT_EQ(evict("absent").code, 404);
}

TEST_F(EvictionTest, TheBudgetCounts) {
  running("p");
  running("q");
  budget("b", counts(1, 3, 2));
  EXPECT_EQ(evict("p").code, 201);
  EXPECT_TRUE(goes("p"));
  const auto status = budget_status("b");
  EXPECT_EQ(int_at(status, {"disruptionsAllowed"}, -1), 0);
  EXPECT_EQ(text_at(status, {"disruptedPods", "p"}), "2023-11-14T22:13:20Z");
  const auto& conditions = status.at("conditions").as_array();
  ASSERT_EQ(conditions.size(), 1U);
  EXPECT_EQ(text_at(conditions[0], {"type"}), "DisruptionAllowed");
  EXPECT_EQ(text_at(conditions[0], {"status"}), "False");
  const auto refused = evict("q");
  EXPECT_EQ(refused.code, 429);
  EXPECT_EQ(refused.text({"reason"}), "TooManyRequests");
  EXPECT_EQ(refused.text({"message"}), "Cannot evict pod as it would violate the pod's disruption budget.");
  const Json cause = refused.json().at("details").at("causes").as_array().at(0);
  EXPECT_EQ(text_at(cause, {"reason"}), "DisruptionBudget");
  EXPECT_EQ(text_at(cause, {"message"}), "The disruption budget b needs 2 healthy pods and has 3 currently");
  EXPECT_FALSE(goes("q"));
}

TEST_F(EvictionTest, ABudgetThatNobodyHasLookedAtLetsNothingGo) {
  running("p");
  made(kBudgets, R"({"metadata":{"name":"b"},"spec":{"maxUnavailable":1,"selector":{"matchLabels":{"app":"web"}}}})");
  const auto refused = evict("p");
  EXPECT_EQ(refused.code, 429);
  EXPECT_EQ(refused.header("Retry-After"), "10");
  EXPECT_FALSE(goes("p"));
}

TEST_F(EvictionTest, TwoBudgetsAreOneTooMany) {
  running("p");
  budget("a", counts(1, 3, 2));
  budget("b", counts(1, 3, 2));
  EXPECT_EQ(evict("p").code, 500);
  EXPECT_FALSE(goes("p"));
}

TEST_F(EvictionTest, PodsThatAreNotReady) {
  running("p", false);
  running("q", false);
  budget("b", counts(0, 2, 2));
  EXPECT_EQ(evict("p").code, 201);  // enough of the others are healthy
  EXPECT_TRUE(goes("p"));
  ASSERT_EQ(ask("DELETE", std::string(kBudgets) + "/b").code, 200);
  budget("c", counts(0, 1, 2));
  EXPECT_EQ(evict("q").code, 429);
  ASSERT_EQ(ask("DELETE", std::string(kBudgets) + "/c").code, 200);
  budget("d", counts(0, 1, 2), R"("unhealthyPodEvictionPolicy":"AlwaysAllow",)");
  EXPECT_EQ(evict("q").code, 201);
  EXPECT_TRUE(goes("q"));
}

TEST_F(EvictionTest, PodsThatHaveNotBegunOrHaveEndedNeedNoBudget) {
  budget("b", counts(0, 0, 2));
  made(kPods, pod("pending", R"(,"labels":{"app":"web"})"));
  EXPECT_EQ(evict("pending").code, 201);
  EXPECT_TRUE(goes("pending"));
  running("done");
  ASSERT_EQ(ask("PATCH", path("done") + "/status", R"({"status":{"phase":"Succeeded"}})", kMergePatch).code, 200);
  EXPECT_EQ(evict("done").code, 201);
  EXPECT_TRUE(goes("done"));
}

// An empty selector is for all pods of the namespace, none at all for no pod.
TEST_F(EvictionTest, BudgetsForAllAndForNone) {
  running("p");
  made(kBudgets, R"({"metadata":{"name":"none"},"spec":{"maxUnavailable":1}})");
  made(kBudgets, R"({"metadata":{"name":"all"},"spec":{"maxUnavailable":1,"selector":{}}})");
  const auto refused = evict("p");
  EXPECT_EQ(refused.code, 429) << refused.body;
  EXPECT_FALSE(goes("p"));
  ASSERT_EQ(ask("DELETE", std::string(kBudgets) + "/all").code, 200);
  EXPECT_EQ(evict("p").code, 201);
}

TEST_F(EvictionTest, DryRunsAndPreconditions) {
  running("p");
  budget("b", counts(1, 3, 2));
  EXPECT_EQ(evict("p", {}, "?dryRun=All").code, 201);
  EXPECT_EQ(evict("p", R"({"dryRun":["All"]})").code, 201);
  EXPECT_FALSE(goes("p"));
  EXPECT_EQ(int_at(budget_status("b"), {"disruptionsAllowed"}), 1);
  EXPECT_EQ(evict("p", R"({"propagationPolicy":"Sideways"})").code, 422);
  EXPECT_EQ(evict("p", R"({"preconditions":{"uid":"other"}})").code, 409);
  EXPECT_FALSE(goes("p"));
}

TEST_F(EvictionTest, Bodies) {
  running("p");
  EXPECT_EQ(ask("POST", path("p") + "/eviction", "{").code, 400);
  EXPECT_EQ(ask("POST", path("p") + "/eviction", R"({"metadata":{"name":"q"}})").code, 400);
  EXPECT_EQ(ask("POST", path("p") + "/eviction", R"({"apiVersion":"v1","kind":"Pod","metadata":{"name":"p"}})").code,
            400);
  // As older clients say it.
  EXPECT_EQ(ask("POST", path("p") + "/eviction",
                R"({"apiVersion":"policy/v1beta1","kind":"Eviction","metadata":{"name":"p"}})")
                .code,
            201);
  EXPECT_TRUE(goes("p"));
}

// Of many who want the last disruption one gets it.
TEST_F(EvictionTest, ManyAtOnce) {
  budget("b", counts(1, 8, 7));
  for (int i = 0; i < 8; ++i) running("p" + std::to_string(i));
  std::vector<std::shared_ptr<FakeExchange>> all;
  for (int i = 0; i < 8; ++i) {
    const auto name = "p" + std::to_string(i);
    all.push_back(std::make_shared<FakeExchange>());
    server_->handle(request("POST", path(name) + "/eviction", R"({"metadata":{"name":")" + name + "\"}}"), all.back());
  }
  int gone = 0;
  for (const auto& exchange : all) {
    ASSERT_TRUE(exchange->wait_answer());
    gone += exchange->code() == 201;
    EXPECT_TRUE(exchange->code() == 201 || exchange->code() == 429) << exchange->body();
  }
  EXPECT_EQ(gone, 1);
}

}  // namespace
}  // namespace gantry::apiserver
