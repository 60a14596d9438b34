// Nodes, Namespaces and Leases.
#include "core/kinds/kinds_testing.hpp"

namespace gantry::kinds::core_node_test {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

TEST(Node, KeepsItsRange) {
  EXPECT_THAT(problems(kind("", "Node"), R"({"metadata":{"name":"n"},"spec":{"taints":[{"key":"a","effect":"No"}]}})"),
              ElementsAre("spec.taints[0].effect: Unsupported value: \"No\": supported values: \"NoSchedule\", "
                          "\"PreferNoSchedule\", \"NoExecute\""));
  EXPECT_THAT(
      problems(
          kind("", "Node"),
          R"({"metadata":{"name":"n"},"spec":{"taints":[{"key":"a","effect":"NoExecute"},{"key":"a","effect":"NoExecute"}]}})")
          .size(),
      1u);
  EXPECT_THAT(problems(kind("", "Node"),
                       R"({"metadata":{"name":"n"},"spec":{"podCIDR":"10.0.0.0/24","podCIDRs":["10.0.0.0/24"]}})",
                       R"({"metadata":{"name":"n"}})"),
              IsEmpty());
  EXPECT_THAT(problems(kind("", "Node"), R"({"metadata":{"name":"n"},"spec":{"podCIDRs":["10.0.1.0/24"]}})",
                       R"({"metadata":{"name":"n"},"spec":{"podCIDRs":["10.0.0.0/24"]}})")
                  .size(),
              1u);
}

TEST(Node, TaintsAreTold) {
  const Kind& node = kind("", "Node");
  const auto problems = [&](std::string_view taints) {
    return lines(validate(
        node, made(node, R"({"metadata":{"name":"n"}})", R"({"spec":{"taints":)" + std::string(taints) + "}}")));
  };
  EXPECT_THAT(problems(R"([{"key":"a","effect":"NoSchedule"},{"key":"a","effect":"NoExecute"}])"), IsEmpty());
  EXPECT_THAT(
      problems(
          R"([{"key":"a","effect":"NoSchedule"},{"key":"b","effect":"NoSchedule"},{"key":"a","effect":"NoSchedule"}])"),
      ElementsAre(HasSubstr("spec.taints[2]: Duplicate value: {\"effect\":\"NoSchedule\",\"key\":\"a\"}")));
}

TEST(Namespace, HasNoDotsInItsName) {
  EXPECT_THAT(problems(kind("", "Namespace"), R"({"metadata":{"name":"a.b"}})"),
              ElementsAre(HasSubstr("metadata.name: Invalid value: \"a.b\": must not contain dots")));
}

TEST(Lease, HasNoNegativeNumbers) {
  const Kind& lease = kind("coordination.k8s.io", "Lease");
  EXPECT_THAT(
      lines(validate(
          lease,
          made(lease, R"({"metadata":{"name":"l"},"spec":{"leaseDurationSeconds":0,"leaseTransitions":-1}})", "{}"))),
      ElementsAre("spec.leaseDurationSeconds: Invalid value: 0: must be greater than 0",
                  "spec.leaseTransitions: Invalid value: -1: must be greater than or equal to 0"));
}

TEST(Node, WhatIsGivenOnceStays) {
  const auto change = [](std::string_view next, std::string_view old) {
    const auto node = [](std::string_view spec) {
      return R"({"metadata":{"name":"n"},"spec":)" + std::string(spec) + "}";
    };
    return problems(kind("", "Node"), node(next), node(old));
  };
  EXPECT_THAT(change(R"({"providerID":"a"})", "{}"), IsEmpty());
  EXPECT_THAT(change(R"({"providerID":"a","unschedulable":true})", R"({"providerID":"a"})"), IsEmpty());
  EXPECT_THAT(
      change(R"({"providerID":"b"})", R"({"providerID":"a"})"),
      ElementsAre("spec.providerID: Forbidden: node updates may not change providerID except from \"\" to valid"));
  EXPECT_THAT(change(R"({"podCIDRs":["10.0.0.0/24"],"unschedulable":true})", R"({"podCIDRs":["10.0.0.0/24"]})"),
              IsEmpty());
  EXPECT_THAT(change(R"({"podCIDRs":["10.0.0.0"]})", "{}"),
              ElementsAre(HasSubstr("spec.podCIDRs[0]: Invalid value: \"10.0.0.0\": must be a valid CIDR value")));
  EXPECT_THAT(change(R"({"podCIDRs":["10.0.0.1/24"]})", "{}"),
              ElementsAre("spec.podCIDRs[0]: Invalid value: \"10.0.0.1/24\": must not have bits set beyond the prefix "
                          "length"));
  EXPECT_THAT(change(R"({"podCIDRs":["10.0.0.1/24"],"unschedulable":true})", R"({"podCIDRs":["10.0.0.1/24"]})"),
              IsEmpty());
}

TEST(Node, SaysItselfWhatCanBeUsed) {
  const auto allocatable = [](std::string_view status) {
    const Json node = made(kind("", "Node"), R"({"metadata":{"name":"n"},"status":)" + std::string(status) + "}");
    return std::string(node.at("status").at("allocatable").at("cpu").as_string());
  };
  EXPECT_EQ(allocatable(R"({"capacity":{"cpu":"4"}})"), "4");
  EXPECT_EQ(allocatable(R"({"capacity":{"cpu":"4"},"allocatable":{"cpu":"3"}})"), "3");
}

TEST(Namespace, EndsAfterItsDeletionAlone) {
  const auto change = [](std::string_view deleted, std::string_view phase) {
    const auto ns = [&](std::string_view now) {
      return R"({"metadata":{"name":"n")" + std::string(deleted) + R"(},"status":{"phase":")" + std::string(now) +
             "\"}}";
    };
    return problems(kind("", "Namespace"), ns(phase), ns(phase == "Active" ? "Terminating" : "Active"));
  };
  constexpr std::string_view kDeleted = R"(,"deletionTimestamp":"2026-01-01T00:00:00Z")";
  EXPECT_THAT(change("", "Active"), IsEmpty());
  EXPECT_THAT(change(kDeleted, "Terminating"), IsEmpty());
  EXPECT_THAT(change("", "Terminating"), ElementsAre("status.Phase: Invalid value: \"Terminating\": may only be "
                                                     "'Active' if `deletionTimestamp` is empty"));
  EXPECT_THAT(change(kDeleted, "Active"), ElementsAre("status.Phase: Invalid value: \"Active\": may only be "
                                                      "'Terminating' if `deletionTimestamp` is not empty"));
}

TEST(Namespace, FinalizersAreStandardOrQualified) {
  const auto with = [](std::string_view name) {
    return problems(kind("", "Namespace"),
                    R"({"metadata":{"name":"n"},"spec":{"finalizers":[")" + std::string(name) + "\"]}}");
  };
  for (std::string_view good : {"kubernetes", "orphan", "foregroundDeletion", "example.com/a"}) {
    EXPECT_THAT(with(good), IsEmpty()) << good;
  }
  EXPECT_THAT(with("mine"), ElementsAre("spec.finalizers[0]: Invalid value: \"mine\": name is neither a standard "
                                        "finalizer name nor is it fully qualified"));
  EXPECT_THAT(with("a b"), ElementsAre(HasSubstr("spec.finalizers[0]: Invalid value: \"a b\": name part must")));
}

}  // namespace
}  // namespace gantry::kinds::core_node_test
