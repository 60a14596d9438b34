// The controller without a daemon: the test says what is in the caches and what the API answers.
#include <gtest/gtest.h>

#include "@NAME@.kinds.hpp"
#include "gantry/testkit/controller_under_test.hpp"

namespace {

using namespace gantry;
using @LOWER@::v1::@CLASS@;

struct @CLASS@Test : ::testing::Test {
  @CLASS@Test() {
    object.mutable_metadata()->set_namespace_("default");
    object.mutable_metadata()->set_name("one");
    object.mutable_metadata()->set_generation(3);
    object.mutable_spec()->set_text("hello");
    object.mutable_spec()->set_times(2);
    host.api = [](const gantry::abi::ApiRequest& request) -> Expected<gantry::abi::ApiResponse> {
      gantry::abi::ApiResponse response;
      response.set_code(200);
      response.add_objects(request.body());
      return response;
    };
  }
  @CLASS@ object;
  testkit::ScriptedHost host;
  testkit::ControllerUnderTest controller{host};
};

TEST_F(@CLASS@Test, SaysItInTheStatusOnce) {
  host.cache(object);
  ASSERT_TRUE(controller.reconcile("default", "one"));
  ASSERT_EQ(host.requests.size(), 1u);
  EXPECT_EQ(host.requests[0].subresource(), "status");
  @CLASS@ written;
  ASSERT_TRUE(written.ParseFromString(host.requests[0].body()));
  EXPECT_EQ(written.status().said(), "hello hello");
  EXPECT_EQ(written.status().conditions(0).status(), "True");
  EXPECT_EQ(written.status().observed_generation(), 3);
  host.cache(written);
  ASSERT_TRUE(controller.reconcile("default", "one"));
  EXPECT_EQ(host.requests.size(), 1u);
}

TEST_F(@CLASS@Test, OneThatIsGoneIsNoError) {
  ASSERT_TRUE(controller.reconcile("default", "gone"));
  EXPECT_TRUE(host.requests.empty());
}

}  // namespace
