#include "gantry/time_zone.hpp"

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <limits>

#include "zone_testing.hpp"

namespace gantry::sdk {
namespace {

constexpr int64_t kFirst = std::numeric_limits<int64_t>::min(), kLast = std::numeric_limits<int64_t>::max();

int32_t offset_at(const TimeZone& zone, const std::string& when) { return zone.at(seconds_at(when)).offset; }

TEST(TimeZone, UtcNeverChanges) {
  const auto span = TimeZone().at(5);
  EXPECT_EQ(span.begin, kFirst);
  EXPECT_EQ(span.end, kLast);
  EXPECT_EQ(span.offset, 0);
  EXPECT_EQ(TimeZone::load("UTC", "/nowhere")->at(5).end, kLast);
}

TEST(TimeZone, TheChangesOfAFileAndThenItsRule) {
  const ZoneFile file{{{1'000, 1}, {2'000, 2}}, {100, 200, 300}, "CET-1CEST,M3.5.0,M10.5.0/3"};
  const auto zone = TimeZone::parse(file.bytes());
  ASSERT_TRUE(zone);
  EXPECT_EQ(zone->at(kFirst).offset, 100);
  EXPECT_EQ(zone->at(999).offset, 100);
  EXPECT_EQ(zone->at(999).end, 1'000);
  EXPECT_EQ(zone->at(999).begin, kFirst);
  EXPECT_EQ(zone->at(1'000).offset, 200);
  EXPECT_EQ(zone->at(1'000).begin, 1'000);
  EXPECT_EQ(zone->at(1'999).end, 2'000);
  EXPECT_EQ(zone->at(2'000).offset, 3'600) << "the rule, from the last change on";
  EXPECT_EQ(zone->at(2'000).begin, 2'000);
  EXPECT_EQ(zone->at(2'000).end, seconds_at("1970-03-29T02:00:00+0100"));
  EXPECT_EQ(offset_at(*zone, "2030-07-01T00:00:00+0000"), 7'200);
  const auto summer = zone->at(seconds_at("2030-07-01T00:00:00+0000"));
  EXPECT_EQ(summer.begin, seconds_at("2030-03-31T02:00:00+0100"));
  EXPECT_EQ(summer.end, seconds_at("2030-10-27T03:00:00+0200"));
}

TEST(TimeZone, WithoutARuleTheLastOffsetStays) {
  const ZoneFile file{{{1'000, 1}}, {0, -200}, ""};
  for (const auto& bytes : {file.bytes(), file.old_bytes()}) {
    const auto zone = TimeZone::parse(bytes);
    ASSERT_TRUE(zone);
    EXPECT_EQ(zone->at(kLast).offset, -200);
    EXPECT_EQ(zone->at(1'000).end, kLast);
    EXPECT_EQ(zone->at(0).end, 1'000);
  }
  const auto never = TimeZone::parse(ZoneFile{{}, {-777}, ""}.bytes());
  EXPECT_EQ(never->at(0).offset, -777);
  EXPECT_EQ(never->at(0).begin, kFirst);
  EXPECT_EQ(never->at(0).end, kLast);
}

TEST(TimeZone, RulesOfEveryForm) {
  const auto new_york = zone_of("EST5EDT,M3.2.0,M11.1.0");
  EXPECT_EQ(offset_at(new_york, "2012-03-11T01:59:59-0500"), -5 * 3600);
  EXPECT_EQ(offset_at(new_york, "2012-03-11T03:00:00-0400"), -4 * 3600);
  EXPECT_EQ(offset_at(new_york, "2012-11-04T01:59:59-0400"), -4 * 3600);
  EXPECT_EQ(offset_at(new_york, "2012-11-04T01:00:00-0500"), -5 * 3600);
  EXPECT_EQ(offset_at(new_york, "1900-07-01T00:00:00+0000"), -4 * 3600);
  const auto sydney = zone_of("AEST-10AEDT,M10.1.0,M4.1.0/3");
  EXPECT_EQ(offset_at(sydney, "2020-01-01T00:00:00+0000"), 11 * 3600) << "summer is around new year";
  EXPECT_EQ(offset_at(sydney, "2020-07-01T00:00:00+0000"), 10 * 3600);
  EXPECT_EQ(sydney.at(seconds_at("2020-01-01T00:00:00+0000")).end, seconds_at("2020-04-05T03:00:00+1100"));
  const auto quoted = zone_of("<+0330>-3:30<+0430>,J79/24,J263/24");
  EXPECT_EQ(offset_at(quoted, "2019-03-20T23:59:59+0330"), 12'600);
  EXPECT_EQ(offset_at(quoted, "2019-03-21T01:00:00+0430"), 16'200);
  const auto fixed = zone_of("<-0330>3:30:15");
  EXPECT_EQ(fixed.at(0).offset, -(3 * 3600 + 30 * 60 + 15));
  EXPECT_EQ(fixed.at(0).end, kLast);
  const auto explicit_summer = zone_of("AAA-1BBB-3,M3.1.1/-2:30,M9.1.1/26");
  EXPECT_EQ(explicit_summer.at(seconds_at("2021-05-01T00:00:00+0000")).offset, 3 * 3600);
  EXPECT_EQ(explicit_summer.at(seconds_at("2021-05-01T00:00:00+0000")).begin, seconds_at("2021-02-28T21:30:00+0100"));
  EXPECT_EQ(explicit_summer.at(seconds_at("2021-05-01T00:00:00+0000")).end, seconds_at("2021-09-07T02:00:00+0300"));
}

TEST(TimeZone, DaysOfLeapYears) {
  const auto counts = zone_of("AAA0BBB,59/0,J60/0");
  // Day 59 from 0 is March 1, but February 29 of a leap year; J60 is March 1 of any year.
  EXPECT_EQ(counts.at(seconds_at("2024-02-29T12:00:00+0000")).offset, 3'600);
  EXPECT_EQ(counts.at(seconds_at("2024-02-29T12:00:00+0000")).begin, seconds_at("2024-02-29T00:00:00+0000"));
  EXPECT_EQ(counts.at(seconds_at("2024-02-29T12:00:00+0000")).end, seconds_at("2024-03-01T00:00:00+0100"));
}

TEST(TimeZone, SummerAllYearLong) {
  const auto zone = zone_of("XXX3EDT4,0/0,J365/23");
  for (const char* when : {"2020-01-01T00:00:00+0000", "2020-06-01T00:00:00+0000", "2020-12-31T23:59:59+0000",
                           "2021-01-01T03:59:59+0000", "2021-01-01T04:00:00+0000"}) {
    EXPECT_EQ(offset_at(zone, when), -4 * 3600) << when;
  }
}

TEST(TimeZone, TimesFarAway) {
  const auto zone = zone_of("EST5EDT,M3.2.0,M11.1.0");
  for (const int64_t time : {kFirst, kLast}) {
    const auto offset = zone.at(time).offset;
    EXPECT_TRUE(offset == -5 * 3600 || offset == -4 * 3600);
  }
}

// Each byte of a file in turn is cut off or changed: refused or read, never more.
TEST(TimeZone, DamagedFilesAreRefused) {
  const auto good = ZoneFile{{{1'000, 1}, {2'000, 0}}, {0, 3'600}, "CET-1CEST,M3.5.0,M10.5.0/3"}.bytes();
  for (size_t length = 0; length < good.size(); ++length) {
    EXPECT_FALSE(TimeZone::parse(std::string_view(good).substr(0, length))) << length;
  }
  for (size_t at = 0; at < good.size(); ++at) {
    for (const int value : {0x00, 0x7f, 0x80, 0xff}) {
      auto bad = good;
      bad[at] = static_cast<char>(value);
      if (const auto zone = TimeZone::parse(bad)) (void)zone->at(1'500);
    }
  }
  EXPECT_FALSE(TimeZone::parse(ZoneFile{{{1'000, 2}}, {0, 1}, ""}.bytes())) << "an offset that is not there";
  EXPECT_FALSE(TimeZone::parse(ZoneFile{{{1'000, 0}, {1'000, 1}}, {0, 1}, ""}.bytes())) << "not in order";
  EXPECT_FALSE(TimeZone::parse(ZoneFile{{}, {}, ""}.bytes()));
  EXPECT_FALSE(TimeZone::parse(ZoneFile{{}, {93'600}, ""}.bytes()));
  EXPECT_FALSE(TimeZone::parse(ZoneFile{{}, {-93'600}, ""}.bytes()));
  EXPECT_TRUE(TimeZone::parse(ZoneFile{{}, {93'599}, ""}.bytes()));
  EXPECT_FALSE(TimeZone::parse(good + std::string(1 << 20, ' ')));
}

TEST(TimeZone, DamagedRulesAreRefused) {
  for (const char* rule : {"C",
                           "CE1",
                           "CET",
                           "CET-25",
                           "CET1:60",
                           "CET1:",
                           "CET-1C",
                           "CET-1CEST",
                           "CET-1CEST,",
                           "CET-1CEST,M3.5.0",
                           "CET-1CEST,M0.5.0,M1.1.1",
                           "CET-1CEST,M13.5.0,M1.1.1",
                           "CET-1CEST,M3.6.0,M1.1.1",
                           "CET-1CEST,M3.0.0,M1.1.1",
                           "CET-1CEST,M3.5.7,M1.1.1",
                           "CET-1CEST,J0,J1",
                           "CET-1CEST,J366,J1",
                           "CET-1CEST,366,1",
                           "CET-1CEST,M3.5.0,M10.5.0x",
                           "CET-1CEST,M3.5.0/168,M10.5.0",
                           "CET-1CEST,M3.5.0/,M10.5.0",
                           "<+0330-3",
                           "<+03>",
                           "<+03>x",
                           "CET-1CEST,M3.5,M1.1.1",
                           "CET99999999999",
                           " CET-1"}) {
    EXPECT_FALSE(TimeZone::parse(ZoneFile{{}, {0}, rule}.bytes())) << rule;
  }
}

TEST(TimeZone, NamesAreOfFilesBelowTheFolder) {
  char pattern[] = "/tmp/gantry-zones-XXXXXX";
  const std::filesystem::path folder = ::mkdtemp(pattern);
  std::filesystem::create_directory(folder / "Europe");
  std::ofstream(folder / "Europe/Berlin") << ZoneFile{{}, {0}, "CET-1CEST,M3.5.0,M10.5.0/3"}.bytes();
  std::ofstream(folder / "broken") << "no zone";
  EXPECT_EQ(TimeZone::load("Europe/Berlin", folder)->at(0).offset, 3'600);
  for (const char* name : {"", "Europe", "Europe/Paris", "/etc/localtime", "../zones", "Europe/../Europe/Berlin", ".",
                           "Local", "Europe/Berlin ", "Europe\\Berlin", "Europe//..", "europe/berlin"}) {
    EXPECT_EQ(TimeZone::load(name, folder).error().message(), "unknown time zone " + std::string(name));
  }
  EXPECT_FALSE(TimeZone::load(std::string(256, 'a'), folder));
  EXPECT_FALSE(TimeZone::load(std::string("Europe/Berlin\0", 14), folder));
  EXPECT_EQ(TimeZone::load("broken", folder).error().message(), "time zone broken: this is no zone data");
  const auto local_offset = [&](const char* variable) {
    variable == nullptr ? ::unsetenv("TZ") : ::setenv("TZ", variable, 1);
    return TimeZone::local().at(0).offset;
  };
  const std::string berlin = folder / "Europe/Berlin";
  EXPECT_EQ(local_offset(berlin.c_str()), 3'600);
  EXPECT_EQ(local_offset((":" + berlin).c_str()), 3'600);
  EXPECT_EQ(local_offset(""), 0);
  EXPECT_EQ(local_offset("/nowhere"), 0);
  EXPECT_EQ(local_offset((folder / "broken").c_str()), 0);
  (void)local_offset(nullptr);
  std::filesystem::remove_all(folder);
}

// All that Debian has: read, and by the C library's account of each, every tenth day of forty years.
TEST(TimeZone, AgreesWithTheCLibrary) {
  if (!std::filesystem::is_directory(kZoneFolder)) GTEST_SKIP() << "no tzdata";
  for (const char* name :
       {"Europe/Berlin", "America/New_York", "America/Sao_Paulo", "Australia/Lord_Howe", "Asia/Kolkata",
        "Africa/Casablanca", "Africa/Cairo", "Asia/Gaza", "Pacific/Apia", "America/Godthab"}) {
    const auto zone = TimeZone::load(name);
    if (!zone) continue;  // not all names are of every release
    ::setenv("TZ", name, 1);
    ::tzset();
    for (int64_t time = seconds_at("2000-01-01T00:00:00+0000"); time < seconds_at("2040-01-01T00:00:00+0000");
         time += 864'000 / 7) {
      std::tm tm{};
      const std::time_t raw = time;
      localtime_r(&raw, &tm);
      ASSERT_EQ(zone->at(time).offset, tm.tm_gmtoff) << name << " " << time;
      ASSERT_LE(zone->at(time).begin, time);
      ASSERT_GT(zone->at(time).end, time);
    }
  }
  ::unsetenv("TZ");
  ::tzset();
}

}  // namespace
}  // namespace gantry::sdk
