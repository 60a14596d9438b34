// What may change of a pod, and of its status.
#include "core/kinds/parts/pod_testing.hpp"

namespace gantry::kinds::parts_pod_update_rules_test {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

TEST(PodUpdate, OnlySomeFieldsMayChange) {
  EXPECT_THAT(pod_update("{}", R"({"spec":{"containers":[{"name":"c","image":"nginx","command":["x"]}]}})"),
              ElementsAre(HasSubstr(
                  "spec: Forbidden: pod updates may not change fields other than `spec.containers[*].image`,"
                  "`spec.initContainers[*].image`,`spec.activeDeadlineSeconds`,`spec.tolerations` (only additions to "
                  "existing tolerations),`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was "
                  "previously negative)\n")));
  // The pull policy was defaulted on create and stays.
  EXPECT_THAT(pod_update(R"({"spec":{"containers":[{"name":"c","image":"nginx:1","imagePullPolicy":"Never"}]}})",
                         R"({"spec":{"containers":[{"name":"c","image":"nginx:2","imagePullPolicy":"Never"}]}})"),
              IsEmpty());
  EXPECT_THAT(pod_update("{}", R"({"spec":{"containers":[{"name":"c","image":"nginx"},{"name":"d","image":"i"}]}})"),
              ElementsAre("spec.containers: Forbidden: pod updates may not add or remove containers"));
  EXPECT_THAT(pod_update("{}", R"({"spec":{"nodeName":"n"}})"),
              ElementsAre(HasSubstr("pod updates may not change fields")));
  EXPECT_THAT(
      pod_update(R"({"spec":{"terminationGracePeriodSeconds":-3}})", R"({"spec":{"terminationGracePeriodSeconds":1}})"),
      IsEmpty());
  EXPECT_THAT(pod_update("{}", R"({"spec":{"terminationGracePeriodSeconds":1}})").size(), 1u);
}

TEST(PodUpdate, DeadlinesShrinkAndTolerationsGrow) {
  EXPECT_THAT(pod_update("{}", R"({"spec":{"activeDeadlineSeconds":10}})"), IsEmpty());
  EXPECT_THAT(pod_update(R"({"spec":{"activeDeadlineSeconds":10}})", R"({"spec":{"activeDeadlineSeconds":9}})"),
              IsEmpty());
  EXPECT_THAT(
      pod_update(R"({"spec":{"activeDeadlineSeconds":10}})", R"({"spec":{"activeDeadlineSeconds":11}})"),
      ElementsAre("spec.activeDeadlineSeconds: Invalid value: 11: must be less than or equal to previous value"));
  EXPECT_THAT(
      pod_update(R"({"spec":{"activeDeadlineSeconds":10}})", "{}"),
      ElementsAre(
          "spec.activeDeadlineSeconds: Invalid value: null: must not update from a positive integer to nil value"));
  constexpr std::string_view kOne =
      R"({"spec":{"tolerations":[{"key":"a","operator":"Exists","effect":"NoExecute"}]}})";
  EXPECT_THAT(pod_update("{}", kOne), IsEmpty());
  EXPECT_THAT(
      pod_update(
          kOne,
          R"({"spec":{"tolerations":[{"key":"a","operator":"Exists","effect":"NoExecute","tolerationSeconds":5}]}})"),
      IsEmpty());
  EXPECT_THAT(
      pod_update(kOne, "{}"),
      ElementsAre("spec.tolerations: Forbidden: existing toleration can not be modified except its tolerationSeconds"));
}

TEST(PodUpdate, GatesGoAndNeverCome) {
  constexpr std::string_view kGated = R"({"spec":{"schedulingGates":[{"name":"a/b"}]}})";
  EXPECT_THAT(pod_update(kGated, "{}"), IsEmpty());
  EXPECT_THAT(pod_update(kGated, R"({"spec":{"schedulingGates":[{"name":"a/b"}],"nodeSelector":{"x":"y"}}})"),
              IsEmpty());
  EXPECT_THAT(
      pod_update("{}", kGated),
      ElementsAre(
          "spec.schedulingGates[0].name: Forbidden: only deletion is allowed, but found new scheduling gate 'a/b'"));
}

TEST(PodUpdate, TheStatusIsJudgedByItself) {
  EXPECT_THAT(pod_update("{}", R"({"status":{"phase":"Running","podIPs":[{"ip":"10.0.0.1"}]}})"), IsEmpty());
  EXPECT_THAT(pod_update("{}", R"({"status":{"podIPs":[{"ip":"10.0.0"}]}})"),
              ElementsAre(HasSubstr("status.podIPs[0]: Invalid value: \"10.0.0\"")));
  // An old object that newer rules would refuse can still get a status.
  Json old = pod(R"({"spec":{"restartPolicy":"Odd"}})"), next = old;
  next.as_object()["status"] = parsed(R"({"phase":"Failed"})");
  EXPECT_THAT(lines(validate(pod_kind(), next, &old)), IsEmpty());
  constexpr std::string_view kDone =
      R"({"spec":{"restartPolicy":"Never"},"status":{"containerStatuses":[{"name":"c","state":{"terminated":{"exitCode":1}}}]}})";
  constexpr std::string_view kBack =
      R"({"spec":{"restartPolicy":"Never"},"status":{"containerStatuses":[{"name":"c","state":{"running":{}}}]}})";
  EXPECT_THAT(
      pod_update(kDone, kBack),
      ElementsAre("status.containerStatuses[0].state: Forbidden: may not be transitioned to non-terminated state"));
  EXPECT_THAT(pod_update(kBack, kDone), IsEmpty());
}

TEST(PodUpdate, TheStatusHasAddresses) {
  constexpr std::string_view kGood =
      R"({"status":{"podIP":"10.0.0.1","podIPs":[{"ip":"10.0.0.1"},{"ip":"fd00::1"}],"hostIP":"1.1.1.1","hostIPs":[{"ip":"1.1.1.1"}]}})";
  EXPECT_THAT(pod_update("{}", kGood), IsEmpty());
  EXPECT_THAT(pod_update("{}", R"({"status":{"podIP":"nope"}})"),
              ElementsAre(HasSubstr("status.podIPs[0]: Invalid value: \"nope\": must be a valid IP address")));
  EXPECT_THAT(pod_update("{}", R"({"status":{"podIP":"nope","podIPs":[{"ip":"10.0.0.1"}]}})"),
              ElementsAre(HasSubstr("status.podIPs[0]: Invalid value: \"nope\"")));
  EXPECT_THAT(pod_update("{}", R"({"status":{"podIPs":[{"ip":"10.0.0.1"},{"ip":"10.0.0.2"}]}})"),
              ElementsAre(HasSubstr("may specify no more than one IP for each IP family")));
  EXPECT_THAT(pod_update("{}", R"({"status":{"hostIP":"1.1.1.1","hostIPs":[{"ip":"nope"}]}})"),
              ElementsAre("status.hostIPs[0].ip: Invalid value: \"nope\": must be equal to `hostIP`",
                          HasSubstr("status.hostIPs[0]: Invalid value: \"nope\"")));
  EXPECT_THAT(pod_update("{}", R"({"status":{"podIP":"10.0.0.01"}})"),
              ElementsAre("status.podIPs[0]: Invalid value: \"10.0.0.01\": must not have leading 0s"));
  // What was there may stay; what comes may not.
  constexpr std::string_view kOld = R"({"status":{"podIP":"nope"}})";
  EXPECT_THAT(pod_update(kOld, R"({"status":{"podIP":"nope","phase":"Running"}})"), IsEmpty());
  EXPECT_THAT(pod_update(kOld, R"({"status":{"podIP":"none","phase":"Running"}})"),
              ElementsAre(HasSubstr("status.podIPs[0]: Invalid value: \"none\"")));
}

TEST(PodUpdate, ARestartedContainerIsTold) {
  const auto with = [](std::string_view policy, std::string_view own, std::string_view state) {
    return R"({"spec":{"restartPolicy":")" + std::string(policy) + R"(","containers":[{"name":"c","image":"nginx")" +
           std::string(own) + R"(}]},"status":{"containerStatuses":[{"name":"c","state":)" + std::string(state) +
           "}]}}";
  };
  constexpr std::string_view kEnded = R"({"terminated":{"exitCode":0}})", kFailed = R"({"terminated":{"exitCode":1}})";
  constexpr std::string_view kRunning = R"({"running":{}})", kOwn = R"(,"restartPolicy":"Always")";
  EXPECT_THAT(pod_update(with("Never", "", kFailed), with("Never", "", kRunning)), SizeIs(1));
  EXPECT_THAT(pod_update(with("OnFailure", "", kEnded), with("OnFailure", "", kRunning)), SizeIs(1));
  EXPECT_THAT(pod_update(with("OnFailure", "", kFailed), with("OnFailure", "", kRunning)), IsEmpty());
  EXPECT_THAT(pod_update(with("Never", kOwn, kFailed), with("Never", kOwn, kRunning)), IsEmpty());
  EXPECT_THAT(pod_update(with("Always", "", kFailed), with("Always", "", kRunning)), IsEmpty());
}

}  // namespace
}  // namespace gantry::kinds::parts_pod_update_rules_test
