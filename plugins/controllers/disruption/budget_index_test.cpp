#include "budget_index.hpp"

#include <gtest/gtest.h>

#include "sdk/testkit/scripted_host.hpp"
#include "testing.hpp"

namespace gantry::disruption {
namespace {

using Names = std::vector<std::string>;

struct IndexTest : testing::Test {
  static abi::ObjectEvent event(abi::ObjectEvent::Type type, const policyv1::PodDisruptionBudget& budget) {
    abi::ObjectEvent event;
    event.set_type(type);
    event.set_object(budget.SerializeAsString());
    return event;
  }
  Names of(const std::string& app, const std::string& ns = "shop") {
    sdk::LabelMap labels;
    labels["app"] = app;
    return index.matching(ns, labels);
  }
  testkit::ScriptedHost host;
  BudgetIndex index{sdk::Host(&host.host)};
};

TEST_F(IndexTest, BeginsWithTheCacheAndFollowsTheEvents) {
  host.cache(budget_of("a", "web"));
  host.cache(budget_of("b", "db"));
  EXPECT_EQ(of("web"), Names{"a"});
  EXPECT_EQ(of("web", "elsewhere"), Names{});
  index.note(event(abi::ObjectEvent::ADDED, budget_of("c", "web")));
  EXPECT_EQ(of("web"), (Names{"a", "c"}));
  index.note(event(abi::ObjectEvent::MODIFIED, budget_of("a", "db")));
  EXPECT_EQ(of("web"), Names{"c"});
  EXPECT_EQ(of("db"), (Names{"a", "b"}));
  index.note(event(abi::ObjectEvent::DELETED, budget_of("b", "db")));
  EXPECT_EQ(of("db"), Names{"a"});
  EXPECT_EQ(host.given<policyv1::PodDisruptionBudget>(), (std::map<std::string, size_t>{{"a", 1}, {"b", 1}}));
}

TEST_F(IndexTest, NoSelectorIsNoPodAndAnEmptyOneEveryPod) {
  auto none = budget_of("none", "web");
  none.mutable_spec()->clear_selector();
  auto all = budget_of("all", "web");
  all.mutable_spec()->mutable_selector()->clear_match_labels();
  host.cache(none);
  host.cache(all);
  EXPECT_EQ(of("web"), Names{"all"});
  auto given_up = all;
  given_up.mutable_spec()->clear_selector();
  index.note(event(abi::ObjectEvent::MODIFIED, given_up));
  EXPECT_EQ(of("web"), Names{});
}

}  // namespace
}  // namespace gantry::disruption
