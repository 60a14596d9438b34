// What the controller does, seen through its entry point, with caches and answers that the test sets.
#include <gtest/gtest.h>

#include "gantry/testkit/controller_under_test.hpp"
#include "k8s.io/api/core/v1/config.pb.h"
#include "k8s.io/api/core/v1/namespace.pb.h"

namespace {

using namespace gantry;
using Request = gantry::abi::ApiRequest;

struct ConfigMirrorTest : ::testing::Test {
  ConfigMirrorTest() {
    for (const char* name : {"default", "shop"}) {
      corev1::Namespace ns;
      ns.mutable_metadata()->set_name(name);
      host.cache(ns);
    }
    host.api = [](const Request& request) -> Expected<gantry::abi::ApiResponse> {
      corev1::ConfigMap object;
      object.ParseFromString(request.body());
      return testkit::ScriptedHost::answer(object);
    };
  }
  corev1::ConfigMap config(const std::string& ns, const std::string& value) {
    corev1::ConfigMap object;
    object.mutable_metadata()->set_namespace_(ns);
    object.mutable_metadata()->set_name("settings");
    (*object.mutable_data())["colour"] = value;
    return object;
  }
  void cache_source(const std::string& value) {
    auto source = config("default", value);
    (*source.mutable_metadata()->mutable_labels())["mirror"] = "";
    host.cache(source);
  }
  void cache_copy(const std::string& value, bool ours = true) {
    auto copy = config("shop", value);
    if (ours) (*copy.mutable_metadata()->mutable_annotations())["mirrored-from"] = "default";
    host.cache(copy);
  }
  void reconcile() {
    const auto done = controller.reconcile("", "settings");
    EXPECT_TRUE(done) << done.error().message();
  }

  testkit::ScriptedHost host;
  testkit::ControllerUnderTest controller{host};
};

TEST_F(ConfigMirrorTest, CopiesToOtherNamespaces) {
  cache_source("red");
  reconcile();
  ASSERT_EQ(host.requests.size(), 1u);
  EXPECT_EQ(host.requests[0].verb(), Request::CREATE);
  EXPECT_EQ(host.requests[0].namespace_(), "shop");
}

TEST_F(ConfigMirrorTest, ChangesACopyThatDiffersAndNoOther) {
  cache_source("red");
  cache_copy("blue");
  reconcile();
  ASSERT_EQ(host.requests.size(), 1u);
  EXPECT_EQ(host.requests[0].verb(), Request::UPDATE);
  cache_copy("red");
  reconcile();
  EXPECT_EQ(host.requests.size(), 1u);
}

TEST_F(ConfigMirrorTest, RemovesTheCopyWithItsSource) {
  cache_copy("red");
  reconcile();
  ASSERT_EQ(host.requests.size(), 1u);
  EXPECT_EQ(host.requests[0].verb(), Request::DELETE);
}

TEST_F(ConfigMirrorTest, LeavesAloneWhatIsNotItsOwn) {
  cache_source("red");
  cache_copy("blue", false);
  reconcile();
  EXPECT_TRUE(host.requests.empty());
}

TEST_F(ConfigMirrorTest, ANewNamespaceConcernsEverySource) {
  cache_source("red");
  corev1::Namespace ns;
  ns.mutable_metadata()->set_name("new");
  const auto keys = controller.map(gantry::abi::ObjectEvent::ADDED, ns);
  ASSERT_EQ(keys.size(), 1u);
  EXPECT_EQ(keys[0].second, "settings");
}

}  // namespace
