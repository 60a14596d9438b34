// What the controller does with its own kind, seen through its entry point.
#include <gtest/gtest.h>

#include "gantry/testkit/controller_under_test.hpp"
#include "k8s.io/api/core/v1/config.pb.h"
#include "website.kinds.hpp"

namespace {

using namespace gantry;
using demo::v1::Website;
using Request = gantry::abi::ApiRequest;

struct WebsiteTest : ::testing::Test {
  WebsiteTest() {
    auto& meta = *site.mutable_metadata();
    meta.set_namespace_("shop");
    meta.set_name("front");
    meta.set_uid("u1");
    meta.set_generation(2);
    site.mutable_spec()->set_title("The shop");
    site.mutable_spec()->set_theme("dark");
    (*site.mutable_spec()->mutable_pages())["index"] = "Welcome";
    host.api = [](const Request& request) -> Expected<gantry::abi::ApiResponse> {
      gantry::abi::ApiResponse response;
      response.set_code(200);
      response.add_objects(request.body());
      return response;
    };
  }
  void reconcile() {
    host.cache(site);
    const auto done = controller.reconcile("shop", "front");
    EXPECT_TRUE(done) << done.error().message();
  }

  Website site;
  testkit::ScriptedHost host;
  testkit::ControllerUnderTest controller{host};
};

TEST_F(WebsiteTest, PutsThePagesIntoAConfigMapAndSaysSo) {
  reconcile();
  ASSERT_EQ(host.requests.size(), 2u);
  EXPECT_EQ(host.requests[0].verb(), Request::CREATE);
  EXPECT_EQ(host.requests[0].resource(), "configmaps");
  corev1::ConfigMap pages;
  ASSERT_TRUE(pages.ParseFromString(host.requests[0].body()));
  EXPECT_NE(pages.data().at("index.html").find("<h1>The shop</h1>\nWelcome"), std::string::npos);
  EXPECT_EQ(pages.metadata().owner_references(0).uid(), "u1");
  EXPECT_EQ(host.requests[1].group(), "demo.gantry.dev");
  EXPECT_EQ(host.requests[1].resource(), "websites");
  EXPECT_EQ(host.requests[1].subresource(), "status");
  Website written;
  ASSERT_TRUE(written.ParseFromString(host.requests[1].body()));
  EXPECT_EQ(written.status().state(), "Published");
  EXPECT_EQ(written.status().observed_generation(), 2);
}

TEST_F(WebsiteTest, LeavesAloneWhatIsAsItShallBe) {
  reconcile();
  corev1::ConfigMap pages;
  ASSERT_TRUE(pages.ParseFromString(host.requests[0].body()));
  pages.mutable_metadata()->set_namespace_("shop");
  host.cache(pages);
  ASSERT_TRUE(site.ParseFromString(host.requests[1].body()));
  reconcile();
  EXPECT_EQ(host.requests.size(), 2u);
}

TEST_F(WebsiteTest, AConfigMapOfSomebodyElseStays) {
  corev1::ConfigMap other;
  other.mutable_metadata()->set_namespace_("shop");
  other.mutable_metadata()->set_name("front-pages");
  host.cache(other);
  host.cache(site);
  EXPECT_FALSE(controller.reconcile("shop", "front"));
  EXPECT_TRUE(host.requests.empty());
}

TEST_F(WebsiteTest, BringsItsKind) {
  const auto* kinds = sdk::kinds_table<gantry::kinds::website>();
  EXPECT_GT(kinds->descriptor_set(nullptr).size, 1000u);
}

}  // namespace
