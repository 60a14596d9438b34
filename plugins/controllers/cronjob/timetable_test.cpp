// When Jobs are due, by the clock of a zone, through its changes, and with what was missed.
#include "timetable.hpp"

#include <gtest/gtest.h>

#include <chrono>

#include "gantry/times.hpp"

namespace gantry::cronjob {
namespace {

constexpr int64_t kSecond = kNanosPerSecond, kMinute = 60 * kSecond, kHour = 60 * kMinute;
constexpr int64_t kForever = INT64_MIN;

int64_t utc(int month, unsigned day, int hour, int minute = 0) {
  const auto date = std::chrono::year(2026) / month / static_cast<int>(day);
  return std::chrono::sys_days(date).time_since_epoch().count() * 24 * kHour + hour * kHour + minute * kMinute;
}

batchv1::CronJob cron_job(const std::string& schedule, int64_t last_ns, const std::string& zone = "UTC") {
  batchv1::CronJob cron_job;
  cron_job.mutable_spec()->set_schedule(schedule);
  if (!zone.empty()) cron_job.mutable_spec()->set_time_zone(zone);
  *cron_job.mutable_metadata()->mutable_creation_timestamp() = to_time(utc(1, 1, 0));
  *cron_job.mutable_status()->mutable_last_schedule_time() = to_time(last_ns);
  return cron_job;
}

struct Found {
  std::optional<int64_t> due, missed;
  bool too_many = false;
  int64_t next_ms = 0;
};
Found look(const batchv1::CronJob& cron_job, int64_t now_ns, int64_t since_ns = kForever) {
  Zones zones;
  const auto table = Timetable::of(cron_job.spec(), zones, 0);
  EXPECT_TRUE(table.ok()) << table.error().message();
  if (!table) return {};
  const auto due = table->due(cron_job, since_ns, now_ns);
  EXPECT_TRUE(due.ok()) << due.error().message();
  if (!due) return {};
  return {due->latest_ns, due->missed_ns, due->too_many, table->next_ms(cron_job, since_ns, now_ns)};
}
// How often it runs from one time to another, when somebody looks whenever it says.
std::vector<int64_t> runs(const std::string& schedule, const std::string& zone, int64_t from, int64_t to) {
  auto one = cron_job(schedule, from, zone);
  std::vector<int64_t> times;
  for (int64_t now = from; now <= to;) {
    const auto found = look(one, now);
    if (found.due) {
      times.push_back(*found.due);
      *one.mutable_status()->mutable_last_schedule_time() = to_time(*found.due);
    }
    now += look(one, now).next_ms * kNanosPerMilli;
  }
  return times;
}

TEST(CronTimetable, NothingIsDueBeforeItsTime) {
  const auto one = cron_job("30 * * * *", utc(6, 1, 10, 30));
  const auto early = look(one, utc(6, 1, 11, 29));
  EXPECT_FALSE(early.due);
  EXPECT_EQ(early.next_ms, 60'100);
  const auto there = look(one, utc(6, 1, 11, 30));
  EXPECT_EQ(there.due, utc(6, 1, 11, 30));
  EXPECT_EQ(there.next_ms, 3'600'100);
}

TEST(CronTimetable, WithoutALastTimeItCountsFromItsCreation) {
  auto one = cron_job("0 0 1 1 *", 0);
  one.clear_status();
  EXPECT_FALSE(look(one, utc(12, 31, 23)).due) << "it was made at midnight, not before";
  one.mutable_spec()->set_schedule("0 0 2 * *");
  EXPECT_EQ(look(one, utc(1, 2, 1)).due, utc(1, 2, 0));
}

TEST(CronTimetable, OfSeveralMissedTheLastCounts) {
  const auto one = cron_job("*/10 * * * *", utc(6, 1, 10));
  const auto found = look(one, utc(6, 1, 12, 5));
  EXPECT_EQ(found.due, utc(6, 1, 12));
  EXPECT_FALSE(found.too_many);
  EXPECT_EQ(found.next_ms, 300'100);
  EXPECT_FALSE(look(one, utc(6, 2, 2, 49)).too_many) << "100 of them";
  EXPECT_TRUE(look(one, utc(6, 2, 2, 50)).too_many);
}

TEST(CronTimetable, TheDeadlineHidesWhatIsTooLate) {
  auto one = cron_job("0 * * * *", utc(6, 1, 10));
  one.mutable_spec()->set_starting_deadline_seconds(600);
  EXPECT_EQ(look(one, utc(6, 1, 11, 9)).due, utc(6, 1, 11));
  const auto late = look(one, utc(6, 1, 11, 11));
  EXPECT_FALSE(late.due);
  EXPECT_EQ(late.missed, utc(6, 1, 11));
  EXPECT_EQ(late.next_ms, 49 * 60'000 + 100);
  EXPECT_FALSE(look(one, utc(6, 20, 11, 11)).too_many) << "nobody asks for those";
  one.mutable_spec()->set_starting_deadline_seconds(INT64_MAX);
  EXPECT_EQ(look(one, utc(6, 1, 11, 59)).due, utc(6, 1, 11));
}

TEST(CronTimetable, AScheduleThatChangedOwesNothingOfBefore) {
  const auto one = cron_job("0 11 * * *", utc(6, 1, 0));
  EXPECT_EQ(look(one, utc(6, 1, 12)).due, utc(6, 1, 11));
  const auto changed = look(one, utc(6, 1, 12), utc(6, 1, 11, 30));
  EXPECT_FALSE(changed.due);
  EXPECT_EQ(changed.next_ms, 23 * 3'600'000 + 100);
}

TEST(CronTimetable, AClockThatWentBackWaitsForTheNextTime) {
  const auto one = cron_job("0 * * * *", utc(6, 1, 10));
  const auto found = look(one, utc(6, 1, 8));
  EXPECT_FALSE(found.due);
  EXPECT_EQ(found.next_ms, 3 * 3'600'000 + 100);
}

TEST(CronTimetable, IntervalsKeepTheirStep) {
  const auto one = cron_job("@every 7m", utc(6, 1, 10));
  const auto found = look(one, utc(6, 1, 10, 30));
  EXPECT_EQ(found.due, utc(6, 1, 10, 28));
  EXPECT_EQ(found.next_ms, 5 * 60'000 + 100);
}

// Spring leaves 2:00 to 3:00 out, autumn has it twice: upstream's runs.
TEST(CronTimetable, BerlinsClocksChange) {
  using Times = std::vector<int64_t>;
  EXPECT_EQ(runs("30 2 * * *", "Europe/Berlin", utc(3, 27, 12), utc(3, 30, 12)),
            (Times{utc(3, 28, 1, 30), utc(3, 30, 0, 30)}));
  EXPECT_EQ(runs("30 2 * * *", "Europe/Berlin", utc(10, 24, 12), utc(10, 26, 12)),
            (Times{utc(10, 25, 0, 30), utc(10, 25, 1, 30), utc(10, 26, 1, 30)}));
  EXPECT_EQ(runs("0 3 * * *", "Europe/Berlin", utc(3, 28, 12), utc(3, 30, 12)), (Times{utc(3, 29, 1), utc(3, 30, 1)}));
  EXPECT_EQ(runs("0 * * * *", "Europe/Berlin", utc(3, 29, 0, 30), utc(3, 29, 3, 30)).size(), 3U)
      << "an hour is an hour";
  EXPECT_EQ(runs("0 * * * *", "Europe/Berlin", utc(10, 24, 23, 30), utc(10, 25, 3, 30)).size(), 4U);
}

TEST(CronTimetable, SaysWhatIsWrong) {
  Zones zones;
  const auto error = [&](const std::string& schedule, const std::string& zone) {
    const auto table = Timetable::of(cron_job(schedule, 0, zone).spec(), zones, 0);
    return table ? std::string() : table.error().reason() + ": " + table.error().message();
  };
  EXPECT_EQ(error("0 * * * *", "Nowhere/Town"),
            R"(UnknownTimeZone: invalid timeZone: "Nowhere/Town": unknown time zone Nowhere/Town)");
  EXPECT_EQ(error("0 * *", "UTC"),
            R"(UnparseableSchedule: unparseable schedule: "0 * *" : expected exactly 5 fields, found 3: [0 * *])");
  EXPECT_EQ(error("TZ=Nowhere/Town 0 * * * *", ""),
            "UnparseableSchedule: unparseable schedule: \"TZ=Nowhere/Town 0 * * * *\" : provided bad location "
            "Nowhere/Town: unknown time zone Nowhere/Town");
  EXPECT_EQ(error("TZ=Europe/Berlin", ""),
            "UnparseableSchedule: unparseable schedule: \"TZ=Europe/Berlin\" : empty "
            "spec string");
  const auto never = cron_job("0 0 31 2 *", 0);
  const auto due = Timetable::of(never.spec(), zones, 0)->due(never, kForever, utc(6, 1, 0));
  ASSERT_FALSE(due.ok());
  EXPECT_EQ(due.error().reason() + ": " + due.error().message(),
            "InvalidSchedule: invalid schedule: 0 0 31 2 * : time difference between two schedules is less than 1 "
            "second");
}

// Such ones are kept from the time when they were allowed.
TEST(CronTimetable, AZoneInTheTextStillHolds) {
  Zones zones;
  const auto one = cron_job("CRON_TZ=Europe/Berlin 0 12 * * *", utc(6, 1, 0), "");
  EXPECT_TRUE(Timetable::of(one.spec(), zones, 0)->names_zone());
  EXPECT_EQ(look(one, utc(6, 1, 11)).due, utc(6, 1, 10));
  EXPECT_FALSE(Timetable::of(cron_job("0 12 * * *", 0).spec(), zones, 0)->names_zone());
}

TEST(CronTimetable, TimesAsText) {
  const auto zone = [](const std::string& name) { return *sdk::TimeZone::load(name); };
  EXPECT_EQ(rfc3339(utc(1, 5, 7, 9), sdk::TimeZone()), "2026-01-05T07:09:00Z");
  EXPECT_EQ(rfc3339(utc(1, 5, 23, 30), zone("Europe/Berlin")), "2026-01-06T00:30:00+01:00");
  EXPECT_EQ(rfc3339(utc(1, 5, 1, 30), zone("America/St_Johns")), "2026-01-04T22:00:00-03:30");
  EXPECT_EQ(rfc3339(utc(1, 5, 1), zone("Europe/London")), "2026-01-05T01:00:00Z");
  EXPECT_EQ(rfc1123_utc(utc(11, 28, 19, 5)), "Sat, 28 Nov 2026 19:05:00 +0000");
}

TEST(CronZones, AreReadAnewAfterAWhile) {
  Zones zones;
  EXPECT_TRUE(zones.get("Europe/Berlin", 0).ok());
  EXPECT_TRUE(zones.get("Europe/Berlin", 3'600 * kSecond).ok());
  EXPECT_TRUE(zones.get("", 0).ok());
  EXPECT_FALSE(zones.get("Nowhere/Town", 0).ok());
  EXPECT_FALSE(zones.get("../etc/passwd", 0).ok());
}

}  // namespace
}  // namespace gantry::cronjob
