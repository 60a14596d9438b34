#include "scripted_host.hpp"

#include <gtest/gtest.h>

#include "k8s.io/api/core/v1/config.pb.h"

namespace gantry::testkit {
namespace {

corev1::ConfigMap config_map(const std::string& ns, const std::string& name, const std::string& app) {
  corev1::ConfigMap object;
  object.mutable_metadata()->set_namespace_(ns);
  object.mutable_metadata()->set_name(name);
  (*object.mutable_metadata()->mutable_labels())["app"] = app;
  return object;
}

struct ScriptedHostTest : testing::Test {
  ScriptedHost scripted;
  sdk::Host host{&scripted.host};
};

TEST_F(ScriptedHostTest, ListsByNamespaceAndSelector) {
  scripted.cache(config_map("a", "one", "web"));
  scripted.cache(config_map("a", "two", "db"));
  scripted.cache(config_map("b", "three", "web"));
  const auto names = [&](std::string_view ns, std::string_view selector) {
    std::string all;
    const auto found = host.cached_list<corev1::ConfigMap>(ns, selector);
    EXPECT_TRUE(found);
    for (const auto& object : *found) all += object.metadata().name() + " ";
    return all;
  };
  EXPECT_EQ(names("a", ""), "one two ");
  EXPECT_EQ(names("a", "app=web"), "one ");
  EXPECT_EQ(names("", "app in (web)"), "one three ");
  EXPECT_EQ(names("", "!app"), "");
  EXPECT_FALSE(host.cached_list<corev1::ConfigMap>("a", "app in (web"));
}

TEST_F(ScriptedHostTest, FindsByIndex) {
  auto owned = config_map("a", "owned", "web");
  auto& owner = *owned.mutable_metadata()->add_owner_references();
  owner.set_uid("u1");
  owner.set_controller(true);
  scripted.cache(owned, {{"data.place", "here"}});
  scripted.cache(config_map("a", "orphan", "web"), {{"data.place", "there"}});
  scripted.cache(config_map("b", "elsewhere", "web"), {{"data.place", "here"}});
  const auto names = [&](std::string_view index, std::string_view value, std::string_view ns = {},
                         std::string_view selector = {}) {
    std::string all;
    const auto found = host.cached_by_index<corev1::ConfigMap>(index, value, ns, selector);
    EXPECT_TRUE(found);
    for (const auto& object : *found) all += object.metadata().name() + " ";
    return all;
  };
  EXPECT_EQ(names("metadata.controller", "u1"), "owned ");
  EXPECT_EQ(names("metadata.controller", "", "a"), "orphan ");
  EXPECT_EQ(names("data.place", "here"), "owned elsewhere ");
  EXPECT_EQ(names("data.place", "here", "", "app=db"), "");
  EXPECT_EQ(host.cached_by_index<corev1::ConfigMap>("data.other", "x").error().code(), 400);
}

TEST_F(ScriptedHostTest, TasksRunWhenTheTestSaysSo) {
  std::string ran;
  ASSERT_TRUE(host.run_task([&] {
                    ran += "a";
                    EXPECT_TRUE(host.run_task([&] { ran += "c"; }).ok());
                  })
                  .ok());
  ASSERT_TRUE(host.run_task([&] { ran += "b"; }).ok());
  EXPECT_EQ(ran, "");
  EXPECT_EQ(scripted.tasks.run_all(), 3U);
  EXPECT_EQ(ran, "abc");
  for (size_t i = 0; i < ScriptedTasks::kMost; ++i) ASSERT_TRUE(host.run_task([] {}).ok());
  EXPECT_EQ(host.run_task([] {}).code(), 429);
  scripted.tasks.run_all();
}

TEST_F(ScriptedHostTest, MetricsAreNoted) {
  const auto sum = host.metric(GANTRY_METRIC_COUNTER, "greetings_total", "Greetings.", "to=\"all\"");
  const auto level = host.metric(GANTRY_METRIC_GAUGE, "level", "Level.");
  EXPECT_EQ(host.metric(GANTRY_METRIC_COUNTER, "greetings_total", "Greetings.", "to=\"all\""), sum);
  host.record(sum, 2);
  host.record(sum, 3);
  host.record(level, 7);
  host.record(level, 4);
  host.record(0, 100);
  EXPECT_EQ(scripted.metrics.value("greetings_total", "to=\"all\""), 5);
  EXPECT_EQ(scripted.metrics.value("greetings_total"), 0);
  EXPECT_EQ(scripted.metrics.value("level"), 4);
  EXPECT_EQ(scripted.metrics.records("level"), 2U);
}

TEST_F(ScriptedHostTest, CallsMadeAtOnceAreAnsweredInTheirOrder) {
  scripted.api = [](const abi::ApiRequest& request) -> ScriptedHost::Answer {
    if (request.name() == "bad") return Status::not_found("no such thing");
    return ScriptedHost::answer(config_map("a", request.name(), "x"));
  };
  std::vector<abi::ApiRequest> requests;
  for (const char* name : {"one", "bad", "two"}) {
    requests.push_back(sdk::Host::request_for<corev1::ConfigMap>(abi::ApiRequest::GET, "a", name));
  }
  const auto answers = host.call_all(requests);
  ASSERT_EQ(answers.size(), 3U);
  EXPECT_TRUE(answers[0]);
  EXPECT_EQ(answers[1].error().code(), 404);
  EXPECT_TRUE(answers[2]);
}

}  // namespace
}  // namespace gantry::testkit
