#include "core/limits/notices.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <vector>

#include "gantry/abi/log.h"

namespace gantry::limits {
namespace {

using testing::ElementsAre;

struct Fixture : testing::Test {
  int64_t now = 5;
  std::vector<std::string> lines, counted;
  Notices notices{{[this](std::string_view part, int32_t level, std::string_view text) {
                     lines.push_back(std::string(part) + "/" + std::to_string(level) + ": " + std::string(text));
                   },
                   [this](std::string_view topic) { counted.emplace_back(topic); }, [this] { return now; }}};
};

using NoticesTest = Fixture;

TEST_F(NoticesTest, SpeaksOnceAMinuteATopicAndCountsEachTime) {
  for (int i = 0; i < 3; ++i) notices.tell("disk", "store", 3, "full");
  notices.tell("other", "store", 3, "else");
  EXPECT_THAT(lines, ElementsAre("store/3: full", "store/3: else"));
  EXPECT_THAT(counted, ElementsAre("disk", "disk", "disk", "other"));
  now += Notices::kPauseNs - 1;
  notices.tell("disk", "store", 3, "full");
  EXPECT_EQ(lines.size(), 2U);
  now += 1;
  notices.tell("disk", "store", 3, "full still");
  EXPECT_EQ(lines.back(), "store/3: full still (and 3 more since the last time this was said)");
  now += Notices::kPauseNs;
  notices.tell("disk", "store", 3, "full");
  EXPECT_EQ(lines.back(), "store/3: full");
}

TEST_F(NoticesTest, SaysOnceThatItIsOver) {
  notices.over("disk", "store", "fine");
  EXPECT_TRUE(lines.empty());
  notices.tell("disk", "store", 3, "full");
  notices.over("disk", "store", "fine");
  notices.over("disk", "store", "fine");
  EXPECT_THAT(lines, ElementsAre("store/3: full", "store/" + std::to_string(GANTRY_LOG_INFO) + ": fine"));
  // To and fro: no more than the first of a minute, and its end.
  for (int i = 0; i < 3; ++i) {
    notices.tell("disk", "store", 3, "again");
    notices.over("disk", "store", "fine again");
  }
  EXPECT_EQ(lines.size(), 2U);
  now += Notices::kPauseNs;
  notices.tell("disk", "store", 3, "still");
  EXPECT_EQ(lines.back(), "store/3: still (and 3 more since the last time this was said)");
  notices.over("disk", "store", "fine at last");
  EXPECT_EQ(lines.size(), 4U);
}

TEST_F(NoticesTest, WordsOfPeersStayOnOneLineOfBoundedLength) {
  notices.tell("peer", "api", 3, std::string("a\nb\x7f\xc3\xa9"));
  EXPECT_EQ(lines.back(), "api/3: a\\x0ab\\x7f\xc3\xa9");
  now += Notices::kPauseNs;
  notices.tell("peer", "api", 3, std::string(5000, 'x'));
  EXPECT_EQ(lines.back(), "api/3: " + std::string(2048, 'x') + "...");
}

}  // namespace
}  // namespace gantry::limits
