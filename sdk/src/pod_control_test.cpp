#include "gantry/pod_control.hpp"

#include <gmock/gmock.h>

#include "gantry/refusals.hpp"
#include "sdk/testkit/scripted_host.hpp"

namespace gantry::sdk {
namespace {

using abi::ApiRequest;
using testing::ElementsAre;
using testkit::ScriptedHost;

struct PodControlTest : testing::Test {
  PodControlTest() {
    owner.set_namespace_("shop");
    owner.set_name("web");
    owner.set_uid("u1");
    scripted.api = [this](const ApiRequest& request) -> ScriptedHost::Answer {
      if (scripted.requests.size() == fails_at) return refusal;
      corev1::Pod pod = pod_of(request.name());
      if (request.verb() == ApiRequest::CREATE) {
        pod.ParseFromString(request.body());
        pod.mutable_metadata()->set_name(pod.metadata().generate_name() + std::to_string(scripted.requests.size()));
      }
      return ScriptedHost::answer(pod);
    };
  }
  static corev1::Pod pod_of(const std::string& name) {
    corev1::Pod pod;
    pod.mutable_metadata()->set_namespace_("shop");
    pod.mutable_metadata()->set_name(name);
    return pod;
  }
  std::vector<std::string> events() const {
    std::vector<std::string> texts;
    for (const auto& event : scripted.events) {
      EXPECT_EQ(event.regarding.api_version() + " " + event.regarding.kind() + " " + event.regarding.uid(),
                "batch/v1 Job u1");
      texts.push_back(event.type + " " + event.reason + " " + event.message);
    }
    return texts;
  }
  static std::vector<int32_t> codes(const std::vector<Status>& all) {
    std::vector<int32_t> codes;
    for (const auto& status : all) codes.push_back(status.code());
    return codes;
  }

  ScriptedHost scripted;
  Host host{&scripted.host};
  metav1::ObjectMeta owner;
  PodControl control{host, owner, "batch/v1", "Job"};
  Status refusal = Status::forbidden("quota");
  size_t fails_at = 0;
};

TEST_F(PodControlTest, CreatesAndTells) {
  corev1::Pod pod = pod_of("");
  pod.mutable_metadata()->set_generate_name("web-");
  fails_at = 2;
  EXPECT_THAT(codes(control.create(pod, 3)), ElementsAre(0, 403, 0));
  EXPECT_THAT(events(),
              ElementsAre("Normal SuccessfulCreate Created pod: web-1", "Warning FailedCreate Error creating: quota",
                          "Normal SuccessfulCreate Created pod: web-3"));
  EXPECT_EQ(scripted.requests[0].namespace_(), "shop");
  EXPECT_EQ(scripted.requests[0].resource(), "pods");
  EXPECT_EQ(control.create(std::vector<corev1::Pod>{pod, pod}).size(), 2U);
  EXPECT_EQ(scripted.requests.size(), 5U);
}

TEST_F(PodControlTest, ANamespaceThatEndsIsNoFailure) {
  fails_at = 1;
  StatusDetails details;
  details.causes.push_back({"NamespaceTerminating", "", ""});
  refusal = Status::forbidden("it ends").with_details(details);
  EXPECT_THAT(codes(control.create(pod_of(""), 1)), ElementsAre(0));
  EXPECT_TRUE(scripted.events.empty());
  EXPECT_TRUE(is_namespace_ending(refusal));
  EXPECT_FALSE(is_namespace_ending(Status::forbidden("another")));
  EXPECT_FALSE(is_namespace_ending(Status::forbidden("another").with_details({})));
}

TEST_F(PodControlTest, DeletesAndTells) {
  fails_at = 2;
  EXPECT_THAT(codes(control.remove({pod_of("a"), pod_of("b"), pod_of("c")})), ElementsAre(0, 403, 0));
  EXPECT_THAT(events(),
              ElementsAre("Normal SuccessfulDelete Deleted pod: a", "Warning FailedDelete Error deleting: quota",
                          "Normal SuccessfulDelete Deleted pod: c"));
  EXPECT_EQ(scripted.requests[2].name(), "c");
  EXPECT_EQ(scripted.requests[2].verb(), ApiRequest::DELETE);
}

TEST_F(PodControlTest, WhatIsGoneAlreadyIsNoFailure) {
  fails_at = 1;
  refusal = Status::not_found("none");
  EXPECT_THAT(codes(control.remove({pod_of("a")})), ElementsAre(0));
  EXPECT_TRUE(scripted.events.empty());
}

TEST(Refusals, TheFirstFailureOfMany) {
  EXPECT_TRUE(first_failure({}).ok());
  EXPECT_TRUE(first_failure({Status(), Status()}).ok());
  EXPECT_EQ(first_failure({Status(), Status::conflict("a"), Status::conflict("b")}).message(), "a");
}

TEST(Refusals, GoneIsAsWanted) {
  EXPECT_TRUE(unless_gone(Status()).ok());
  EXPECT_TRUE(unless_gone(Status::not_found("x")).ok());
  EXPECT_EQ(unless_gone(Status::conflict("x")).code(), 409);
  EXPECT_TRUE(unless_gone(Expected<int>(1)).ok());
  EXPECT_TRUE(unless_gone(Expected<int>(Status::not_found("x"))).ok());
  EXPECT_EQ(unless_gone(Expected<int>(Status::gone("x"))).code(), 410);
}

}  // namespace
}  // namespace gantry::sdk
