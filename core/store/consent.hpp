// Consent: what an administrator allowed to be lost, by making the file "<database>.accept-loss".
//
// Whatever a start would lose is refused without it. It holds for one start: the file is removed when that succeeded.
#pragma once

#include <filesystem>
#include <functional>
#include <string>
#include <string_view>

#include "gantry/status.hpp"

namespace gantry::store {

class Consent {
 public:
  using Log = std::function<void(int32_t level, std::string_view text)>;

  // `log` may be null.
  Consent(const std::filesystem::path& database, Log log);

  bool used() const { return used_; }
  // Refused, with `loss` and `instead` in the sentence, unless it was given; then it is logged.
  Status ask(const std::string& loss, const std::string& instead, const std::string& consequence);
  void say(int32_t level, std::string_view text) const {
    if (log_) log_(level, text);
  }
  void end();

 private:
  const std::filesystem::path file_;
  const Log log_;
  bool given_ = false, used_ = false;
};

// Before SQLite may touch anything: a database that is missing where one was (`noted`: the revision it had reached, as
// far as known; `witness`: a file that only a folder in use has; both may be empty), and a write-ahead log with a
// break. What was allowed to be lost is put aside, never deleted.
Status check_files(const std::filesystem::path& database, int64_t noted, const std::filesystem::path& witness,
                   Consent& consent);
// Why a database without tables is none to begin with, or OK.
Status check_new(const std::filesystem::path& database, int64_t noted, const std::filesystem::path& witness,
                 Consent& consent);

}  // namespace gantry::store
