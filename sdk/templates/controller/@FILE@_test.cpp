// The controller without a daemon: the test says what is in the caches and what the API answers.
#include <gtest/gtest.h>

#include "gantry/testkit/controller_under_test.hpp"
#include "k8s.io/api/core/v1/config.pb.h"

namespace {

using namespace gantry;

struct @CLASS@Test : ::testing::Test {
  // Puts a config map with these entries into the cache.
  void cache(std::initializer_list<const char*> keys, const std::string& annotation = {}) {
    corev1::ConfigMap object;
    object.mutable_metadata()->set_namespace_("default");
    object.mutable_metadata()->set_name("settings");
    for (const char* key : keys) (*object.mutable_data())[key] = "value";
    if (!annotation.empty()) (*object.mutable_metadata()->mutable_annotations())["@NAME@/entries"] = annotation;
    host.cache(object);
    host.api = [object](const gantry::abi::ApiRequest&) { return testkit::ScriptedHost::answer(object); };
  }

  testkit::ScriptedHost host;
  testkit::ControllerUnderTest controller{host};
};

TEST_F(@CLASS@Test, WritesTheNumberOfEntries) {
  cache({"colour", "size"});
  ASSERT_TRUE(controller.reconcile("default", "settings"));
  ASSERT_EQ(host.requests.size(), 1u);
  EXPECT_EQ(host.requests[0].verb(), gantry::abi::ApiRequest::PATCH);
  EXPECT_EQ(host.requests[0].body(), R"({"metadata":{"annotations":{"@NAME@/entries":"2"}}})");
}

TEST_F(@CLASS@Test, WritesNothingWhenAllIsWell) {
  cache({"colour"}, "1");
  ASSERT_TRUE(controller.reconcile("default", "settings"));
  EXPECT_TRUE(host.requests.empty());
}

TEST_F(@CLASS@Test, AConfigMapThatIsGoneIsNoError) {
  ASSERT_TRUE(controller.reconcile("default", "gone"));
  EXPECT_TRUE(host.requests.empty());
}

}  // namespace
