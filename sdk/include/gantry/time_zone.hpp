// Time zones by the system's zone data (TZif files, as Debian's tzdata has them), with the rule that holds after a
// file's last change. Value type, cheap to copy; any thread. Only load() and local() read files, each time anew.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "gantry/status.hpp"

namespace gantry::sdk {

inline constexpr char kZoneFolder[] = "/usr/share/zoneinfo";

class TimeZone {
 public:
  TimeZone() = default;  // UTC

  // "Europe/Berlin". "UTC" needs no file. What is no name of a file below `folder` is an unknown zone, 422.
  static Expected<TimeZone> load(std::string_view name, const std::string& folder = kZoneFolder);
  // The bytes of a TZif file, at most 1 MiB.
  static Expected<TimeZone> parse(std::string_view file);
  // The machine's own: the variable TZ, else /etc/localtime; UTC when they say nothing that can be read.
  static TimeZone local();

  // Seconds since 1970. `end` is when the offset changes next; the ends of int64 where it does not.
  struct Span {
    int64_t begin, end;
    int32_t offset;  // local time less UTC
  };
  Span at(int64_t unix_seconds) const;

 private:
  struct Data;
  std::shared_ptr<const Data> data_;  // null: UTC
};

}  // namespace gantry::sdk
