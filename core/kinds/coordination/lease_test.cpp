// Leases: numbers, and how a leader is chosen.
#include "core/kinds/cases_testing.hpp"

namespace gantry::kinds::coordination_lease_test {
namespace {

const Kind& leases() { return kind("coordination.k8s.io", "Lease"); }

TEST(Lease, Rules) {
  const auto spec = [](const std::string& fields) { return R"({"spec":{)" + fields + "}}"; };
  expect_problems(
      leases(), R"({"metadata":{"name":"l","namespace":"default"}})",
      {{spec(R"("leaseDurationSeconds":1,"leaseTransitions":0)"), {}},
       {spec(R"("leaseDurationSeconds":0)"), {"spec.leaseDurationSeconds: Invalid value: 0: must be greater than 0"}},
       {spec(R"("leaseTransitions":-1)"),
        {"spec.leaseTransitions: Invalid value: -1: must be greater than or equal to 0"}},
       {spec(R"("strategy":"OldestEmulationVersion","preferredHolder":"me")"), {}},
       {spec(R"("strategy":"acme.io/mine")"), {}},
       {spec(R"("strategy":"Mine")"),
        {R"(spec.strategy.strategy: Unsupported value: "Mine": supported values: "OldestEmulationVersion")"}},
       {spec(R"("strategy":"acme.io/a b")"), {R"(spec.strategy.strategy: Invalid value: "acme.io/a b": name part...)"}},
       {spec(R"("preferredHolder":"me")"),
        {"spec.preferredHolder: Forbidden: may only be specified if `strategy` is defined"}},
       {spec(R"("preferredHolder":"")"), {}}});
}

}  // namespace
}  // namespace gantry::kinds::coordination_lease_test
