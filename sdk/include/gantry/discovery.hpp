// The resources that a server has, from the answer to ApiRequest::DISCOVER. Pure, any thread.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "gantry/status.hpp"

namespace gantry::sdk {

struct ServedResource {
  std::string group, version, name, kind;  // name: the plural
  bool namespaced = false;
  std::vector<std::string> verbs;

  bool can(std::string_view verb) const;
};

// Those of one group version, as one object of the answer holds them, without subresources.
Expected<std::vector<ServedResource>> read_resources(const std::string& list);

}  // namespace gantry::sdk
