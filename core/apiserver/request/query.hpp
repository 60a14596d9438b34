// Percent-encoding and query strings of request URLs. Pure, any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "gantry/status.hpp"

namespace gantry::apiserver {

std::string percent_decode(std::string_view text, bool plus_is_space);

class Query {
 public:
  static constexpr size_t kMost = 10'000;  // parameters; upstream's own bound
  Query() = default;
  explicit Query(std::string_view raw);
  // How many parameters a query has at most, and how many bytes reading it takes.
  static size_t count(std::string_view raw);
  static size_t cost(std::string_view raw);
  // Forgets all but one parameter, and of its value all but the first `most` bytes.
  void keep_only(std::string_view key, size_t most);
  std::string_view get(std::string_view key) const;  // the first; empty when absent
  bool has(std::string_view key) const;
  std::vector<std::string> all(std::string_view key) const;
  bool flag(std::string_view key) const;  // "1", "true", or present without a value
  // Absent: none; not a number: BadRequest.
  Expected<std::optional<int64_t>> number(std::string_view key) const;

 private:
  std::vector<std::pair<std::string, std::string>> values_;
};

}  // namespace gantry::apiserver
