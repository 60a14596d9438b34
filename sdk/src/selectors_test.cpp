#include "gantry/selectors.hpp"

#include <gtest/gtest.h>

#include <map>
#include <vector>

namespace gantry::sdk {
namespace {

LabelMap map_of(const std::map<std::string, std::string>& labels) {
  LabelMap map;
  for (const auto& [key, value] : labels) map[key] = value;
  return map;
}

metav1::LabelSelector selector() {
  metav1::LabelSelector selector;
  (*selector.mutable_match_labels())["app"] = "web";
  const auto add = [&](const char* key, const char* op, std::vector<std::string> values) {
    auto& requirement = *selector.add_match_expressions();
    requirement.set_key(key);
    requirement.set_operator_(op);
    for (auto& value : values) requirement.add_values(std::move(value));
  };
  add("tier", "In", {"a", "b"});
  add("zone", "NotIn", {"far"});
  add("track", "Exists", {});
  add("old", "DoesNotExist", {});
  return selector;
}

bool matches(const std::map<std::string, std::string>& labels) { return selector_matches(selector(), map_of(labels)); }

TEST(Selectors, MatchAsTheApiDoes) {
  EXPECT_TRUE(matches({{"app", "web"}, {"tier", "a"}, {"track", ""}}));
  EXPECT_TRUE(matches({{"app", "web"}, {"tier", "b"}, {"track", "x"}, {"zone", "near"}, {"more", "y"}}));
  EXPECT_FALSE(matches({{"app", "api"}, {"tier", "a"}, {"track", ""}}));
  EXPECT_FALSE(matches({{"app", "web"}, {"tier", "c"}, {"track", ""}}));
  EXPECT_FALSE(matches({{"app", "web"}, {"track", ""}}));
  EXPECT_FALSE(matches({{"app", "web"}, {"tier", "a"}}));
  EXPECT_FALSE(matches({{"app", "web"}, {"tier", "a"}, {"track", ""}, {"zone", "far"}}));
  EXPECT_FALSE(matches({{"app", "web"}, {"tier", "a"}, {"track", ""}, {"old", "1"}}));
  EXPECT_TRUE(is_empty({}));
  EXPECT_FALSE(is_empty(selector()));
}

TEST(Selectors, AsText) {
  EXPECT_EQ(selector_text(selector()), "app=web,tier in (a,b),zone notin (far),track,!old");
  EXPECT_EQ(selector_text({}), "");
}

TEST(Selectors, AnEmptyOneMatchesEverythingAndAnUnknownOperatorNothing) {
  EXPECT_TRUE(selector_matches({}, {}));
  EXPECT_TRUE(selector_matches({}, map_of({{"a", "1"}})));
  metav1::LabelSelector odd;
  odd.add_match_expressions()->set_key("a");
  EXPECT_FALSE(is_empty(odd));
  for (const char* op : {"", "in", "Gt"}) {
    odd.mutable_match_expressions(0)->set_operator_(op);
    EXPECT_FALSE(selector_matches(odd, map_of({{"a", "1"}}))) << op;
    EXPECT_FALSE(selector_matches(odd, {})) << op;
  }
  odd.mutable_match_expressions(0)->set_operator_("In");
  EXPECT_FALSE(selector_matches(odd, map_of({{"a", ""}}))) << "in no list";
}

TEST(Selectors, LabelsHaveOthersOrAreTheSame) {
  const auto one = map_of({{"a", "1"}}), both = map_of({{"a", "1"}, {"b", "2"}});
  EXPECT_TRUE(has_labels(both, one));
  EXPECT_FALSE(has_labels(one, both));
  EXPECT_FALSE(has_labels(map_of({{"a", "2"}}), one));
  EXPECT_TRUE(has_labels({}, {}));
  EXPECT_TRUE(same_labels(both, both));
  EXPECT_FALSE(same_labels(both, one));
  EXPECT_FALSE(same_labels(one, map_of({{"a", "2"}})));
  EXPECT_FALSE(same_labels(one, map_of({{"b", "1"}})));
}

}  // namespace
}  // namespace gantry::sdk
