// Zones and times for tests: zone files made on the spot, so that no machine's data decides.
#pragma once

#include <gtest/gtest.h>

#include <cstdio>
#include <ctime>
#include <string>
#include <utility>
#include <vector>

#include "gantry/time_zone.hpp"
#include "gantry/times.hpp"

namespace gantry::sdk {

inline std::string big_endian(int64_t value, size_t size) {
  std::string out;
  for (size_t i = size; i-- > 0;) out += static_cast<char>(value >> (8 * i));
  return out;
}

struct ZoneFile {
  std::vector<std::pair<int64_t, uint8_t>> changes;  // when, and to which offset
  std::vector<int32_t> offsets;
  std::string footer;

  // A first block without times, as newer files have it, and one with 64 bits.
  std::string bytes() const {
    std::string out = "TZif2" + std::string(15, '\0') + std::string(16, '\0') + big_endian(1, 4) + big_endian(1, 4) +
                      std::string(7, '\0');
    out += block(8, '2');
    return out + "\n" + footer + "\n";
  }
  std::string old_bytes() const { return block(4, '\0'); }

 private:
  std::string block(size_t time, char version) const {
    std::string out = "TZif" + std::string(1, version) + std::string(15, '\0') + std::string(12, '\0') +
                      big_endian(static_cast<int64_t>(changes.size()), 4) +
                      big_endian(static_cast<int64_t>(offsets.size()), 4) + big_endian(1, 4);
    for (const auto& change : changes) out += big_endian(change.first, time);
    for (const auto& change : changes) out += static_cast<char>(change.second);
    for (const int32_t offset : offsets) out += big_endian(offset, 4) + std::string(2, '\0');
    return out + std::string(1, '\0');
  }
};

inline TimeZone zone_of(const std::string& footer) {
  auto zone = TimeZone::parse(ZoneFile{{}, {0}, footer}.bytes());
  EXPECT_TRUE(zone) << footer;
  return zone ? *zone : TimeZone();
}

// "2012-03-11T00:00:00-0500" in seconds since 1970.
inline int64_t seconds_at(const std::string& text) {
  std::tm tm{};
  int hours = 0, minutes = 0;
  char sign = 0;
  EXPECT_EQ(std::sscanf(text.c_str(), "%d-%d-%dT%d:%d:%d%c%2d%2d", &tm.tm_year, &tm.tm_mon, &tm.tm_mday, &tm.tm_hour,
                        &tm.tm_min, &tm.tm_sec, &sign, &hours, &minutes),
            9)
      << text;
  tm.tm_year -= 1900;
  tm.tm_mon -= 1;
  const int64_t offset = (hours * 60 + minutes) * 60;
  return timegm(&tm) - (sign == '-' ? -offset : offset);
}

inline std::string text_at(int64_t seconds, const TimeZone& zone) {
  const auto offset = zone.at(seconds).offset;
  const std::time_t local = seconds + offset;
  std::tm tm{};
  gmtime_r(&local, &tm);
  char text[64];
  const size_t length = std::strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%S", &tm);
  std::snprintf(text + length, sizeof(text) - length, "%c%02d%02d", offset < 0 ? '-' : '+', std::abs(offset) / 3600,
                std::abs(offset) / 60 % 60);
  return text;
}

}  // namespace gantry::sdk
