// What goes wrong again and again (refused credentials, a full disk, no descriptors) is said in the log once a minute a
// topic, with how often it happened since, and counted each time in a metric. The daemon makes one and lends it to the
// rooms; hooks run under no lock. [any-thread]
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>

namespace gantry::limits {

class Notices {
 public:
  struct Hooks {
    // A line for the log. `level` as in abi/log.h.
    std::function<void(std::string_view part, int32_t level, std::string_view text)> log;
    // Each time, for the metric gantry_trouble_total{topic="..."}.
    std::function<void(std::string_view topic)> count;
    std::function<int64_t()> monotonic_ns;
  };
  static constexpr int64_t kPauseNs = 60'000'000'000;

  explicit Notices(Hooks hooks) : hooks_(std::move(hooks)) {}

  // `topic`: a constant of the code in kebab-case, not the peer's words: topics are kept for good. `part`: who speaks,
  // as in the log. `text` says what happened, where, and what to do; it is cut at 2 KiB, and control characters in it
  // are escaped, since peers have their words in it.
  void tell(std::string_view topic, std::string_view part, int32_t level, std::string_view text);
  // The trouble is over: said once if it was told since the last time. Trouble that comes and goes is no reason to
  // speak more often.
  void over(std::string_view topic, std::string_view part, std::string_view text);

 private:
  struct Topic {
    bool told = false;  // and not over
    std::optional<int64_t> next_ns;
    uint64_t unsaid = 0;
  };
  const Hooks hooks_;
  std::mutex mutex_;
  std::map<std::string, Topic, std::less<>> topics_;
};

}  // namespace gantry::limits
