// The object cache against a played API.
#include "core/node/volumes/objects.hpp"

#include <gtest/gtest.h>

#include "core/node/node_testing.hpp"

namespace gantry::node {
namespace {

corev1::ConfigMap config_map(const std::string& name, const std::string& value) {
  corev1::ConfigMap map;
  map.mutable_metadata()->set_namespace_("default");
  map.mutable_metadata()->set_name(name);
  (*map.mutable_data())["key"] = value;
  return map;
}

corev1::Pod user_of(const std::string& name, const std::string& uid) {
  corev1::Pod pod;
  pod.mutable_metadata()->set_namespace_("default");
  pod.mutable_metadata()->set_uid(uid);
  auto& volume = *pod.mutable_spec()->add_volumes();
  volume.mutable_volume_source()->mutable_config_map()->mutable_local_object_reference()->set_name(name);
  return pod;
}

struct ObjectsTest : ::testing::Test {
  testing::PlayedApi api;
  std::mutex mutex;
  std::vector<std::string> changed;
  std::unique_ptr<ObjectCache> cache = make_object_cache(
      api,
      [this](const std::string& uid) {
        const std::lock_guard lock(mutex);
        changed.push_back(uid);
      },
      [](int64_t, std::function<void()>) {});
};

TEST_F(ObjectsTest, WhatNobodyHoldsIsAskedForEachTime) {
  api.put("configmaps", config_map("a", "1"));
  ASSERT_TRUE(cache->config_map("default", "a").ok());
  api.put("configmaps", config_map("a", "2"));
  EXPECT_EQ(cache->config_map("default", "a")->data().at("key"), "2");
  EXPECT_EQ(api.watchers(), 0u);
}

TEST_F(ObjectsTest, SaysWhatIsMissingAsTheKubeletDoes) {
  EXPECT_EQ(cache->config_map("default", "x").error().message(), "configmap \"x\" not found");
  EXPECT_EQ(cache->secret("default", "x").error().message(), "secret \"x\" not found");
  cache->hold(user_of("x", "p1"));
  EXPECT_EQ(cache->config_map("default", "x").error().message(), "configmap \"x\" not found");
}

TEST_F(ObjectsTest, HeldObjectsComeFromTheWatchAndTellOfChanges) {
  api.put("configmaps", config_map("a", "1"));
  cache->hold(user_of("a", "p1"));
  cache->hold(user_of("a", "p2"));
  EXPECT_EQ(api.watchers(), 1u);
  EXPECT_EQ(cache->config_map("default", "a")->data().at("key"), "1");
  EXPECT_EQ(api.calls(client::ApiRequest::GET), 0);
  EXPECT_TRUE(changed.empty());
  api.put("configmaps", config_map("a", "2"));
  EXPECT_EQ(changed, (std::vector<std::string>{"p1", "p2"}));
  EXPECT_EQ(cache->config_map("default", "a")->data().at("key"), "2");
  api.remove("configmaps", "default", "a");
  EXPECT_EQ(changed.size(), 4u);
  EXPECT_EQ(cache->config_map("default", "a").error().code(), 404);
}

TEST_F(ObjectsTest, TheWatchEndsWithItsLastPod) {
  cache->hold(user_of("a", "p1"));
  cache->hold(user_of("a", "p2"));
  cache->release("p1");
  EXPECT_EQ(api.watchers(), 1u);
  cache->release("p2");
  cache->release("p2");
  EXPECT_EQ(api.watchers(), 0u);
}

TEST_F(ObjectsTest, AnUnreachableApiIsAnErrorAndNotAnAbsence) {
  api.refuse = [](const client::ApiRequest&) { return Status::unavailable("connection refused"); };
  EXPECT_EQ(cache->config_map("default", "a").error().message(), "connection refused");
}

}  // namespace
}  // namespace gantry::node
