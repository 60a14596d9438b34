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

}  // namespace
}  // namespace gantry::kinds::core_node_test
