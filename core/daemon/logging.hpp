// The daemon's log: text or JSON lines on standard error, by spdlog. Made once by main; write() from any thread.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

namespace gantry::daemon {

class Log {
 public:
  // level: debug, info, warn, error. format: text, json.
  Log(std::string_view level, std::string_view format);
  ~Log();
  Log(const Log&) = delete;
  Log& operator=(const Log&) = delete;

  // `part` is who speaks ("scheduler", a plugin's name); `level` as in abi/log.h.
  void write(std::string_view part, int32_t level, std::string_view text);
  int32_t level() const { return level_; }

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
  int32_t level_;
  bool json_;
};

}  // namespace gantry::daemon
