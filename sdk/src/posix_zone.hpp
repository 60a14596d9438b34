// The rule at the end of a TZif file, "CET-1CEST,M3.5.0,M10.5.0/3" (POSIX TZ with RFC 8536's longer times). Value type,
// any thread.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>

namespace gantry::sdk {

class PosixZone {
 public:
  static std::optional<PosixZone> parse(std::string_view text);

  // The offset at a time, and between which changes it holds. Of years from -9999 to 9999; others are held for those.
  struct Span {
    int64_t begin, end;
    int32_t offset;
  };
  Span at(int64_t unix_seconds) const;

 private:
  struct Day {
    enum class Form : uint8_t { kJulian, kZeroBased, kWeekday } form = Form::kWeekday;
    int month = 0, week = 0, day = 0;
    int32_t seconds = 7200;  // since midnight, of local time before the change
  };
  struct Text;  // what is left to read
  static int64_t local_seconds(const Day& day, int year);

  int32_t standard_ = 0, summer_ = 0;
  std::optional<std::array<Day, 2>> changes_;  // to summer time, and back
};

}  // namespace gantry::sdk
