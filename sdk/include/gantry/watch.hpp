// Names what a watch is about by the type of its messages.
#pragma once

#include <string>

#include "gantry/abi.pb.h"
#include "gantry/resource.hpp"

namespace gantry::sdk {

template <typename Message>
void set_resource(gantry::abi::WatchSpec& watch) {
  constexpr auto resource = ResourceOf<Message>::name;
  watch.set_group(std::string(resource.group));
  watch.set_version(std::string(resource.version));
  watch.set_resource(std::string(resource.resource));
}

}  // namespace gantry::sdk
