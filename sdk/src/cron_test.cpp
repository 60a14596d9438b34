#include "gantry/cron.hpp"

#include <gmock/gmock.h>

#include <limits>
#include <random>

#include "zone_testing.hpp"

namespace gantry::sdk {
namespace {

constexpr int64_t kMost = std::numeric_limits<int64_t>::max(), kLeast = std::numeric_limits<int64_t>::min();

// The time after `when`, as text; "never" when there is none.
std::string next(const std::string& schedule, const std::string& when, const TimeZone& zone = {}) {
  const auto parsed = CronSchedule::parse(schedule);
  EXPECT_TRUE(parsed) << schedule;
  if (!parsed) return "refused";
  const auto found = parsed->next(seconds_at(when) * kNanosPerSecond, zone);
  return found ? text_at(*found / kNanosPerSecond, zone) : "never";
}

std::string refusal(const std::string& schedule) {
  const auto parsed = CronSchedule::parse(schedule);
  return parsed ? "" : parsed.error().message();
}

TEST(Cron, ListsRangesAndSteps) {
  const std::string noon = "2012-07-09T15:00:00+0000";  // a Monday
  EXPECT_EQ(next("0/15 * * * *", "2012-07-09T14:45:00+0000"), noon);
  EXPECT_EQ(next("0/15 * * * *", "2012-07-09T14:59:59+0000"), noon);
  EXPECT_EQ(next("20-35/15 * * * *", "2012-07-09T15:45:00+0000"), "2012-07-09T16:20:00+0000");
  EXPECT_EQ(next("*/20,7 * * * *", noon), "2012-07-09T15:07:00+0000");
  EXPECT_EQ(next("5/10 * * * *", "2012-07-09T15:55:00+0000"), "2012-07-09T16:05:00+0000");
  EXPECT_EQ(next("30 8-10,20 * * *", noon), "2012-07-09T20:30:00+0000");
  EXPECT_EQ(next("0 0 1 */3 *", noon), "2012-10-01T00:00:00+0000");
  EXPECT_EQ(next("59 23 31 12 *", noon), "2012-12-31T23:59:00+0000");
  EXPECT_EQ(next("0 0 29 2 *", "2013-01-01T00:00:00+0000"), "2016-02-29T00:00:00+0000");
  EXPECT_EQ(next("* * * * *", noon), "2012-07-09T15:01:00+0000") << "behind the time itself";
  EXPECT_EQ(next("+5 * * * *", noon), "2012-07-09T15:05:00+0000");
  EXPECT_EQ(next("  0\t*  * * * ", noon), "2012-07-09T16:00:00+0000");
  EXPECT_EQ(next("0,,30, * * * *", noon), "2012-07-09T15:30:00+0000");
  EXPECT_EQ(next("0/4294967295 * * * *", noon), "2012-07-09T16:00:00+0000");
  EXPECT_EQ(next("*-5 * * * *", noon), "2012-07-09T15:01:00+0000") << "a star is all, whatever follows";
}

TEST(Cron, NamesInAnyCase) {
  const std::string monday = "2012-07-09T15:00:00+0000";
  EXPECT_EQ(next("0 0 * Feb,aPR *", monday), "2013-02-01T00:00:00+0000");
  EXPECT_EQ(next("0 0 * * SUN", monday), "2012-07-15T00:00:00+0000");
  EXPECT_EQ(next("0 0 * * wed-Fri", monday), "2012-07-11T00:00:00+0000");
  EXPECT_EQ(next("0 0 * dec *", monday), "2012-12-01T00:00:00+0000");
  EXPECT_EQ(next("0 0 * * sat", monday), "2012-07-14T00:00:00+0000");
}

TEST(Cron, DaysOfMonthAndWeek) {
  const std::string when = "2012-07-15T00:00:00+0000";  // a Sunday
  EXPECT_EQ(next("0 0 1,15 * Sun", when), "2012-07-22T00:00:00+0000") << "either, when both are given";
  EXPECT_EQ(next("0 0 17 * Sun", when), "2012-07-17T00:00:00+0000");
  EXPECT_EQ(next("0 0 * * Mon", when), "2012-07-16T00:00:00+0000") << "both, when one is a star";
  EXPECT_EQ(next("0 0 ? * Mon", when), "2012-07-16T00:00:00+0000");
  EXPECT_EQ(next("0 0 17 * ?", when), "2012-07-17T00:00:00+0000");
  EXPECT_EQ(next("0 0 */10 * Sun", when), "2012-07-21T00:00:00+0000")
      << "a star with a step is none: 1, 11, 21, 31, or Sundays";
  EXPECT_EQ(next("0 0 */1 * Wed", when), "2012-07-18T00:00:00+0000") << "but with a step of 1 it is";
  EXPECT_EQ(next("0 0 13 * fri", "2012-07-10T00:00:00+0000"), "2012-07-13T00:00:00+0000");
}

TEST(Cron, Macros) {
  const std::string when = "2012-07-09T15:04:05+0000";  // a Monday
  EXPECT_EQ(next("@hourly", when), "2012-07-09T16:00:00+0000");
  EXPECT_EQ(next("@daily", when), "2012-07-10T00:00:00+0000");
  EXPECT_EQ(next("@midnight", when), "2012-07-10T00:00:00+0000");
  EXPECT_EQ(next("@weekly", when), "2012-07-15T00:00:00+0000");
  EXPECT_EQ(next("@monthly", when), "2012-08-01T00:00:00+0000");
  EXPECT_EQ(next("@yearly", when), "2013-01-01T00:00:00+0000");
  EXPECT_EQ(next("@annually", when), "2013-01-01T00:00:00+0000");
  EXPECT_EQ(next("@every 1h30m", when), "2012-07-09T16:34:05+0000");
  EXPECT_EQ(next("@every 1.9s", when), "2012-07-09T15:04:06+0000") << "whole seconds";
  EXPECT_EQ(next("@every 1ms", when), "2012-07-09T15:04:06+0000") << "at least one";
  EXPECT_EQ(next("@every -5m", when), "2012-07-09T15:04:06+0000");
}

TEST(Cron, WhatIsRefusedAndWhy) {
  EXPECT_EQ(refusal(""), "empty spec string");
  EXPECT_EQ(refusal("* * * *"), "expected exactly 5 fields, found 4: [* * * *]");
  EXPECT_EQ(refusal("0 0 * * * *"), "expected exactly 5 fields, found 6: [0 0 * * * *]");
  EXPECT_EQ(refusal("   "), "expected exactly 5 fields, found 0: []");
  EXPECT_EQ(refusal("60 0 * * *"), "end of range (60) above maximum (59): 60");
  EXPECT_EQ(refusal("0 24 * * *"), "end of range (24) above maximum (23): 24");
  EXPECT_EQ(refusal("0 0 0 * *"), "beginning of range (0) below minimum (1): 0");
  EXPECT_EQ(refusal("0 0 * 0 *"), "beginning of range (0) below minimum (1): 0");
  EXPECT_EQ(refusal("0 0 * * 7"), "end of range (7) above maximum (6): 7");
  EXPECT_EQ(refusal("9-4 * * * *"), "beginning of range (9) beyond end of range (4): 9-4");
  EXPECT_EQ(refusal("1-2-3 * * * *"), "too many hyphens: 1-2-3");
  EXPECT_EQ(refusal("1/2/3 * * * *"), "too many slashes: 1/2/3");
  EXPECT_EQ(refusal("*/0 * * * *"), "step of range should be a positive number: */0");
  EXPECT_EQ(refusal("0 0 * * XYZ"), "failed to parse int from XYZ: strconv.Atoi: parsing \"XYZ\": invalid syntax");
  EXPECT_EQ(refusal("0 0 * * 9999999999999999999"),
            "failed to parse int from 9999999999999999999: strconv.Atoi: parsing \"9999999999999999999\": value out of "
            "range");
  EXPECT_EQ(refusal("0 5000000000 * * *"), "end of range (5000000000) above maximum (23): 5000000000");
  EXPECT_EQ(refusal("0 0 */-2 * *"), "negative number (-2) not allowed: -2");
  EXPECT_EQ(refusal("0 0 jan * *"), "failed to parse int from jan: strconv.Atoi: parsing \"jan\": invalid syntax")
      << "a name of another field";
  EXPECT_EQ(refusal("@never"), "unrecognized descriptor: @never");
  EXPECT_EQ(refusal("@every"), "unrecognized descriptor: @every");
  EXPECT_THAT(refusal("@every soon"), testing::StartsWith("failed to parse duration @every soon"));
  for (const char* bad : {"-5 * * * *",
                          "5- * * * *",
                          "/5 * * * *",
                          "*/ * * * *",
                          "*/-1 * * * *",
                          "1.5 * * * *",
                          "0x5 * * * *",
                          "4294967296 * * * *",
                          "99999999999999999999 * * * *",
                          "1-99999999999 * * * *",
                          "*/99999999999999999999 * * * *",
                          "TZ=UTC * * * * *",
                          "++5 * * * *",
                          "5 * * * *\x01",
                          "\xff * * * *",
                          "@hourly ",
                          " @hourly",
                          "** * * * *",
                          "mon-x * * * *",
                          "0 0 * * mo",
                          "0 0 * * mond",
                          "@every 300000000h"}) {
    EXPECT_NE(refusal(bad), "") << bad;
  }
  EXPECT_NE(refusal(std::string(100'000, '*')), "");
  EXPECT_EQ(refusal(std::string(100'000, ',') + " * * * *"), "") << "a list of nothing, which never comes";
}

TEST(Cron, WhatNeverComes) {
  const std::string when = "2012-07-09T15:00:00+0000";
  EXPECT_EQ(next("0 0 30 Feb *", when), "never");
  EXPECT_EQ(next("0 0 31 4,6,9,11 *", when), "never");
  EXPECT_EQ(next(", * * * *", when), "never");
  EXPECT_EQ(next("0 0 29 2 *", "2096-03-01T00:00:00+0000"), "never") << "2100 is no leap year, and 2104 too far";
  EXPECT_EQ(next("0 0 29 2 *", "2099-01-01T00:00:00+0000"), "2104-02-29T00:00:00+0000");
}

TEST(Cron, FractionsOfSecondsAndTheEndsOfTime) {
  const auto minutely = *CronSchedule::parse("* * * * *"), every = *CronSchedule::parse("@every 1h");
  EXPECT_EQ(minutely.next(59'999'999'999, {}), 60 * kNanosPerSecond);
  EXPECT_EQ(minutely.next(60'000'000'000, {}), 120 * kNanosPerSecond);
  EXPECT_EQ(minutely.next(-1, {}), 0);
  EXPECT_EQ(minutely.next(-60'000'000'001, {}), -60 * kNanosPerSecond);
  EXPECT_EQ(every.next(5 * kNanosPerSecond + 7, {}), 3605 * kNanosPerSecond);
  EXPECT_EQ(minutely.next(kMost, {}), std::nullopt);
  EXPECT_EQ(every.next(kMost, {}), std::nullopt);
  EXPECT_TRUE(minutely.next(kLeast, {}));
  EXPECT_TRUE(every.next(kLeast, {}));
  EXPECT_FALSE(minutely.due(kMost, kMost, {}));
  EXPECT_TRUE(minutely.due(kLeast, kMost, {})->too_many());
  EXPECT_TRUE(every.due(kLeast, kMost, {})->too_many());
}

// New York's clocks went from 2:00 to 3:00 on March 11, 2012, and from 2:00 back to 1:00 on November 4.
struct CronInNewYork : testing::Test {
  std::string run(const std::string& schedule, const std::string& when) const { return next(schedule, when, zone); }
  const TimeZone zone = zone_of("EST5EDT,M3.2.0,M11.1.0");
};

TEST_F(CronInNewYork, WhatSpringLeavesOutDoesNotCome) {
  EXPECT_EQ(run("30 2 11 Mar *", "2012-03-11T00:00:00-0500"), "2013-03-11T02:30:00-0400");
  EXPECT_EQ(run("0 2 * * *", "2012-03-10T02:00:00-0500"), "2012-03-12T02:00:00-0400");
  EXPECT_EQ(run("0 * * * *", "2012-03-11T01:00:00-0500"), "2012-03-11T03:00:00-0400");
  EXPECT_EQ(run("30 1-3 * * *", "2012-03-11T01:30:00-0500"), "2012-03-11T03:30:00-0400");
  EXPECT_EQ(run("0 3 * * *", "2012-03-11T00:00:00-0500"), "2012-03-11T03:00:00-0400");
  EXPECT_EQ(run("0 1 * * *", "2012-03-11T01:00:00-0500"), "2012-03-12T01:00:00-0400");
}

TEST_F(CronInNewYork, WhatAutumnShowsTwiceComesTwice) {
  EXPECT_EQ(run("0 1 * * *", "2012-11-04T00:00:00-0400"), "2012-11-04T01:00:00-0400");
  EXPECT_EQ(run("0 1 * * *", "2012-11-04T01:00:00-0400"), "2012-11-04T01:00:00-0500");
  EXPECT_EQ(run("0 1 * * *", "2012-11-04T01:00:00-0500"), "2012-11-05T01:00:00-0500");
  EXPECT_EQ(run("45 1 4 Nov *", "2012-11-04T01:45:00-0400"), "2012-11-04T01:45:00-0500");
  EXPECT_EQ(run("0 * * * *", "2012-11-04T01:00:00-0500"), "2012-11-04T02:00:00-0500");
  EXPECT_EQ(run("30 2 4 Nov *", "2012-11-04T00:00:00-0400"), "2012-11-04T02:30:00-0500");
}

TEST_F(CronInNewYork, AnIntervalKnowsNoClocks) {
  EXPECT_EQ(run("@every 24h", "2012-03-10T12:00:00-0500"), "2012-03-11T13:00:00-0400");
}

TEST(CronZones, ADayThatHasNoMidnightIsADay) {
  // Clocks went from 0:00 to 1:00: in the west, and in the east, where a day may be sought from before it.
  const auto sao_paulo = zone_of("<-03>3<-02>,M11.1.0/0,M2.3.0/0"), cairo = zone_of("EET-2EEST,M4.5.5/0,M10.5.4/24");
  EXPECT_EQ(next("0 9 4 11 *", "2018-10-01T00:00:00-0300", sao_paulo), "2018-11-04T09:00:00-0200");
  EXPECT_EQ(next("0 0 * * *", "2018-11-03T12:00:00-0300", sao_paulo), "2018-11-05T00:00:00-0200");
  EXPECT_EQ(next("0 9 * * 5", "2024-04-20T00:00:00+0200", cairo), "2024-04-26T09:00:00+0300");
  EXPECT_EQ(next("30 1 26 4 *", "2024-04-01T00:00:00+0200", cairo), "2024-04-26T01:30:00+0300");
  EXPECT_EQ(next("0 5 3 11 *", "2018-11-03T06:00:00-0300", sao_paulo), "2019-11-03T05:00:00-0200")
      << "not on the 4th, where hours are counted across the gap";
}

TEST(CronZones, HalfHoursAndWholeDays) {
  const auto lord_howe = zone_of("<+1030>-10:30<+11>-11,M10.1.0,M4.1.0");
  EXPECT_EQ(next("45 1 * * *", "2024-04-07T01:45:00+1100", lord_howe), "2024-04-07T01:45:00+1030");
  EXPECT_EQ(next("15 2 * * *", "2024-10-05T03:00:00+1030", lord_howe), "2024-10-07T02:15:00+1100");
  EXPECT_EQ(next("15 2 * * *", "2024-04-06T12:00:00+1100", lord_howe), "2024-04-07T02:15:00+1030");
  EXPECT_EQ(next("14 14 * * *", "2016-01-03T13:09:03+0530", zone_of("IST-5:30")), "2016-01-03T14:14:00+0530");
  // Samoa went without December 30, 2011.
  const auto apia = *TimeZone::parse(
      ZoneFile{{{seconds_at("2011-12-30T00:00:00-1000"), 1}}, {-10 * 3600, 14 * 3600}, "<+14>-14"}.bytes());
  EXPECT_EQ(next("0 12 30 12 *", "2011-12-29T00:00:00-1000", apia), "2012-12-30T12:00:00+1400");
  EXPECT_EQ(next("0 12 * * *", "2011-12-29T12:00:00-1000", apia), "2011-12-31T12:00:00+1400");
  // An offset of odd seconds, as local mean times were.
  const auto odd = *TimeZone::parse(ZoneFile{{{100'000, 1}}, {-1'172, 3'600}, ""}.bytes());
  EXPECT_EQ(CronSchedule::parse("* * * * *")->next(0, odd), 32 * kNanosPerSecond);
}

TEST(CronDue, TheLatestAndHowMany) {
  const TimeZone zone;
  const auto due = [&](const std::string& schedule, const std::string& earliest, const std::string& now) {
    const auto found = CronSchedule::parse(schedule)->due(seconds_at(earliest) * kNanosPerSecond,
                                                          seconds_at(now) * kNanosPerSecond, zone);
    if (!found) return found.error().message();
    const auto latest = found->latest_ns ? text_at(*found->latest_ns / kNanosPerSecond, zone) : "none";
    return latest + " " + std::to_string(found->starts) + (found->too_many() ? " too many" : "");
  };
  EXPECT_EQ(due("0 * * * *", "2020-01-01T10:00:00+0000", "2020-01-01T10:59:59+0000"), "none 0");
  EXPECT_EQ(due("0 * * * *", "2020-01-01T10:00:00+0000", "2020-01-01T11:00:00+0000"), "2020-01-01T11:00:00+0000 1");
  EXPECT_EQ(due("0 * * * *", "2020-01-01T10:00:00+0000", "2020-01-01T11:59:59+0000"), "2020-01-01T11:00:00+0000 1");
  EXPECT_EQ(due("0 * * * *", "2020-01-01T10:00:00+0000", "2020-01-01T12:00:00+0000"), "2020-01-01T12:00:00+0000 2");
  EXPECT_EQ(due("0 * * * *", "2020-01-01T00:00:00+0000", "2020-01-05T04:30:00+0000"), "2020-01-05T04:00:00+0000 100");
  EXPECT_EQ(due("0 * * * *", "2020-01-01T00:00:00+0000", "2020-01-05T05:30:00+0000"),
            "2020-01-05T05:00:00+0000 101 too many");
  EXPECT_EQ(due("0 * * * *", "2020-01-01T12:00:00+0000", "2020-01-01T10:00:00+0000"), "none 0")
      << "a clock that went back";
  EXPECT_EQ(due("30 6-16/4 * * 1-5", "2020-01-03T06:00:00+0000", "2020-01-05T12:00:00+0000"),
            "2020-01-03T14:30:00+0000 14")
      << "counted by the first distance";
  EXPECT_EQ(due("* * 1 1 *", "2019-12-31T00:00:00+0000", "2020-06-01T00:00:00+0000"),
            "2020-01-01T23:59:00+0000 218881 too many")
      << "long after the last of many";
  EXPECT_EQ(due("@every 90m", "2020-01-01T00:00:05+0000", "2020-01-01T06:00:00+0000"), "2020-01-01T04:30:05+0000 3");
  EXPECT_EQ(due("0 0 30 2 *", "2020-01-01T00:00:00+0000", "2021-01-01T00:00:00+0000"),
            "the schedule has no time within five years");
  EXPECT_EQ(due("0 0 29 2 *", "2096-01-01T00:00:00+0000", "2098-01-01T00:00:00+0000"), "2096-02-29T00:00:00+0000 1")
      << "there is no second one";
}

// The same by trying each minute, with the C library's calendar.
class EachMinute {
 public:
  struct Days {
    std::vector<bool> minute = std::vector<bool>(60), hour = std::vector<bool>(24), day = std::vector<bool>(32),
                      month = std::vector<bool>(13), weekday = std::vector<bool>(7);
    bool either = false;
  };
  explicit EachMinute(const TimeZone& zone) : zone_(zone) {}
  bool fits(const Days& wanted, int64_t seconds) const {
    const std::time_t local = seconds + zone_.at(seconds).offset;
    std::tm tm{};
    gmtime_r(&local, &tm);
    const bool day = wanted.day[static_cast<size_t>(tm.tm_mday)],
               weekday = wanted.weekday[static_cast<size_t>(tm.tm_wday)];
    return tm.tm_sec == 0 && wanted.minute[static_cast<size_t>(tm.tm_min)] &&
           wanted.hour[static_cast<size_t>(tm.tm_hour)] && wanted.month[static_cast<size_t>(tm.tm_mon + 1)] &&
           (wanted.either ? day || weekday : day && weekday);
  }

 private:
  const TimeZone& zone_;
};

TEST(CronZones, AgreesWithTryingEachMinute) {
  std::mt19937 random(7);
  const auto pick = [&](int least, int most) { return std::uniform_int_distribution<int>(least, most)(random); };
  const auto field = [&](std::vector<bool>& bits, int least, bool& given) {
    std::string text;
    given = pick(0, 2) > 0;
    for (size_t i = 0; i < bits.size(); ++i) bits[i] = !given;
    if (!given) return std::string("*");
    for (int i = pick(1, 4); i > 0; --i) {
      const int value = pick(least, static_cast<int>(bits.size()) - 1);
      bits[static_cast<size_t>(value)] = true;
      text += (text.empty() ? "" : ",") + std::to_string(value);
    }
    return text;
  };
  const std::vector<std::pair<TimeZone, int64_t>> places{
      {zone_of("EST5EDT,M3.2.0,M11.1.0"), seconds_at("2012-03-09T00:00:00-0500")},
      {zone_of("EST5EDT,M3.2.0,M11.1.0"), seconds_at("2012-11-02T00:00:00-0400")},
      {zone_of("<+1030>-10:30<+11>-11,M10.1.0,M4.1.0"), seconds_at("2024-04-05T00:00:00+1100")},
      {zone_of("EET-2EEST,M4.5.5/0,M10.5.4/24"), seconds_at("2024-04-24T00:00:00+0200")},
      {zone_of("EET-2EEST,M4.5.5/0,M10.5.4/24"), seconds_at("2024-10-30T00:00:00+0300")}};
  for (int round = 0; round < 100; ++round) {
    const auto& [zone, begin] = places[static_cast<size_t>(round) % places.size()];
    EachMinute::Days wanted;
    bool ignored = false, days = false, weekdays = false;
    std::string text = field(wanted.minute, 0, ignored) + " " + field(wanted.hour, 0, ignored) + " ";
    text += field(wanted.day, 1, days) + " * ";
    wanted.month.assign(13, true);
    text += field(wanted.weekday, 0, weekdays);
    wanted.either = days && weekdays;
    const auto schedule = *CronSchedule::parse(text);
    const EachMinute tried(zone);
    const int64_t from = begin + pick(0, 86'399), until = from + 4 * 86'400;
    std::vector<int64_t> expected, found;
    for (int64_t time = from + 60 - from % 60; time <= until; time += 60) {
      if (tried.fits(wanted, time)) expected.push_back(time);
    }
    for (auto at = schedule.next(from * kNanosPerSecond, zone); at && *at <= until * kNanosPerSecond;
         at = schedule.next(*at, zone)) {
      found.push_back(*at / kNanosPerSecond);
    }
    ASSERT_EQ(found, expected) << text;
    const auto due = schedule.due(from * kNanosPerSecond, until * kNanosPerSecond, zone);
    if (expected.empty()) continue;
    ASSERT_TRUE(due) << text;
    EXPECT_EQ(due->latest_ns, expected.back() * kNanosPerSecond) << text;
  }
}

}  // namespace
}  // namespace gantry::sdk
