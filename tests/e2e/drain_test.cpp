// kubectl cordon, drain and uncordon on a real node, with a disruption budget in the way.
#include "tests/e2e/suite.hpp"

namespace gantry::e2e {
namespace {

class Drain : public Suite {
 protected:
  std::string node() const { return k({"get", "nodes", "-o", "jsonpath={.items[0].metadata.name}"}); }
  Output drain(const std::string& timeout) const {
    return try_k({"drain", node(), "--ignore-daemonsets", "--pod-selector=app=d", "--timeout=" + timeout});
  }
};

TEST_F(Drain, GoesAsFarAsTheBudgetAllows) {
  k({"apply", "-f", "-"}, deployment("d", 2) +
                              "---\napiVersion: policy/v1\nkind: PodDisruptionBudget\nmetadata: {name: d}\n"
                              "spec:\n  maxUnavailable: 1\n  selector: {matchLabels: {app: d}}\n");
  rollout("deployment/d");
  EXPECT_TRUE(eventually([&] { return path("poddisruptionbudget/d", "{.status.disruptionsAllowed}") == "1"; }));
  // One may go. Its successor finds no other node, so the other one has to stay.
  const auto stopped = drain("12s");
  EXPECT_NE(stopped.code, 0);
  EXPECT_TRUE(contains(stopped.err + stopped.out, "Cannot evict pod as it would violate the pod's disruption budget."))
      << stopped.err << stopped.out;
  EXPECT_TRUE(eventually([&] { return path("deployment/d", "{.status.readyReplicas}") == "1"; }));
  EXPECT_EQ(path("poddisruptionbudget/d", "{.status.disruptionsAllowed}"), "0");
  k({"delete", "poddisruptionbudget", "d"});
  const auto done = drain("30s");
  EXPECT_EQ(done.code, 0) << done.err << done.out;
  k({"uncordon", node()});
  rollout("deployment/d");
}

}  // namespace
}  // namespace gantry::e2e
