// Tolerations of a pod and of its class: which of them stay, and that many cost what they are.
#include "core/admission/tolerations.hpp"

#include <gtest/gtest.h>

#include <boost/json/object.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <random>
#include <string>

#include "core/schema/values/json_access.hpp"

namespace gantry::admission {
namespace {

using boost::json::array;
using boost::json::object;

std::string merged(const std::string& list) {
  return boost::json::serialize(merged_tolerations(boost::json::parse(list).as_array()));
}

TEST(Tolerations, NeedlessOnesGo) {
  EXPECT_EQ(merged("[]"), "[]");
  EXPECT_EQ(merged(R"([{"key":"a"},{"key":"b"},{"key":"a"}])"), R"([{"key":"a"},{"key":"b"}])");
  EXPECT_EQ(merged(R"([{"key":"a","value":"1"},{"key":"a","operator":"Exists"},{"key":"a","value":"2"}])"),
            R"([{"key":"a","operator":"Exists"}])");
  EXPECT_EQ(merged(R"([{"key":"a","operator":"Exists","effect":"NoSchedule"},{"operator":"Exists"}])"),
            R"([{"operator":"Exists"}])");
  EXPECT_EQ(merged(R"([{"key":"a","effect":"NoExecute","tolerationSeconds":5},
                       {"key":"a","effect":"NoExecute","tolerationSeconds":9},
                       {"key":"a","effect":"NoExecute","tolerationSeconds":7}])"),
            R"([{"key":"a","effect":"NoExecute","tolerationSeconds":9}])");
  EXPECT_EQ(merged(R"([{"key":"a","operator":"Gt","value":"1"},{"key":"a","operator":"Gt","value":"1"},
                       {"key":"a","operator":"Gt","value":"2"}])"),
            R"([{"key":"a","operator":"Gt","value":"1"},{"key":"a","operator":"Gt","value":"2"}])");
  // Written in two ways, each makes the other needless.
  EXPECT_EQ(merged(R"([{"key":"a","value":"1"},{"key":"a","operator":"Equal","value":"1"}])"),
            R"([{"key":"a","operator":"Equal","value":"1"}])");
}

// What each pair of them says, one by one.
bool tolerates_all(const object& more, const object& less) {
  using schema::get_text;
  if (more == less) return true;
  const bool exists = get_text(more, "operator") == "Exists";
  const auto key = get_text(more, "key"), effect = get_text(more, "effect");
  if (key != get_text(less, "key") && !(key.empty() && exists)) return false;
  if (!effect.empty() && effect != get_text(less, "effect")) return false;
  constexpr std::string_view kSeconds = "tolerationSeconds";
  if (effect == "NoExecute" && more.contains(kSeconds)) {
    if (!less.contains(kSeconds)) return false;
    if (schema::get_number(less, kSeconds) > schema::get_number(more, kSeconds)) return false;
  }
  const auto is_equal = [](std::string_view how) { return how.empty() || how == "Equal"; };
  const bool equal = is_equal(get_text(more, "operator")) && is_equal(get_text(less, "operator"));
  return exists || (equal && get_text(more, "value") == get_text(less, "value"));
}

array merged_by_pairs(const array& all) {
  array out;
  for (size_t i = 0; i < all.size(); ++i) {
    const auto& one = all[i].get_object();
    bool needless = false;
    for (const auto& other : out) needless = needless || tolerates_all(other.get_object(), one);
    for (size_t j = i + 1; j < all.size(); ++j) {
      const auto& other = all[j].get_object();
      needless = needless || (other != one && tolerates_all(other, one));
    }
    if (!needless) out.push_back(one);
  }
  return out;
}

TEST(Tolerations, AreThoseThatComparingAllPairsLeaves) {
  std::mt19937 dice(7);
  const auto any = [&](std::initializer_list<const char*> of) { return *(of.begin() + dice() % of.size()); };
  for (int round = 0; round < 2000; ++round) {
    array all;
    for (size_t i = dice() % 7; i > 0; --i) {
      object one;
      const auto put = [&](const char* key, std::string_view text) {
        if (!text.empty()) one[key] = text;
      };
      put("key", any({"", "a", "b"}));
      put("operator", any({"", "Equal", "Exists", "Exists", "Lt"}));
      put("value", any({"", "1", "2"}));
      put("effect", any({"", "NoExecute", "NoExecute", "NoSchedule"}));
      if (dice() % 2 == 0) one["tolerationSeconds"] = static_cast<int64_t>(dice() % 3);
      all.push_back(one);
    }
    ASSERT_EQ(boost::json::serialize(merged_tolerations(all)), boost::json::serialize(merged_by_pairs(all)))
        << boost::json::serialize(all);
  }
}

TEST(Tolerations, ManyAreMergedToo) {
  array all;
  for (int i = 0; i < 20'000; ++i) all.push_back(object{{"key", "k" + std::to_string(i % 10'000)}, {"value", "v"}});
  EXPECT_EQ(merged_tolerations(all).size(), 10'000U);
  all.push_back(object{{"operator", "Exists"}});
  EXPECT_EQ(merged_tolerations(all).size(), 1U);
}

}  // namespace
}  // namespace gantry::admission
