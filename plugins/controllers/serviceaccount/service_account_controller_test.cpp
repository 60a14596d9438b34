#include "service_account_controller.hpp"

#include <gtest/gtest.h>

#include "k8s.io/api/core/v1/namespace.pb.h"
#include "k8s.io/api/core/v1/service_account.pb.h"
#include "sdk/testkit/scripted_host.hpp"

namespace gantry::service_accounts {
namespace {

using abi::ApiRequest;
using testkit::ScriptedHost;

struct ServiceAccountTest : testing::Test {
  ServiceAccountTest() {
    ns.mutable_metadata()->set_name("n");
    ns.mutable_status()->set_phase("Active");
    host.cache(ns);
    host.api = [this](const ApiRequest& request) -> ScriptedHost::Answer {
      if (request.verb() == ApiRequest::GET) return ScriptedHost::answer(ns);
      if (!refusal.ok()) return refusal;
      corev1::ServiceAccount account;
      account.ParseFromString(request.body());
      return ScriptedHost::answer(account);
    };
  }
  auto run() { return controller.reconcile({"", "n"}); }

  ScriptedHost host;
  ServiceAccountController controller{sdk::Host(&host.host)};
  corev1::Namespace ns;
  Status refusal;
};

TEST_F(ServiceAccountTest, MakesItWhereItIsMissing) {
  ASSERT_TRUE(run().ok());
  ASSERT_EQ(host.requests.size(), 1u);
  EXPECT_EQ(host.requests[0].verb(), ApiRequest::CREATE);
  EXPECT_EQ(host.requests[0].resource(), "serviceaccounts");
  EXPECT_EQ(host.requests[0].namespace_(), "n");
}

TEST_F(ServiceAccountTest, LeavesTheOneThatExists) {
  corev1::ServiceAccount account;
  account.mutable_metadata()->set_namespace_("n");
  account.mutable_metadata()->set_name("default");
  host.cache(account);
  ASSERT_TRUE(run().ok());
  EXPECT_TRUE(host.requests.empty());
}

TEST_F(ServiceAccountTest, ANamespaceThatEndsGetsNone) {
  ns.mutable_status()->set_phase("Terminating");
  host.cache(ns);
  ASSERT_TRUE(run().ok());
  EXPECT_TRUE(host.requests.empty());
}

TEST_F(ServiceAccountTest, OthersMayBeFirst) {
  refusal = Status::already_exists("there is one");
  EXPECT_TRUE(run().ok());
}

TEST_F(ServiceAccountTest, RefusalsOfAnEndingNamespaceAreNoFailure) {
  refusal = Status::forbidden("it is being terminated");
  EXPECT_FALSE(run().ok()) << "forbidden for another reason";
  ns.mutable_metadata()->mutable_deletion_timestamp()->set_seconds(1);
  EXPECT_TRUE(run().ok());
}

TEST_F(ServiceAccountTest, OtherFailuresAreTriedAgain) {
  refusal = Status::unavailable("not now");
  EXPECT_EQ(run().error().code(), 503);
}

TEST_F(ServiceAccountTest, OneThatIsGoneWakesItsNamespace) {
  const auto spec = controller.spec();
  ASSERT_EQ(spec.watches_size(), 2);
  EXPECT_EQ(spec.watches(1).mapping(), abi::WatchSpec::NAMESPACE);
  ASSERT_EQ(spec.watches(1).interests_size(), 1);
  EXPECT_EQ(spec.watches(1).interests(0), abi::WatchSpec::GONE);
}

}  // namespace
}  // namespace gantry::service_accounts
