// URLs as Go's net/url reads them: what it takes, and in which words it refuses the rest. Pure, any thread.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "gantry/status.hpp"

namespace gantry::kinds {

struct Url {
  std::string scheme;  // in lower case
  std::string host;    // with its port
  std::optional<std::string> user;
  std::string query;     // as it is written
  std::string fragment;  // without escapes
};

// An error's message is `parse "TEXT": WHY`.
Expected<Url> parse_url(std::string_view text);

}  // namespace gantry::kinds
