#include "label_selector.hpp"

#include <gtest/gtest.h>

namespace gantry::testkit {
namespace {

bool matches(std::string_view selector, const LabelSelector::Labels& labels) {
  const auto parsed = LabelSelector::parse(selector);
  EXPECT_TRUE(parsed) << selector;
  return parsed && parsed->matches(labels);
}

TEST(LabelSelector, SaysWhatADaemonsCachesSay) {
  const LabelSelector::Labels web = {{"app", "web"}, {"tier", "front"}};
  for (const char* yes : {"", "app", "app=web", "app == web", "app!=db", "missing!=x", "!missing", "app in (db, web)",
                          "tier notin (back)", "missing notin (x)", "app=web,tier in (front,back),!old"}) {
    EXPECT_TRUE(matches(yes, web)) << yes;
  }
  for (const char* no : {"missing", "app=db", "app!=web", "!app", "app in (db)", "missing in (x)", "app notin (web,db)",
                         "app=web,tier in (back,side)", "app="}) {
    EXPECT_FALSE(matches(no, web)) << no;
  }
}

TEST(LabelSelector, WhatIsNoSelectorIsAnError) {
  for (const char* bad : {"app in (web", "app near (web)", "in (a)", "=web", "a b", ",", "app in web)"}) {
    EXPECT_FALSE(LabelSelector::parse(bad)) << bad;
  }
}

}  // namespace
}  // namespace gantry::testkit
