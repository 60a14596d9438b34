#include "core/node/runtime/container_environment.hpp"

#include <gtest/gtest.h>

#include "core/node/node_testing.hpp"

namespace gantry::node {
namespace {

using Variables = std::vector<std::pair<std::string, std::string>>;

struct EnvironmentTest : ::testing::Test {
  EnvironmentTest() {
    corev1::ConfigMap map;
    map.mutable_metadata()->set_namespace_("ns");
    map.mutable_metadata()->set_name("map");
    (*map.mutable_data())["one"] = "1";
    (*map.mutable_data())["bad=name"] = "x";
    api.put("configmaps", map);
    corev1::Secret secret;
    secret.mutable_metadata()->set_namespace_("ns");
    secret.mutable_metadata()->set_name("secret");
    (*secret.mutable_data())["word"] = "open";
    api.put("secrets", secret);
    pod.mutable_metadata()->set_name("web");
    pod.mutable_metadata()->set_namespace_("ns");
    (*pod.mutable_metadata()->mutable_labels())["app"] = "a\"b";
    (*pod.mutable_metadata()->mutable_labels())["z"] = "2";
    container.set_name("c");
  }
  void add(const std::string& name, const std::string& value) {
    auto& variable = *container.add_env();
    variable.set_name(name);
    variable.set_value(value);
  }
  corev1::EnvVarSource& from(const std::string& name) {
    auto& variable = *container.add_env();
    variable.set_name(name);
    return *variable.mutable_value_from();
  }
  Expected<Variables> make() { return container_environment(pod, container, facts, *cache); }

  testing::PlayedApi api;
  std::unique_ptr<ObjectCache> cache = make_object_cache(
      api, [](const std::string&) {}, [](int64_t, std::function<void()>) {});
  corev1::Pod pod;
  corev1::Container container;
  PodFacts facts{"n1", "10.0.0.1", "10.42.0.7", {"10.0.0.1"}, {"10.42.0.7", "fd00::7"}, 2000, 4LL << 30};
};

TEST(Expand, FollowsTheRulesOfReferences) {
  const Variables known{{"A", "1"}, {"EMPTY", ""}};
  const std::pair<const char*, const char*> cases[] = {
      {"$(A)", "1"},      {"x$(A)y", "x1y"},  {"$$(A)", "$(A)"}, {"$$$(A)", "$1"},       {"$(B)", "$(B)"},
      {"$(EMPTY)|", "|"}, {"$A", "$A"},       {"$", "$"},        {"a$", "a$"},           {"$(A", "$(A"},
      {"$()", "$()"},     {"$(A)$(A)", "11"}, {"$$$$", "$$"},    {"$($(A))", "$($(A))"},
  };
  for (const auto& [text, expected] : cases) EXPECT_EQ(expand(text, known), expected) << text;
}

TEST_F(EnvironmentTest, LaterEntriesSeeEarlierOnesAndReplaceThem) {
  container.add_env_from()->mutable_config_map_ref()->mutable_local_object_reference()->set_name("map");
  container.mutable_env_from(0)->set_prefix("P_");
  add("FIRST", "$(SECOND)");
  add("SECOND", "$(P_one)2");
  add("P_one", "new $(P_one)");
  const auto made = make();
  ASSERT_TRUE(made.ok());
  EXPECT_EQ(*made, (Variables{{"P_one", "new 1"}, {"FIRST", "$(SECOND)"}, {"SECOND", "12"}}));
}

TEST_F(EnvironmentTest, ReadsReferences) {
  auto& key = *from("K").mutable_config_map_key_ref();
  key.mutable_local_object_reference()->set_name("map");
  key.set_key("one");
  auto& secret = *from("S").mutable_secret_key_ref();
  secret.mutable_local_object_reference()->set_name("secret");
  secret.set_key("word");
  from("IP").mutable_field_ref()->set_field_path("status.podIP");
  from("IPS").mutable_field_ref()->set_field_path("status.podIPs");
  from("LABEL").mutable_field_ref()->set_field_path("metadata.labels['z']");
  pod.mutable_spec()->add_containers()->set_name("c");
  from("CPU").mutable_resource_field_ref()->set_resource("limits.cpu");
  add("ALL", "$(K)-$(S)");
  const auto made = make();
  ASSERT_TRUE(made.ok()) << made.error().message();
  EXPECT_EQ(*made, (Variables{{"K", "1"},
                              {"S", "open"},
                              {"IP", "10.42.0.7"},
                              {"IPS", "10.42.0.7,fd00::7"},
                              {"LABEL", "2"},
                              {"CPU", "2"},
                              {"ALL", "1-open"}}));
}

TEST_F(EnvironmentTest, SaysWhatIsMissing) {
  auto& key = *from("K").mutable_config_map_key_ref();
  key.mutable_local_object_reference()->set_name("map");
  key.set_key("two");
  EXPECT_EQ(make().error().message(), "couldn't find key two in ConfigMap ns/map");
  key.set_optional(true);
  EXPECT_EQ(*make(), Variables{});
  key.set_optional(false);
  key.mutable_local_object_reference()->set_name("gone");
  EXPECT_EQ(make().error().message(), "configmap \"gone\" not found");
  container.clear_env();
  auto& all = *container.add_env_from()->mutable_secret_ref();
  all.mutable_local_object_reference()->set_name("gone");
  EXPECT_EQ(make().error().message(), "secret \"gone\" not found");
  all.set_optional(true);
  EXPECT_TRUE(make().ok());
}

TEST_F(EnvironmentTest, FormatsLabelsForFiles) {
  EXPECT_EQ(*field_value(pod, "metadata.labels", facts), "app=\"a\\\"b\"\nz=\"2\"");
  EXPECT_FALSE(field_value(pod, "spec.containers", facts).ok());
}

TEST_F(EnvironmentTest, RoundsAmountsUpByTheirDivisor) {
  auto& with = *pod.mutable_spec()->add_containers();
  with.set_name("c");
  (*with.mutable_resources()->mutable_limits())["cpu"].set_string("250m");
  (*with.mutable_resources()->mutable_requests())["memory"].set_string("1500Ki");
  const auto value = [&](const std::string& resource, const std::string& divisor) {
    corev1::ResourceFieldSelector selector;
    selector.set_resource(resource);
    selector.mutable_divisor()->set_string(divisor);
    return *resource_value(pod, selector, "c", facts);
  };
  EXPECT_EQ(value("limits.cpu", "1"), "1");
  EXPECT_EQ(value("limits.cpu", "1m"), "250");
  EXPECT_EQ(value("requests.memory", "1Mi"), "2");
  EXPECT_EQ(value("limits.memory", "1Gi"), "4");
  EXPECT_EQ(value("requests.cpu", "0"), "0");
}

TEST_F(EnvironmentTest, ValuesAreBytesButHoldNoNul) {
  corev1::Secret secret;
  secret.mutable_metadata()->set_namespace_("ns");
  secret.mutable_metadata()->set_name("bytes");
  (*secret.mutable_data())["raw"] = "\xFF\xFEraw";
  api.put("secrets", secret);
  auto& ref = *from("KEY").mutable_secret_key_ref();
  ref.mutable_local_object_reference()->set_name("bytes");
  ref.set_key("raw");
  container.add_env_from()->mutable_secret_ref()->mutable_local_object_reference()->set_name("bytes");
  const auto made = make();
  ASSERT_TRUE(made.ok()) << made.error().message();
  EXPECT_EQ(*made, (Variables{{"raw", "\xFF\xFEraw"}, {"KEY", "\xFF\xFEraw"}}));
  (*secret.mutable_data())["nul"] = std::string("a\0b", 3);
  api.put("secrets", secret);
  ASSERT_TRUE(api.wait([&] { return !make().ok(); }));
  EXPECT_EQ(make().error().message(),
            "environment variable \"nul\" has a value with a NUL byte, which no environment can hold");
  container.clear_env_from();
  container.mutable_env(0)->mutable_value_from()->mutable_secret_key_ref()->set_key("nul");
  EXPECT_EQ(make().error().message(),
            "environment variable \"KEY\" has a value with a NUL byte, which no environment can hold");
}

}  // namespace
}  // namespace gantry::node
